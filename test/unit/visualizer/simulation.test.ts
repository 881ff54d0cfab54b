/** Goal: a simulated run can do what the real machine could, no more and no less, in every situation either can get into. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AnyMachineSnapshot, createMachine, initialTransition } from 'xstate'
import { CLEANUP_BUDGET_MS } from '../../../src/machines/stages.ts'
import { compareMachines, unite, withoutRemoved } from '../../../src/visualizer/difference.ts'
import { currentMachines, toGraph } from '../../../src/visualizer/graph.ts'
import type { GraphTransition, MachineGraph } from '../../../src/visualizer/graph-format.ts'
import {
  attemptsOf,
  budgetMsOf,
  choicesOf,
  codesHere,
  outerOf,
  SimulationError,
  STEPS_MAX,
  type Stand,
  standsOf,
  start,
  take
} from '../../../src/visualizer/simulation.ts'
import { containerStepModel } from '../../support/container-step-model.ts'
import { aheadBuildModel, jobCleanupModel, jobStartModel, scriptStepModel } from '../../support/job-models.ts'
import { createPureStep, type Edge, edgesOf, type MachineModel } from '../../support/machine-graph.ts'

const set = currentMachines()
const machines = set.machines.map((graph) => [graph.id, graph] as const)
const machineOf = (id: string): MachineGraph => {
  const found = set.machines.find((graph) => graph.id === id)
  if (found === undefined) throw new Error(`no machine ${id}`)
  return found
}

const idsOf = (transitions: readonly GraphTransition[]) => transitions.map(({ id }) => id)

/** What decides about the rest of a run. */
const keyOf = (stand: Stand): string => {
  const { state, cancels, isCancelled, failedIn } = stand
  return JSON.stringify([state, attemptsOf(stand), cancels, isCancelled, failedIn !== undefined])
}

/** Every situation, with a shortest path to it. */
function situations(graph: MachineGraph): readonly (readonly [Stand, readonly string[]])[] {
  const found: [Stand, readonly string[]][] = [[start(graph), []]]
  const seen = new Set(found.map(([stand]) => keyOf(stand)))
  for (const [stand, path] of found) {
    for (const { id } of choicesOf(graph, stand)) {
      const next = take(graph, stand, id)
      if (seen.has(keyOf(next))) continue
      seen.add(keyOf(next))
      found.push([next, [...path, id]])
    }
  }
  return found
}

describe.each(machines)('%s, simulated', (_id, graph) => {
  const all = situations(graph)

  test('can take every transition', () => {
    const taken = new Set(all.flatMap(([stand]) => idsOf(choicesOf(graph, stand))))
    expect([...taken].toSorted()).toEqual(idsOf(graph.transitions).toSorted())
  })

  test('can get into every state', () => {
    const entered = new Set(all.flatMap(([{ state, visits }]) => [state, ...visits.map((visit) => visit.state)]))
    expect([...entered].toSorted()).toEqual(graph.states.map(({ id }) => id).toSorted())
  })

  test('stops at the ends, and only there', () => {
    const stopped = all.filter(([stand]) => choicesOf(graph, stand).length === 0)
    expect(stopped.length).toBeGreaterThan(0)
    expect(stopped.filter(([stand]) => outerOf(graph, stand).kind !== 'end')).toEqual([])
    const ends = all.filter(([stand]) => outerOf(graph, stand).kind === 'end')
    expect(ends).toHaveLength(stopped.length)
  })

  test('never begins more attempts than the stage has, and offers another one exactly while some are left', () => {
    for (const [stand] of all) {
      const { attemptsMax } = outerOf(graph, stand)
      const retry = choicesOf(graph, stand).some(({ kind }) => kind === 'retry')
      if (attemptsMax === undefined) expect(attemptsOf(stand)).toBeLessThanOrEqual(1)
      else expect(attemptsOf(stand)).toBeLessThanOrEqual(attemptsMax)
      expect(retry, stand.state).toBe(attemptsMax !== undefined && !stand.isBackOff && attemptsOf(stand) < attemptsMax)
    }
  })

  test('says of every running attempt what it may fail with', () => {
    for (const [stand] of all) {
      const { again, last } = codesHere(graph, stand)
      const kinds = choicesOf(graph, stand).map(({ kind }) => kind)
      expect(last.length > 0, stand.state).toBe(kinds.includes('failed'))
      expect(again.length > 0, stand.state).toBe(kinds.includes('retry'))
      expect(again.filter((code) => last.includes(code))).toEqual([])
    }
  })

  test('is what its transitions make of it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 60 }), (picks) => {
        const path: string[] = []
        let stand = start(graph)
        for (const pick of picks) {
          const choices = choicesOf(graph, stand)
          if (choices.length === 0) break
          const { id } = choices[pick % choices.length] as GraphTransition
          path.push(id)
          stand = take(graph, stand, id)
        }
        expect(standsOf(graph, path).at(-1)).toEqual(stand)
        expect(stand.steps).toBe(path.length)
      })
    )
  })

  test('ends within the bound, even if all goes as slowly as it can', () => {
    let stand = start(graph)
    for (let next: GraphTransition | undefined; ; stand = take(graph, stand, next.id)) {
      const choices = choicesOf(graph, stand)
      const isSlow = ({ kind, to }: GraphTransition) =>
        kind === 'retry' || kind === 'backOff' || (kind === 'cancel' && to === outerOf(graph, stand).id)
      next = choices.find(isSlow) ?? choices.find(({ kind }) => kind === 'done') ?? choices[0]
      if (next === undefined) break
    }
    expect(outerOf(graph, stand).kind).toBe('end')
    expect(stand.steps).toBeLessThan(STEPS_MAX)
  })

  test('refuses what cannot be taken', () => {
    for (const [stand] of all.slice(0, 40)) {
      const offered = idsOf(choicesOf(graph, stand))
      for (const id of idsOf(graph.transitions).filter((one) => !offered.includes(one))) {
        expect(() => take(graph, stand, id)).toThrow(SimulationError)
      }
    }
  })
})

