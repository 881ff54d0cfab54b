/** What differs between the machines of two versions, for a pull request and for the page. */
import type { GraphState, GraphTransition, MachineGraph, MachineSet } from './graph-format.ts'
import { budgetInWords } from './words.ts'

export type ChangeKind = 'added' | 'removed' | 'changed'

/** One field that is not as it was; undefined: it is not there. */
export interface FieldChange {
  readonly field: string
  readonly before?: string | undefined
  readonly after?: string | undefined
}

export interface Change {
  readonly kind: ChangeKind
  /** Of the newer version, unless it was removed. */
  readonly id: string
  readonly title: string
  readonly fields: readonly FieldChange[]
}

export interface MachineDifference {
  readonly machine: string
  readonly states: readonly Change[]
  readonly transitions: readonly Change[]
}

type Fields = Readonly<Record<string, unknown>>
type Pair<T> = readonly [before: T | undefined, after: T | undefined]

/** Ids without the name of their machine, which the reader knows. */
const short = (id: string): string => id.slice(id.indexOf('.') + 1)

export const transitionTitle = ({ from, to, label, guard }: GraphTransition): string =>
  `${short(from)} → ${short(to)}: ${label}${guard === undefined ? '' : ` [${guard}]`}`

const stateTitle = ({ id, label }: GraphState): string => `${label} (${short(id)})`

function asText(field: string, value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (/Ms(Max)?$/.test(field)) return budgetInWords(Number(value))
  return Array.isArray(value) ? value.join(', ') : String(value)
}

const own = (fields: Fields, name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : undefined)

function fieldChanges(before: Fields, after: Fields, ignored: readonly string[]): readonly FieldChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names
    .filter((field) => !ignored.includes(field))
    .map((field) => ({ field, before: asText(field, own(before, field)), after: asText(field, own(after, field)) }))
    .filter((change) => change.before !== change.after)
}

function toChange<T extends { readonly id: string }>(
  [before, after]: Pair<T>,
  title: (item: T) => string,
  ignored: readonly string[]
): readonly Change[] {
  if (before === undefined && after === undefined) return []
  if (before === undefined) return [{ kind: 'added', id: (after as T).id, title: title(after as T), fields: [] }]
  if (after === undefined) return [{ kind: 'removed', id: before.id, title: title(before), fields: [] }]
  const fields = fieldChanges(before as unknown as Fields, after as unknown as Fields, ignored)
  return fields.length === 0 ? [] : [{ kind: 'changed', id: after.id, title: title(after), fields }]
}

/** Pairs what has the same key on both sides; what is left over is paired by the next key, or with nothing. */
function pair<T>(
  before: readonly T[],
  after: readonly T[],
  [key, ...others]: readonly ((item: T) => string)[]
): readonly Pair<T>[] {
  if (key === undefined) {
    return [...before.map((item): Pair<T> => [item, undefined]), ...after.map((item): Pair<T> => [undefined, item])]
  }
  const rest = [...before]
  const pairs: Pair<T>[] = []
  const unpaired: T[] = []
  for (const item of after) {
    const at = rest.findIndex((candidate) => key(candidate) === key(item))
    if (at === -1) unpaired.push(item)
    else pairs.push([...rest.splice(at, 1), item] as unknown as Pair<T>)
  }
  return [...pairs, ...pair(rest, unpaired, others)]
}

const transitionKeys = [
  ({ from, event, to, guard }: GraphTransition) => [from, event, to, guard].join('|'),
  ({ from, event, to }: GraphTransition) => [from, event, to].join('|'),
  ({ id }: GraphTransition) => id
]

const NOTHING: Pick<MachineGraph, 'states' | 'transitions'> = { states: [], transitions: [] }

/** Machines that are the same in both are left out. */
export function compareMachines(before: MachineSet, after: MachineSet): readonly MachineDifference[] {
  const ids = new Set([...after.machines, ...before.machines].map(({ id }) => id))
  const find = (set: MachineSet, id: string) => set.machines.find((machine) => machine.id === id) ?? NOTHING
  return [...ids]
    .map((machine) => {
      const [old, now] = [find(before, machine), find(after, machine)]
      const states = pair(old.states, now.states, [({ id }) => id])
      const transitions = pair(old.transitions, now.transitions, transitionKeys)
      return {
        machine,
        states: states.flatMap((both) => toChange(both, stateTitle, [])),
        // The id ends in the branch's position; a branch that only moved is no change by itself.
        transitions: transitions.flatMap((both) => toChange(both, transitionTitle, ['id']))
      }
    })
    .filter(({ states, transitions }) => states.length + transitions.length > 0)
}

const REMOVED_MARK = ' (removed)'

/** Both versions in one drawing: the newer machines, and beside them what was removed, under ids of its own. */
export function unite(
  before: MachineSet,
  after: MachineSet
): { set: MachineSet; difference: readonly MachineDifference[] } {
  const marked = compareMachines(before, after).map((difference) => ({
    ...difference,
    transitions: difference.transitions.map((change) =>
      change.kind === 'removed' ? { ...change, id: `${change.id}${REMOVED_MARK}` } : change
    )
  }))
  const old = new Map(before.machines.map((machine) => [machine.id, machine]))
  const removedOf = (machine: string) => {
    const difference = marked.find((candidate) => candidate.machine === machine)
    const isRemoved = (list: readonly Change[] | undefined, id: string) =>
      list?.some((change) => change.kind === 'removed' && change.id === id) ?? false
    const { states, transitions } = old.get(machine) ?? NOTHING
    return {
      states: states
        .filter(({ id }) => isRemoved(difference?.states, id))
        .map((state) => ({ ...state, initial: false })),
      transitions: transitions
        .map((transition) => ({ ...transition, id: `${transition.id}${REMOVED_MARK}` }))
        .filter(({ id }) => isRemoved(difference?.transitions, id))
    }
  }
  const gone = before.machines.filter(({ id }) => !after.machines.some((machine) => machine.id === id))
  const machines = [...after.machines, ...gone.map((machine) => ({ ...machine, ...NOTHING }))].map((machine) => {
    const removed = removedOf(machine.id)
    return {
      ...machine,
      states: [...machine.states, ...removed.states],
      transitions: [...machine.transitions, ...removed.transitions]
    }
  })
  return { set: { ...after, machines }, difference: marked }
}

/** The newer machine alone, out of what `unite` makes. */
export function withoutRemoved(machine: MachineGraph, difference: readonly MachineDifference[] = []): MachineGraph {
  const own = difference.find((candidate) => candidate.machine === machine.id)
  const changes = [...(own?.states ?? []), ...(own?.transitions ?? [])]
  const removed = new Set(changes.filter(({ kind }) => kind === 'removed').map(({ id }) => id))
  const stays = ({ id }: { readonly id: string }) => !removed.has(id)
  return { ...machine, states: machine.states.filter(stays), transitions: machine.transitions.filter(stays) }
}
