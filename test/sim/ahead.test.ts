/** A step whose Dockerfile is built ahead in its job: it joins that build, or builds by itself, and what was made goes with the job. */
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { chosenSeed, explore } from '../support/explore.ts'
import { judgePlayed } from './support/judge.ts'
import { type Played, play } from './support/play.ts'
import { scenarios } from './support/scenario-arbitrary.ts'
import type { AheadStory, BuildStory, Program, Scenario } from './support/story.ts'

vi.mock('../../src/effects/system.ts', async (real) => ({
  ...(await real<object>()),
  ...(await import('./support/system.ts'))
}))

/** `SLIPWAY_SIM_RUNS=1000` for more of them. */
const RUNS = Number(process.env.SLIPWAY_SIM_RUNS ?? 8)
const program = (endsAfterMs: number, exitCode: number): Program => ({
  lines: [{ atMs: 0, text: 'one' }],
  endsAfterMs,
  exitCode
})
const usual = { scheduledAfterMs: 0, pullFailures: 0, pullMessage: '', startedAfterMs: 100, reportedAfterMs: 100 }
const built: BuildStory = { ...usual, program: program(4_000, 0), pushes: [{ endsAfterMs: 500, isAccepted: true }] }

const scenarioOf = (ahead: AheadStory, more: Partial<Scenario> = {}): Scenario => ({
  asksFor: 'Dockerfile',
  builds: [built],
  step: { ...usual, program: program(500, 3) },
  faults: [],
  orders: [],
  ahead,
  ...more
})

const statesOf = ({ history }: Played) =>
  (history?.facts ?? []).flatMap(({ fact }) => (fact.type === 'entered' ? [fact.state.split('.')[0]] : []))

test.each<[string, Scenario, { readonly builds: number; readonly joins: boolean; readonly exitCode: number }]>([
  ['is being built is joined', scenarioOf({ headStartMs: 2_000 }), { builds: 1, joins: true, exitCode: 3 }],
  ['was built is there', scenarioOf({ headStartMs: 20_000 }), { builds: 1, joins: false, exitCode: 3 }],
  [
    'is built by somebody who was killed is joined all the same',
    scenarioOf({ headStartMs: 2_000, killedAtMs: 1_900 }),
    { builds: 1, joins: true, exitCode: 3 }
  ],
  [
    'is being built in a pod that others delete is built anew, by both',
    scenarioOf(
      { headStartMs: 2_000 },
      { builds: [{ ...built, mishap: { kind: 'deleted by others', afterMs: 3_000 } }, built] }
    ),
    { builds: 4, joins: true, exitCode: 3 }
  ],
  [
    'cannot be built fails the step after all tries, and only that',
    scenarioOf({ headStartMs: 2_000 }, { builds: [{ ...built, program: program(4_000, 1) }] }),
    { builds: 6, joins: true, exitCode: 1 }
  ]
])('what %s', async (_title, scenario, { builds, joins, exitCode }) => {
  const played = await play(scenario)
  expect(judgePlayed(scenario, played)).toEqual([])
  expect(played.history?.output.exitCode).toBe(exitCode)
  expect(played.world.done.builds).toBe(builds)
  expect(statesOf(played).includes('joining')).toBe(joins)
  expect(played.left).toEqual([])
})

test('a step that is cancelled while it joins leaves the build to its job, and that leaves nothing', async () => {
  const scenario = scenarioOf({ headStartMs: 1_000 }, { orders: [{ does: 'cancel', atMs: 2_500 }] })
  const played = await play(scenario)
  expect(judgePlayed(scenario, played)).toEqual([])
  expect(played.history?.output.outcome).toBe('cancelled')
  expect(played.left).toEqual([])
})

const ahead = fc.record({
  headStartMs: fc.nat(12_000),
  killedAtMs: fc.option(fc.nat(12_000), { nil: undefined })
})
const stories = fc.tuple(scenarios, ahead).map(
  ([scenario, ahead]): Scenario => ({
    ...scenario,
    asksFor: 'Dockerfile',
    // A step that is killed is another suite's.
    orders: scenario.orders.filter(({ does }) => does === 'cancel'),
    ahead
  })
)
const judged = async (scenario: Scenario) => judgePlayed(scenario, await play(scenario))

test(`${RUNS} random ones keep every promise`, () => explore('sim', stories, judged, chosenSeed(RUNS), 'ahead'))