const models: readonly (readonly [string, MachineModel])[] = [
  ['container-step', containerStepModel],
  ['job-start', jobStartModel],
  ['script-step', scriptStepModel],
  ['job-cleanup', jobCleanupModel],
  ['ahead-build', aheadBuildModel]
]

test('every machine has a model to be held against', () =>
  expect(models.map(([id]) => id)).toEqual(set.machines.map(({ id }) => id)))

describe.each(models)('%s, simulated beside the real machine', (id, model) => {
  const { budgets } = model.input as { budgets: Readonly<Record<string, { attemptsMax: number }>> }
  const real = machineOf(id)
  /** With the small budgets that the model walks the machine with. */
  const graph = {
    ...real,
    states: real.states.map((state) => {
      const attemptsMax = budgets[state.id.slice(id.length + 1)]?.attemptsMax
      return state.attemptsMax === undefined || attemptsMax === undefined ? state : { ...state, attemptsMax }
    })
  }
  const step = createPureStep(model.machine)
  const edges = new Map<string, readonly Edge[]>()
  for (const edge of edgesOf(model)) {
    const key = model.keyOf(edge.state)
    edges.set(key, [...(edges.get(key) ?? []), edge])
  }
  const [initial] = initialTransition(model.machine, model.input) as unknown as readonly [AnyMachineSnapshot]

  /** What the machine could do in any of these situations, and the situations after it. */
  function realChoices(keys: readonly string[]): ReadonlyMap<string, readonly string[]> {
    const choices = new Map<string, Set<string>>()
    for (const { state, event, nextState } of keys.flatMap((key) => edges.get(key) ?? [])) {
      const [transition] = step(state, event)
      if (transition === undefined) continue
      choices.set(transition, (choices.get(transition) ?? new Set()).add(model.keyOf(nextState)))
    }
    return new Map([...choices].map(([transition, next]) => [transition, [...next].toSorted()]))
  }

  test('offers what it could do, in every situation', () => {
    const queue: { readonly stand: Stand; readonly keys: readonly string[]; readonly path: readonly string[] }[] = [
      { stand: start(graph), keys: [model.keyOf(initial)], path: [] }
    ]
    const seen = new Set<string>()
    const taken = new Set<string>()
    for (const { stand, keys, path } of queue) {
      const possible = realChoices(keys)
      const offered = idsOf(choicesOf(graph, stand))
      expect(offered.toSorted(), path.join(', ')).toEqual([...possible.keys()].toSorted())
      for (const choice of offered) {
        taken.add(choice)
        const next = { stand: take(graph, stand, choice), keys: possible.get(choice) ?? [], path: [...path, choice] }
        const key = JSON.stringify([keyOf(next.stand), next.keys])
        if (seen.has(key)) continue
        seen.add(key)
        queue.push(next)
      }
    }
    expect(taken.size).toBe(graph.transitions.length)
  })
})

