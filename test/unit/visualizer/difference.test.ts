/** Goal: a reviewer is told exactly what a change adds to the machines, takes away and alters. */
import { describe, expect, test } from 'vitest'
import { compareMachines, unite } from '../../../src/visualizer/difference.ts'
import { differenceLines, differenceMarkdown } from '../../../src/visualizer/difference-text.ts'
import { currentMachines } from '../../../src/visualizer/graph.ts'
import type { GraphState, GraphTransition, MachineSet } from '../../../src/visualizer/graph-format.ts'
import { MachineSetError, parseMachineSet } from '../../../src/visualizer/machine-set.ts'

const state = (name: string, more: Partial<GraphState> = {}): GraphState => ({
  id: `m.${name}`,
  kind: 'stage',
  label: name,
  initial: false,
  ...more
})
const transition = (from: string, event: string, position: number, to: string, more: Partial<GraphTransition> = {}) =>
  ({
    id: `m.${from}|${event}|${position}`,
    from: `m.${from}`,
    to: `m.${to}`,
    event,
    kind: 'cancel',
    label: event,
    ...more
  }) as GraphTransition
const set = (states: readonly GraphState[], transitions: readonly GraphTransition[], id = 'm'): MachineSet => ({
  format: 'slipway-machines-1',
  machines: [{ id, source: 'm.ts', states, transitions }]
})

const before = set(
  [state('a'), state('b', { budgetMs: 60_000 }), state('old')],
  [transition('a', 'GO', 0, 'b'), transition('a', 'STOP', 0, 'old', { guard: 'a | b' })]
)
const after = set(
  [state('a'), state('b', { budgetMs: 3_600_000 }), state('new')],
  [transition('a', 'GO', 0, 'new', { guard: 'first' }), transition('a', 'GO', 1, 'b'), transition('b', 'GO', 0, 'a')]
)

describe('the difference between two versions', () => {
  test('is nothing between a version and itself', () => {
    expect(compareMachines(currentMachines(), currentMachines())).toEqual([])
    expect(differenceLines([])).toEqual(['The state machines are unchanged.'])
  })

  test('names what is added, removed and changed; a branch that only moved is none of it', () => {
    expect(differenceLines(compareMachines(before, after))).toEqual([
      'm: 1 state added, 1 state removed, 1 state changed, 2 transitions added, 1 transition removed',
      '  + new (new)',
      '  - old (old)',
      '  ~ b (b)',
      '      budgetMs: 1 minute → 1 hour',
      '  + a → new: GO [first]',
      '  + b → a: GO',
      '  - a → old: STOP [a | b]'
    ])
  })

  test('says where a transition leads now', () => {
    const rerouted = set([state('a'), state('b'), state('old')], [transition('a', 'GO', 0, 'old')])
    const direct = set([state('a'), state('b'), state('old')], [transition('a', 'GO', 0, 'b')])
    const [difference] = compareMachines(direct, rerouted)
    expect(difference?.transitions).toEqual([
      {
        kind: 'changed',
        id: 'm.a|GO|0',
        title: 'a → old: GO',
        fields: [{ field: 'to', before: 'm.b', after: 'm.old' }]
      }
    ])
  })

  test('tells of a machine that is new, and of one that is gone', () => {
    const other = set([state('a')], [], 'other')
    expect(compareMachines(before, other).map(({ machine, states }) => [machine, states[0]?.kind])).toEqual([
      ['other', 'added'],
      ['m', 'removed']
    ])
  })

  test('is Markdown whose cells cannot break the table', () => {
    const markdown = differenceMarkdown(compareMachines(before, after))
    expect(markdown).toContain('| removed | transition | a → old: STOP [a \\| b] |  |')
    expect(markdown).toContain('| changed | state | b (b) | budgetMs: 1 minute → 1 hour |')
  })
})

describe('both versions in one', () => {
  test('have what was removed beside what is there, under ids of its own', () => {
    const { set: united, difference } = unite(before, after)
    const [machine] = united.machines
    expect(machine?.states.map(({ id }) => id)).toEqual(['m.a', 'm.b', 'm.new', 'm.old'])
    const ids = machine?.transitions.map(({ id }) => id) ?? []
    expect(new Set(ids).size).toBe(4)
    const removed = difference[0]?.transitions.find(({ kind }) => kind === 'removed')
    expect(ids).toContain(removed?.id)
  })

  test('keep a machine that is gone', () => {
    const { set: united } = unite(before, set([state('a')], [], 'other'))
    expect(united.machines.map(({ id, states }) => [id, states.length])).toEqual([
      ['other', 1],
      ['m', 3]
    ])
  })
})

describe('the machines of another version', () => {
  test('are read as they were written', () => {
    expect(parseMachineSet(JSON.stringify(currentMachines()))).toEqual(currentMachines())
  })

  test.each([
    ['no JSON', 'x', 'this is not JSON'],
    ['of another format', '{"format":"other"}', 'not of the format'],
    ['no object', 'null', 'not of the format'],
    ['incomplete', '{"format":"slipway-machines-1","machines":[{"id":"m"}]}', 'is incomplete']
  ])('are refused when they are %s', (_title, text, message) => {
    expect(() => parseMachineSet(text)).toThrow(MachineSetError)
    expect(() => parseMachineSet(text)).toThrow(message)
  })
})
