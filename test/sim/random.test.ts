/** Plays random scenarios through the real Kubernetes effects and a simulated cluster; a failure prints how to replay it. */
import { describe, expect, test, vi } from 'vitest'
import { chosenSeed, explore } from '../support/explore.ts'
import type { History } from '../support/history.ts'
import kept from './seeds.json' with { type: 'json' }
import { judgePlayed } from './support/judge.ts'
import { KEPT } from './support/kept.ts'
import { SECRET } from './support/lay-out.ts'
import { type Played, play } from './support/play.ts'
import { scenarios } from './support/scenario-arbitrary.ts'
import type { Scenario } from './support/story.ts'

vi.mock('../../src/effects/system.ts', async (real) => ({
  ...(await real<object>()),
  ...(await import('./support/system.ts'))
}))

/** `SLIPWAY_SIM_RUNS=1000` for more of them. */
const RUNS = Number(process.env.SLIPWAY_SIM_RUNS ?? 25)

const judged = async (scenario: Scenario) => judgePlayed(scenario, await play(scenario))

test(`${RUNS} random scenarios keep every promise`, () => explore('sim', scenarios, judged, chosenSeed(RUNS)))

/** As data, because a seed means something else as soon as the scenarios are made differently. */
describe('scenarios that showed a fault, or would', () => {
  for (const { scenario, why } of [...KEPT, ...kept]) {
    test(why, async () => expect(await judged(scenario as Scenario)).toEqual([]))
  }
})

describe('the judge notices', () => {
  const [first] = kept
  const scenario = first?.scenario as Scenario
  test.each([
    ['what is left', (played: Played) => ({ ...played, history: { ...(played.history as History), left: ['pod x'] } })],
    ['a line that is shown twice', (played: Played) => ({ ...played, shownRun: played.shownRun.repeat(2) })],
    ['a line that is missing', (played: Played) => ({ ...played, shownRun: '' })],
    ['an action that was run twice', (played: Played) => withRuns(played, [['one', 'two'], []])],
    ['a secret in an address', (played: Played) => ({ ...played, requests: [`GET /?q=${SECRET}`] })]
  ])('%s', async (_what, spoil) => {
    expect(judgePlayed(scenario, spoil(await play(scenario)))).not.toEqual([])
  })
})

const withRuns = (played: Played, runs: string[][]): Played => ({
  ...played,
  world: { ...played.world, done: { ...played.world.done, runs } }
})
