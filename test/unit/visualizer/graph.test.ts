/** Goal: the graph says what happens in words, for any machine, and Mermaid text of it holds together. */
import { describe, expect, test } from 'vitest'
import { createMachine } from 'xstate'
import { toGraph } from '../../../src/visualizer/graph.ts'
import { toMermaid } from '../../../src/visualizer/mermaid.ts'

const small = createMachine({
  id: 'small',
  initial: 'working',
  states: {
    working: {
      meta: { label: 'Work: hard', purpose: 'To work.', port: 'host', budget: { budgetMs: 5_000 } },
      initial: 'attempting',
      on: { CANCEL: 'done' },
      invoke: { id: 'working.budget', src: 'budget', onDone: 'done' },
      states: {
        attempting: {
          invoke: {
            id: 'working',
            src: 'work',
            onDone: { target: '#small.done', description: 'all is well' },
            onError: [{ target: 'backingOff', guard: () => true }, { target: '#small.done' }]
          }
        },
        backingOff: { invoke: { id: 'working.backOff', src: 'backOff', onDone: 'attempting' } }
      }
    },
    done: { type: 'final' }
  }
})

describe('the graph of a machine', () => {
  const graph = toGraph(small)

  test('has nested states with their metadata', () => {
    expect(graph.states).toMatchObject([
      { id: 'small.working', kind: 'stage', label: 'Work: hard', initial: true, port: 'host', budgetMs: 5_000 },
      { id: 'small.working.attempting', parent: 'small.working', kind: 'part', label: 'Attempting', initial: true },
      { id: 'small.working.backingOff', parent: 'small.working', kind: 'part', label: 'Backing off', initial: false },
      { id: 'small.done', kind: 'end', label: 'Done', initial: false }
    ])
  })

  test('says what happens', () => {
    const said = graph.transitions.map(({ from, to, label, kind, guard }) => [from, to, label, kind, guard])
    expect(said).toEqual([
      ['small.working', 'small.done', 'CANCEL', 'cancel', undefined],
      ['small.working', 'small.done', 'out of time', 'timeout', undefined],
      ['small.working.attempting', 'small.done', 'done', 'done', 'all is well'],
      ['small.working.attempting', 'small.working.backingOff', 'failed (retryable)', 'retry', undefined],
      ['small.working.attempting', 'small.done', 'failed (permanent)', 'failed', undefined],
      ['small.working.backingOff', 'small.working.attempting', 'after back-off', 'backOff', undefined]
    ])
  })

  test('does not leave out transitions without an event', () => {
    const machine = createMachine({
      id: 'eventless',
      initial: 'a',
      states: { a: { always: [{ target: 'b', guard: () => false }, { target: 'c' }] }, b: {}, c: {} }
    })
    expect(toGraph(machine).transitions.map(({ id, label, to }) => [id, label, to])).toEqual([
      ['eventless.a|always|0', 'always', 'eventless.b'],
      ['eventless.a|always|1', 'always', 'eventless.c']
    ])
  })

  test('becomes nested Mermaid text without characters that end a label', () => {
    expect(toMermaid(graph)).toBe(`stateDiagram-v2
  [*] --> small_working
  state "Work hard" as small_working {
    [*] --> small_working_attempting
    state "Attempting" as small_working_attempting
    state "Backing off" as small_working_backingOff
  }
  state "Done" as small_done
  small_working --> small_done: CANCEL
  small_working --> small_done: out of time
  small_working_attempting --> small_done: done, all is well
  small_working_attempting --> small_working_backingOff: failed (retryable)
  small_working_attempting --> small_done: failed (permanent)
  small_working_backingOff --> small_working_attempting: after back-off
  small_done --> [*]
`)
  })
})
