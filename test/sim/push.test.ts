/** How a push that is tried again looks from outside: which states it goes through, and that nothing is waited for in vain. */
import { expect, test } from 'vitest'
import { judgePlayed } from './support/judge.ts'
import { type Played, play } from './support/play.ts'
import type { Outage, Program, PushTry, Scenario } from './support/story.ts'

const program: Program = { lines: [], endsAfterMs: 500, exitCode: 0 }
const usual = {
  scheduledAfterMs: 0,
  pullFailures: 0,
  pullMessage: '',
  startedAfterMs: 100,
  reportedAfterMs: 100,
  program
}
const refused = (endsAfterMs: number): PushTry => ({ endsAfterMs, isAccepted: false })
const accepted = (endsAfterMs: number): PushTry => ({ endsAfterMs, isAccepted: true })

const scenarioOf = (pushes: readonly PushTry[], outage?: Outage): Scenario => ({
  asksFor: 'Dockerfile',
  builds: [{ ...usual, pushes }],
  step: usual,
  faults: [],
  ...(outage && { outage }),
  orders: []
})

/** `pushing.trying at 700`, and the like. */
const entriesOf = ({ history }: Played) =>
  (history?.facts ?? []).flatMap(({ fact, atMs }) => (fact.type === 'entered' ? [{ ...fact, atMs }] : []))
const pushing = (played: Played) => entriesOf(played).filter(({ state }) => state.startsWith('pushing.'))

test('each try is a state of its own, and so is each wait', async () => {
  const scenario = scenarioOf([refused(300), refused(300), accepted(3_000)])
  const played = await play(scenario)
  expect(judgePlayed(scenario, played)).toEqual([])
  expect(pushing(played).map(({ state, at }) => `${state} ${at?.attempt}`)).toEqual([
    'pushing.trying 1',
    'pushing.waitingForNextTry 1',
    'pushing.trying 2',
    'pushing.waitingForNextTry 2',
    'pushing.trying 3'
  ])
  expect(played.history?.output.stages.pushing).toMatchObject({ attempts: 3 })
})

test('a push that has finished is not waited for, whatever was last known of its tries', async () => {
  // The container waits a second after the failure; that it does is seen up to a second later.
  const played = await play(scenarioOf([refused(100), accepted(0)]))
  const pulling = entriesOf(played).find(({ state }) => state === 'pulling.attempting')
  const [began, waited] = pushing(played)
  expect(waited?.state).toBe('pushing.waitingForNextTry')
  expect(pulling?.from).toBe('pushing.waitingForNextTry')
  expect((pulling?.atMs ?? 0) - (began?.atMs ?? 0)).toBeLessThan(1_500)
})

test('a push that is refused at every try fails with what the last one said, and is told seven times', async () => {
  const scenario = scenarioOf([refused(100)])
  const played = await play(scenario)
  expect(judgePlayed(scenario, played)).toEqual([])
  expect(played.history?.output).toMatchObject({ outcome: 'failed', failure: { code: 'registry-unreachable' } })
  const failed = played.history?.facts.flatMap(({ fact }) => (fact.type === 'attemptFailed' ? [fact.retrying] : []))
  expect(failed).toEqual([true, true, true, true, true, true, false])
})

test('a push goes on while the API server is away, however long that lasts', async () => {
  const scenario = scenarioOf([accepted(20_000)], { fromMs: 2_000, forMs: 90_000 })
  const played = await play(scenario)
  expect(played.history?.output).toMatchObject({ outcome: 'succeeded', exitCode: 0 })
  expect(played.history?.output.stages.pushing).toMatchObject({ attempts: 1 })
})
