/** Goal: a link replays exactly the run it was made from, or says in one line that it does not; whoever wrote it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { currentMachines } from '../../../src/visualizer/graph.ts'
import type { GraphTransition, MachineGraph } from '../../../src/visualizer/graph-format.ts'
import { choicesOf, SimulationError, STEPS_MAX, standsOf, start, take } from '../../../src/visualizer/simulation.ts'
import { fromFragment, isSimulation, toFragment } from '../../../src/visualizer/simulation-link.ts'

const { machines } = currentMachines()
const machineOf = (id: string): MachineGraph => machines.find((graph) => graph.id === id) as MachineGraph

/** A run that takes the choices with these numbers. */
function walk(graph: MachineGraph, picks: readonly number[]): readonly string[] {
  const path: string[] = []
  let stand = start(graph)
  for (const pick of picks) {
    const choices = choicesOf(graph, stand)
    if (choices.length === 0) break
    const { id } = choices[pick % choices.length] as GraphTransition
    path.push(id)
    stand = take(graph, stand, id)
  }
  return path
}

const anyRun = fc
  .tuple(fc.constantFrom(...machines), fc.array(fc.nat(9), { maxLength: 40 }))
  .map(([graph, picks]) => ({ graph, taken: walk(graph, picks) }))

/** What becomes of a link: a run that can be taken, or one line about it that has nothing of the link's own text. */
function expectHarmless(fragment: string): void {
  try {
    const { machine, taken } = fromFragment(fragment, machines)
    expect(taken.length).toBeLessThanOrEqual(STEPS_MAX)
    expect(standsOf(machineOf(machine), taken)).toHaveLength(taken.length + 1)
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(SimulationError)
    const { message } = thrown as Error
    expect(message).toMatch(/^this link (is|does not fit)[a-z0-9 ,:]+$/)
    expect(message.length).toBeLessThan(120)
  }
}

