/** Shows for each oracle a history that breaks its promise, so that no oracle is satisfied with everything. */
import { beforeAll, describe, expect, test } from 'vitest'
import { BUDGETS } from '../../src/machines/stages.ts'
import type { RUN_ORACLES } from '../../src/visualizer/oracles.ts'
import { SECRET } from '../support/container-step-model.ts'
import type { History, PortCall } from '../support/history.ts'
import { edgePaths } from '../support/machine-graph.ts'
import { mutantOf, targetsIn } from '../support/machine-mutants.ts'
import { playPath } from '../support/path-history.ts'
import { play } from '../support/scenario.ts'
import { ALL_SCRIPTED, type ScriptedMachine } from '../support/scripted-machines.ts'
import { judge, type ORACLES } from './oracles.ts'

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

const LEAK = /^cleanup comes last, on every way out: failed is entered from \S+ without cleaning up$/

type Entered = Extract<History['facts'][number]['fact'], { readonly type: 'entered' }>

/** Changes what is told of entering one state. */
const withEntry =
  (state: string, change: Partial<Entered>) =>
  (history: History): History => ({
    ...history,
    facts: history.facts.map(({ fact, atMs }) => ({
      atMs,
      fact: fact.type === 'entered' && fact.state === state ? { ...fact, ...change } : fact
    }))
  })
/** Tells of states that were entered before another one was. */
const withEntries =
  (before: string, ...states: readonly string[]) =>
  (history: History): History => ({
    ...history,
    facts: history.facts.flatMap((told) => {
      const { fact, atMs } = told
      if (fact.type !== 'entered' || fact.state !== before) return [told]
      const more = states.map((state, at): typeof told => {
        const again = state.startsWith('cleaningUp') ? 'CANCEL' : 'xstate.done.actor.running.backOff'
        const event = states[at - 1] === state ? again : fact.event
        return { atMs, fact: { ...fact, state, from: states[at - 1] ?? fact.from, event } }
      })
      return [...more, { atMs, fact: { ...fact, from: states.at(-1) ?? fact.from } }]
    })
  })

const cleanUpCall: PortCall = { stage: 'cleaningUp', startedAtMs: 9_000, ending: 'succeeded', hurried: false }
const runCall: PortCall = { stage: 'running', startedAtMs: 9_000, ending: 'succeeded', exitCode: 0 }
const many = Array.from({ length: BUDGETS.cleaningUp.attemptsMax }, () => cleanUpCall)

/** One way to break each promise of a run that kept them all. */
const BROKEN: Readonly<Record<keyof typeof ORACLES | keyof typeof RUN_ORACLES, (history: History) => History>> = {
  'nothing is left behind': (history) => ({ ...history, left: ['pod build-1'] }),
  'cleanup once more is a no-op': (history) => ({ ...history, removedAgain: ['pod build-1'] }),
  'the program is run at most once': withCalls(runCall),
  'what runs is what was pushed': withCall('running', { image: 'another:1' }),
  "the exit code is the program's": withOutput({ exitCode: 1 }),
  'the outcome fits the calls': withOutput({ outcome: 'cancelled' }),
  'nothing is called after cleanup': withCalls(runCall),
  'no call is forgotten': withCall('collecting', { ending: 'open' }),
  'calls are bounded': withCalls(...many),
  'a cancelled run ends in time': (history) => ({ ...history, cancelsAtMs: [0], endedAtMs: 5_501 }),
  'a run that is cancelled again cleans up in a hurry': (history) =>
    withCalls(cleanUpCall)({ ...history, cancelsAtMs: [0, 0] }),
  'every call is told': withCalls(cleanUpCall),
  'no secret is told': withOutput({ image: `registry/${SECRET}` }),
  'cleanup comes last, on every way out': withEntry('succeeded', { from: 'inspecting.attempting' }),
  'no stage without the one it needs': withEntry('running.attempting', { event: 'xstate.error.actor.pulling' }),
  'no way leads back': withEntries('running.attempting', 'building.attempting', 'pulling.attempting'),
  'retries are bounded': withEntries('running.attempting', 'running.attempting', 'running.attempting'),
  'CANCELs are bounded': withEntries('succeeded', ...Array.from({ length: 4 }, () => 'cleaningUp.attempting')),
  'what ran is collected': withEntry('collecting.attempting', { state: 'cleaningUp.attempting' }),
  'every state change is told': (history) => ({ ...history, facts: history.facts.toSpliced(2, 1) }),
  'times are in order': (history) => ({ ...history, facts: history.facts.map((told, at) => ({ ...told, atMs: -at })) }),
  'the outcome is true': withOutput({ outcome: 'cancelled' }),
  'the exit code is true': withOutput({ exitCode: 1 }),
  'the records are true': withOutput({ stages: {} })
}

describe('oracles', () => {
  let good: History
  beforeAll(async () => {
    const script = { resolution: 'build', exitCode: 0, calls: {} } as const
    good = await play({ machine: 'container-step', script, budgets: BUDGETS, cancelAtTicks: [], jitter: 1 })
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

/** Each way of a machine into cleaningUp on its own, led to `failed` instead. */
const leaking = ({ model }: ScriptedMachine) =>
  targetsIn(model.machine.config, '').flatMap(({ holder, path }, at) =>
    holder.target === `#${model.machine.id}.cleaningUp` && !path.startsWith('.states.cleaningUp')
      ? mutantOf(model, path, (copy) => {
          Object.assign(targetsIn(copy, '')[at]?.holder ?? {}, { target: `#${model.machine.id}.failed` })
        })
      : []
  )

for (const scripted of ALL_SCRIPTED.filter(({ stages }) => stages.includes('cleaningUp'))) {
  test(`whatever of ${scripted.id} ends without cleaning up is noticed on the path that takes it`, async () => {
    const ways = edgePaths(scripted.model).filter(
      ({ state, steps }) => state.matches('cleaningUp') && !steps.at(-2)?.state.matches('cleaningUp')
    )
    const unnoticed: string[] = []
    const mutants = leaking(scripted)
    for (const { title, model } of mutants) {
      let isNoticed = false
      for (const way of ways) {
        const complaints = judge(await playPath(scripted, way, model.machine))
        isNoticed ||= complaints.some((complaint) => LEAK.test(complaint))
        if (isNoticed) break
      }
      if (!isNoticed) unnoticed.push(title)
    }
    expect(mutants.length).toBeGreaterThan(2)
    expect(unnoticed).toEqual([])
  })
}