describe('a simulated container-step', () => {
  const graph = machineOf('container-step')
  const run = (...transitions: readonly string[]) => {
    const stands = standsOf(
      graph,
      transitions.map((id) => `container-step.${id}`)
    )
    return stands.at(-1) as Stand
  }
  const done = (stage: string, branch = 0) => `${stage}.attempting|xstate.done.actor.${stage}|${branch}`
  const failed = (stage: string) => `${stage}.attempting|xstate.error.actor.${stage}|1`
  const retry = (stage: string) => `${stage}.attempting|xstate.error.actor.${stage}|0`
  const waited = (stage: string) => `${stage}.backingOff|xstate.done.actor.${stage}.backOff|0`
  const ends = (stand: Stand) => choicesOf(graph, stand).flatMap(({ kind, guard }) => (kind === 'done' ? [guard] : []))

  test('counts attempts by stage', () => {
    const stand = run(retry('resolving'), waited('resolving'), done('resolving'), retry('building'))
    expect(stand.visits).toEqual([
      { state: 'container-step.resolving', attempts: 2 },
      { state: 'container-step.building', attempts: 1 }
    ])
    expect(stand).toMatchObject({ state: 'container-step.building.backingOff', isBackOff: true })
  })

  test('keeps the first failure, and ends as it says', () => {
    const stand = run(
      done('resolving', 4),
      done('pulling'),
      `running.attempting|xstate.error.actor.running|0`,
      failed('collecting')
    )
    expect(stand.failedIn).toBe('container-step.running')
    expect(ends(stand)).toEqual(['failed'])
  })

  test('may have succeeded or failed when its action has run, since only the exit code tells', () => {
    expect(ends(run(done('resolving', 4), done('pulling'), done('running'), done('collecting')))).toEqual([
      'failed',
      'succeeded'
    ])
  })

  test('is cancelled by a CANCEL before cleanup, whatever failed, and by none after', () => {
    expect(ends(run('resolving|CANCEL|0'))).toEqual(['cancelled'])
    expect(ends(run(failed('resolving'), 'cleaningUp|CANCEL|0'))).toEqual(['failed'])
  })

  test('hurries cleanup with each CANCEL, until it cannot be faster', () => {
    const budgets = [
      run(failed('resolving')),
      run(failed('resolving'), 'cleaningUp|CANCEL|0'),
      run(failed('resolving'), 'cleaningUp|CANCEL|0', 'cleaningUp|CANCEL|0')
    ]
    expect(budgets.map((stand) => budgetMsOf(graph, stand))).toEqual(CLEANUP_BUDGET_MS)
    expect(() => take(graph, budgets[2] as Stand, 'container-step.cleaningUp|CANCEL|0')).toThrow(
      'step 4 cannot be taken there'
    )
    expect(() => run('resolving|CANCEL|0', 'cleaningUp|CANCEL|0', 'cleaningUp|CANCEL|0')).toThrow(SimulationError)
  })

  test('calls only a running attempt’s codes by name, and none retryable in a stage that is never repeated', () => {
    expect(codesHere(graph, run(retry('resolving')))).toEqual({ again: [], last: [] })
    expect(codesHere(graph, run(done('resolving', 4), done('pulling'))).again).toEqual([])
    expect(codesHere(graph, run()).again).toContain('registry-unreachable')
    expect(codesHere(graph, run()).last).toContain('push-denied')
  })
})

describe('any other machine', () => {
  test('that never ends is stopped by the bound', () => {
    const graph = toGraph(
      createMachine({ id: 'loop', initial: 'a', states: { a: { on: { GO: 'b' } }, b: { on: { GO: 'a' } } } })
    )
    let stand = start(graph)
    while (choicesOf(graph, stand)[0] !== undefined) stand = take(graph, stand, choicesOf(graph, stand)[0]?.id ?? '')
    expect(stand.steps).toBe(STEPS_MAX)
  })

  test('with a transition of its own, and states in states in states, is entered to the innermost', () => {
    const graph = toGraph(
      createMachine({
        id: 'deep',
        initial: 'a',
        on: { STOP: '.end' },
        states: {
          a: { initial: 'b', states: { b: { initial: 'c', states: { c: { on: { GO: '#deep.end' } } } } } },
          end: { type: 'final' }
        }
      })
    )
    const stand = start(graph)
    expect(stand.state).toBe('deep.a.b.c')
    expect(choicesOf(graph, stand).map(({ label }) => label)).toEqual(['GO', 'STOP'])
    expect(choicesOf(graph, take(graph, stand, 'deep|STOP|0'))).toEqual([])
  })

  test('that has only gone states has nowhere to start', () => {
    expect(() => start({ id: 'gone', source: '', states: [], transitions: [] })).toThrow(
      new SimulationError('this machine has no state to start in')
    )
  })
})

test('a drawing of two versions is simulated as the newer one', () => {
  const [first, ...others] = set.machines as readonly [MachineGraph, ...MachineGraph[]]
  const old = {
    ...set,
    machines: [
      {
        ...first,
        states: [
          ...first.states,
          { id: `${first.id}.scanning`, kind: 'stage', label: 'Scan', initial: false } as const
        ],
        transitions: [
          ...first.transitions,
          {
            id: `${first.id}.resolving|SCAN|0`,
            from: `${first.id}.resolving`,
            to: `${first.id}.scanning`,
            event: 'SCAN',
            kind: 'cancel',
            label: 'SCAN'
          } as const
        ]
      },
      ...others
    ]
  }
  const { set: drawn, difference } = unite(old, set)
  expect(drawn.machines[0]?.transitions).toHaveLength(first.transitions.length + 1)
  const alone = { ...drawn, machines: drawn.machines.map((graph) => withoutRemoved(graph, difference)) }
  expect(compareMachines(set, alone)).toEqual([])
})