test('a link is short, and made of what needs no escape', () => {
  const graph = machineOf('container-step')
  const fragment = toFragment(graph, walk(graph, [0, 0, 0, 0, 0, 0, 1]))
  expect(fragment).toMatch(/^#simulate=container-step:0\.0\.3\.0\.0\.0\.2:[0-9a-z]+$/)
  expect(toFragment(graph, [])).toBe('#simulate=container-step')
})

test('every run comes back from its link', () => {
  fc.assert(
    fc.property(anyRun, ({ graph, taken }) => {
      const fragment = toFragment(graph, taken)
      expect(isSimulation(fragment)).toBe(true)
      expect(new URL(fragment, 'file:///page.html').hash).toBe(fragment)
      expect(fromFragment(fragment, machines)).toEqual({ machine: graph.id, taken })
    })
  )
})

test('the longest run has a link', () => {
  const graph = machineOf('script-step')
  const isSlow = ({ kind }: GraphTransition) => kind === 'retry' || kind === 'backOff'
  const path: string[] = []
  let stand = start(graph)
  for (;;) {
    const next = choicesOf(graph, stand).find(isSlow)
    if (next === undefined) break
    path.push(next.id)
    stand = take(graph, stand, next.id)
  }
  expect(path.length).toBeGreaterThan(900)
  expect(fromFragment(toFragment(graph, path), machines).taken).toEqual(path)
})

describe('a link to a machine that has changed since', () => {
  const graph = machineOf('container-step')
  const success = [
    'resolving.attempting|xstate.done.actor.resolving|0',
    'building.attempting|xstate.done.actor.building|0',
    'pushing|xstate.done.actor.pushing|0',
    'pulling.attempting|xstate.done.actor.pulling|0',
    'running.attempting|xstate.done.actor.running|0',
    'collecting.attempting|xstate.done.actor.collecting|0',
    'cleaningUp.attempting|xstate.done.actor.cleaningUp|2'
  ].map((id) => `container-step.${id}`)
  const link = toFragment(graph, success)
  const openIn = (changed: MachineGraph) => () => fromFragment(link, [changed])

  test('still replays when what changed is not on its way', () => {
    const hasNoTimeouts = graph.transitions.filter(({ kind }) => kind !== 'timeout')
    expect(openIn({ ...graph, transitions: hasNoTimeouts })().taken).toEqual(success)
    expect(openIn({ ...graph, states: graph.states.toReversed() })().taken).toEqual(success)
  })

  test('says that it does not fit when the branches on its way stand in another order', () => {
    const otherOrder = graph.transitions.toReversed().toSorted((one, other) => one.from.localeCompare(other.from))
    expect(openIn({ ...graph, transitions: otherOrder })).toThrow('this link does not fit this version of the machine')
  })

  test.each<readonly [string, MachineGraph]>([
    [
      'leads elsewhere',
      {
        ...graph,
        transitions: graph.transitions.map((one) =>
          one.id === success[3] ? { ...one, to: 'container-step.collecting' } : one
        )
      }
    ],
    ['lacks a step', { ...graph, transitions: graph.transitions.filter(({ id }) => id !== success[6]) }],
    ['does not try again', { ...graph, states: graph.states.map(({ attemptsMax: _attemptsMax, ...state }) => state) }],
    [
      'starts elsewhere',
      { ...graph, states: graph.states.map((state) => ({ ...state, initial: state.id === 'container-step.pulling' })) }
    ],
    ['has no state left', { ...graph, states: [], transitions: [] }]
  ])('says that it does not fit when the machine %s', (_how, changed) => {
    const retried = toFragment(graph, [
      'container-step.resolving.attempting|xstate.error.actor.resolving|0',
      'container-step.resolving.backingOff|xstate.done.actor.resolving.backOff|0',
      ...success
    ])
    expect(() => fromFragment(retried, [changed])).toThrow(SimulationError)
  })

  test('replays what it was made from, or nothing, whatever changed', () => {
    const change = fc.record({
      dropped: fc.array(fc.nat(graph.transitions.length - 1), { maxLength: 4 }),
      redirected: fc.array(fc.tuple(fc.nat(graph.transitions.length - 1), fc.nat(graph.states.length - 1)), {
        maxLength: 4
      }),
      swapped: fc.array(fc.tuple(fc.nat(40), fc.nat(40)), { maxLength: 3 })
    })
    fc.assert(
      fc.property(fc.array(fc.nat(9), { maxLength: 20 }), change, (picks, { dropped, redirected, swapped }) => {
        const taken = walk(graph, picks)
        const transitions = graph.transitions
          .map((one, at) => {
            const target = redirected.find(([from]) => from === at)?.[1]
            return target === undefined ? one : { ...one, to: graph.states[target]?.id ?? one.to }
          })
          .filter((_one, at) => !dropped.includes(at))
        for (const [one, other] of swapped) {
          const [first, second] = [transitions[one], transitions[other]]
          if (first !== undefined && second !== undefined) [transitions[one], transitions[other]] = [second, first]
        }
        const changed = { ...graph, transitions }
        const targetsOf = (machine: MachineGraph) =>
          taken.map((id) => machine.transitions.find((one) => one.id === id)?.to)
        try {
          expect(fromFragment(toFragment(graph, taken), [changed]).taken).toEqual(taken)
          expect(targetsOf(changed)).toEqual(targetsOf(graph))
        } catch (thrown) {
          if (!(thrown instanceof SimulationError)) throw thrown
        }
      }),
      { numRuns: 300 }
    )
  })
})

describe('a hostile link', () => {
  test.each([
    '#simulate=',
    '#simulate=:',
    '#simulate=container-step:',
    '#simulate=container-step:0',
    '#simulate=container-step:0:',
    '#simulate=container-step:99.99:1',
    '#simulate=container-step:-1:0',
    '#simulate=container-step:1e3:0',
    '#simulate=container-step:0.0.0.0.0.0.0.0.0.0.0.0.0.0:0',
    '#simulate=__proto__',
    '#simulate=constructor:0:0',
    '#simulate=container%2Dstep',
    '#simulate=%E0%A4%A',
    '#simulate=<img src=x onerror=alert(1)>',
    '#simulate=container-step:<script>alert(1)</script>:0',
    '#simulate=container-step\n:0:0',
    `#simulate=container-step:${'0.'.repeat(100_000)}0:0`,
    `#simulate=${'a'.repeat(1_000_000)}`,
    `#simulate=${':'.repeat(4_000)}`,
    `#simulate=container-step:${'9.'.repeat(1_400)}:`
  ])('does no harm: %.60s', (fragment) => {
    expect(() => fromFragment(fragment, machines)).toThrow(SimulationError)
    expectHarmless(fragment)
  })

  test('that is too long is not even looked at', () => {
    const long = `#simulate=container-step:${'0.'.repeat(STEPS_MAX * 2)}0:0`
    expect(() => fromFragment(long, machines)).toThrow('this link is longer than any that this page makes')
  })

  test('does no harm, whatever it is made of', () => {
    const pieces = fc.constantFrom(
      '#simulate=',
      'container-step',
      'script-step',
      ':',
      '.',
      '0',
      '1',
      '12',
      '<',
      '%',
      '\u0000',
      '__proto__'
    )
    const anyText = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary' }).map((text) => `#simulate=${text}`),
      fc.array(pieces, { maxLength: 30 }).map((parts) => `#simulate=${parts.join('')}`),
      fc
        .tuple(
          fc.array(fc.nat(4), { minLength: 1, maxLength: 30 }),
          fc.string({ unit: 'grapheme-ascii', maxLength: 8 })
        )
        .map(([places, check]) => `#simulate=container-step:${places.join('.')}:${check}`)
    )
    fc.assert(fc.property(anyText, expectHarmless), { numRuns: 2_000 })
  })

  test('does no harm when it is a good one with faults in it', () => {
    const fault = fc.tuple(fc.nat(), fc.nat(3), fc.string({ unit: 'binary', maxLength: 3 }))
    fc.assert(
      fc.property(anyRun, fc.array(fault, { minLength: 1, maxLength: 3 }), ({ graph, taken }, faults) => {
        let fragment = toFragment(graph, taken)
        for (const [at, length, text] of faults) {
          const place = at % (fragment.length + 1)
          fragment = fragment.slice(0, place) + text + fragment.slice(place + length)
        }
        expectHarmless(fragment)
      }),
      { numRuns: 1_000 }
    )
  })

  test('that was cut off on its way is noticed', () => {
    const graph = machineOf('container-step')
    const fragment = toFragment(graph, walk(graph, [0, 1, 2, 3, 4, 5, 6]))
    const whole = fromFragment(fragment, machines)
    for (let length = '#simulate=container-step'.length + 1; length < fragment.length; length++) {
      expect(() => expect(fromFragment(fragment.slice(0, length), machines)).toEqual(whole)).toThrow(SimulationError)
    }
  })

  test('of another page is none of ours', () => {
    expect(['', '#', '#details', 'simulate=container-step', '#simulated=x'].map(isSimulation)).toEqual(
      Array(5).fill(false)
    )
  })
})
