/** Shows for each oracle a history that breaks its promise, so that no oracle is satisfied with everything. */
import { beforeAll, describe, expect, test } from 'vitest'
import { BUDGETS } from '../../src/machines/budgets.ts'
import { SECRET } from '../support/container-step-model.ts'
import type { History, PortCall } from '../support/history.ts'
import { play } from '../support/scenario.ts'
import { judge, type ORACLES } from './oracles.ts'

const without =
  (stage: string) =>
  (history: History): History => ({
    ...history,
    calls: history.calls.filter((call) => call.stage !== stage)
  })
const withCalls =
  (...calls: readonly PortCall[]) =>
  (history: History): History => ({
    ...history,
    calls: [...history.calls, ...calls]
  })
const withCall =
  (stage: string, change: Partial<PortCall>) =>
  (history: History): History => ({
    ...history,
    calls: history.calls.map((call) => (call.stage === stage ? { ...call, ...change } : call))
  })
const withOutput =
  (change: Partial<History['output']>) =>
  (history: History): History => ({
    ...history,
    output: { ...history.output, ...change }
  })

const cleanUpCall: PortCall = { stage: 'cleaningUp', startedAtMs: 9_000, ending: 'succeeded', hurried: false }
const runCall: PortCall = { stage: 'running', startedAtMs: 9_000, ending: 'succeeded', exitCode: 0 }

/** One way to break each promise of a run that kept them all. */
const BROKEN: Readonly<Record<keyof typeof ORACLES, (history: History) => History>> = {
  'nothing is left behind': (history) => ({ ...history, left: ['pod build-1'] }),
  'cleanup once more is a no-op': (history) => ({ ...history, removedAgain: ['pod build-1'] }),
  'no push without build, no run without pull': without('building'),
  'the action is run at most once': withCalls(runCall),
  'what runs is what was pushed': withCall('running', { image: 'another:1' }),
  'the exit code is true': withOutput({ exitCode: 1 }),
  'the outcome is true': withOutput({ outcome: 'cancelled' }),
  'cleanup comes last, on every way out': withCalls(runCall),
  'what ran is collected': without('collecting'),
  'no call is forgotten': withCall('collecting', { ending: 'open' }),
  'retries are bounded': withCalls(...Array.from({ length: BUDGETS.cleaningUp.attemptsMax }, () => cleanUpCall)),
  'a cancelled step ends in time': (history) => ({ ...history, cancelsAtMs: [0], endedAtMs: 5_501 }),
  'a step that is cancelled again cleans up in a hurry': (history) =>
    withCalls(cleanUpCall)({ ...history, cancelsAtMs: [0, 0] }),
  'every state change is observed': (history) => ({ ...history, facts: history.facts.toSpliced(2, 1) }),
  'times are in order': (history) => ({ ...history, facts: history.facts.map((told, at) => ({ ...told, atMs: -at })) }),
  'no secret is told': withOutput({ image: `registry/${SECRET}` })
}

describe('oracles', () => {
  let good: History
  beforeAll(async () => {
    const calls = { resolving: [], building: [], pushing: [], pulling: [], running: [], collecting: [], cleaningUp: [] }
    const script = { resolution: 'build', exitCode: 0, calls } as const
    good = await play({ script, budgets: BUDGETS, cancelAtTicks: [], jitter: 1 })
  })

  test('have nothing to say about a run that goes well', () => {
    expect(good.output.outcome).toBe('succeeded')
    expect(judge(good)).toEqual([])
  })

  for (const [promise, damage] of Object.entries(BROKEN)) {
    test(`notice when it is broken: ${promise}`, () => {
      expect(judge(damage(good)).filter((complaint) => complaint.startsWith(`${promise}: `))).not.toEqual([])
    })
  }
})
