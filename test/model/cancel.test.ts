/** Cancel orders at the moments that matter most, by hand: random search gets to them, but names them badly. */
import { expect, test } from 'vitest'
import { BUDGETS, CLEANUP_BUDGET_MS } from '../../src/machines/stages.ts'
import { play, type Scenario } from '../support/scenario.ts'
import type { Behaviour, Script } from '../support/script.ts'
import { ALL_SCRIPTED } from '../support/scripted-machines.ts'
import { judge } from './oracles.ts'

const hang: Behaviour = { does: 'hangUntilAborted' }
const failForNow: Behaviour = { does: 'fail', afterMs: 0, code: 'cleanup-failed' }
const succeed: Behaviour = { does: 'succeed', afterMs: 0 }

/** A prebuilt image in production budgets; ticks 0 and 1 end resolving and pulling, so tick 2 finds it running. */
const scenario = (calls: Script['calls'], cancelAtTicks: readonly number[]): Scenario => ({
  machine: 'container-step',
  script: {
    resolution: 'prebuilt',
    exitCode: 0,
    calls
  },
  budgets: BUDGETS,
  cancelAtTicks,
  jitter: 1
})

for (const { orders, words, allowedMs } of [
  { orders: [2], words: 'one cancel order leaves the time until SIGTERM', allowedMs: CLEANUP_BUDGET_MS[1] },
  { orders: [2, 2], words: 'a second one leaves the time until SIGKILL', allowedMs: CLEANUP_BUDGET_MS[2] },
  { orders: [2, 2, 2], words: 'a third one changes nothing', allowedMs: CLEANUP_BUDGET_MS[2] }
]) {
  test(`a cleanup that hangs: ${words}`, async () => {
    const history = await play(scenario({ running: [hang], cleaningUp: [hang, hang, hang] }, orders))
    const cleanUps = history.calls.filter((call) => call.stage === 'cleaningUp')
    expect(history.output).toMatchObject({ outcome: 'stuck', exitCode: 130, remaining: ['pod step-1'] })
    expect(history.endedAtMs - (history.cancelsAtMs.at(-1) ?? 0)).toBe(allowedMs)
    expect(cleanUps).toHaveLength(Math.min(orders.length, 2))
    expect(judge(history)).toEqual([])
  })
}

test('a cancel order in the middle of the run aborts it, collects nothing, and cleans up', async () => {
  const history = await play(scenario({ running: [hang] }, [2]))
  expect(history.calls.map(({ stage, ending }) => `${stage} ${ending}`)).toEqual([
    'resolving succeeded',
    'pulling succeeded',
    'running abandoned',
    'cleaningUp succeeded'
  ])
  expect(history.output).toMatchObject({ outcome: 'cancelled', exitCode: 130 })
})

test('cancel orders during cleanup start it again, the second one in a hurry, and leave the outcome as it was', async () => {
  const history = await play(scenario({ cleaningUp: [hang, hang, succeed] }, [4, 4]))
  expect(history.calls.slice(-3)).toMatchObject([
    { stage: 'cleaningUp', ending: 'abandoned', hurried: false },
    { stage: 'cleaningUp', ending: 'abandoned', hurried: false },
    { stage: 'cleaningUp', ending: 'succeeded', hurried: true }
  ])
  expect(history.output).toMatchObject({ outcome: 'succeeded', exitCode: 0 })
})

test('a cancel order during cleanup gives it all of its attempts again', async () => {
  const { attemptsMax } = BUDGETS.cleaningUp
  const allButOne = Array.from({ length: attemptsMax - 1 }, () => failForNow)
  // Every failed attempt takes one tick, and so does the back-off after it; the last attempt hangs until the order.
  const history = await play(
    scenario({ cleaningUp: [...allButOne, hang, ...allButOne, succeed] }, [4 + 2 * allButOne.length])
  )
  expect(history.calls.filter((call) => call.stage === 'cleaningUp')).toHaveLength(2 * attemptsMax)
  expect(history.output.outcome).toBe('succeeded')
})

/** Every stage answers, fails once for now, fails for good, or hangs: what a CANCEL may meet. */
const MANNERS: Readonly<Record<string, readonly Behaviour[]>> = {
  'all goes well': [],
  'everything is tried again': [{ does: 'fail', afterMs: 5, code: 'cluster-unreachable' }],
  'everything fails for good': [{ does: 'fail', afterMs: 5, code: 'cluster-forbidden' }],
  'everything hears nothing': Array.from({ length: 3 }, () => ({ does: 'succeedDespiteAbort', afterMs: 5 }) as const)
}
/** More than any of them takes. */
const TICKS_MAX = 60

for (const { id, stages, model } of ALL_SCRIPTED) {
  for (const [manner, behaviours] of Object.entries(MANNERS)) {
    test(`${id} keeps every promise with CANCELs at every moment, when ${manner}`, async () => {
      const { budgets } = model.input as Pick<Scenario, 'budgets'>
      const calls = Object.fromEntries(stages.map((stage) => [stage, behaviours]))
      const whenCancelled = (cancelAtTicks: readonly number[]) =>
        play({ machine: id, script: { resolution: 'build', exitCode: 0, calls }, budgets, cancelAtTicks, jitter: 1 })
      let tick = 0
      for (let wasHeard = true; wasHeard; tick += 1) {
        expect(tick).toBeLessThan(TICKS_MAX)
        for (const cancels of [[tick], [tick, tick], [tick, tick + 1], [tick, tick + 1, tick + 2]]) {
          const history = await whenCancelled(cancels)
          wasHeard = history.cancelsAtMs.length > 0
          expect([cancels, judge(history)]).toEqual([cancels, []])
        }
      }
      expect(tick).toBeGreaterThan(1)
    })
  }
}
