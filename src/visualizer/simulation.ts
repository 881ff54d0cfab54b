/** A run that is taken by hand, one transition at a time: where it stands and what can happen next, for the page. */
import type { Outcome } from '../machines/run.ts'
import { CLEANUP_BUDGET_MS } from '../machines/stages.ts'
import { codesOf, isRetryable } from './codes.ts'
import type { GraphState, GraphTransition, MachineGraph } from './graph-format.ts'
import { PROMISES } from './promises.ts'

/** A stage that was entered, or the end. */
export interface Visit {
  /** Id of the outermost state. */
  readonly state: string
  /** Begun so far; 0 at an end. */
  readonly attempts: number
}

/** What the machine would know at one point of the run, as far as its graph tells. */
export interface Stand {
  /** Id of the innermost state. */
  readonly state: string
  /** How many transitions led here. */
  readonly steps: number
  /** In order, the current one last. */
  readonly visits: readonly Visit[]
  /** It waits for the next attempt. */
  readonly isBackOff: boolean
  /** CANCELs so far. */
  readonly cancels: number
  /** The first of them came before cleanup: it decides how the run ends. */
  readonly isCancelled: boolean
  /** Id of the stage whose failure counts: the first that failed. */
  readonly failedIn?: string
}

/** It cannot be simulated; the message is one line. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError'
}

/** More than any path has that ends: script-step tries 500 times, and waits in between. */
export const STEPS_MAX = 1_500

/** Each CANCEL leaves cleanup less time; then it cannot be faster. */
const CANCELS_MAX = CLEANUP_BUDGET_MS.length - 1

const stateOf = (graph: MachineGraph, id: string): GraphState => {
  const found = graph.states.find((state) => state.id === id)
  if (found === undefined) throw new SimulationError('a transition of this machine leads nowhere')
  return found
}

/** The state itself and all around it, the innermost first. */
function upFrom(graph: MachineGraph, state: GraphState): readonly GraphState[] {
  return state.parent === undefined ? [state] : [state, ...upFrom(graph, stateOf(graph, state.parent))]
}

/** Where entering a state ends up. */
function innermost(graph: MachineGraph, state: GraphState): GraphState {
  const inner = graph.states.find(({ parent, initial }) => parent === state.id && initial)
  return inner === undefined ? state : innermost(graph, inner)
}

const outermost = (graph: MachineGraph, state: GraphState): GraphState => upFrom(graph, state).at(-1) ?? state

/** The stage or the end that a run is in. */
export const outerOf = (graph: MachineGraph, stand: Stand): GraphState => outermost(graph, stateOf(graph, stand.state))

export const attemptsOf = ({ visits }: Stand): number => visits.at(-1)?.attempts ?? 0

/** Enters a state; `before` is undefined for the first one. */
function enter(graph: MachineGraph, target: GraphState, before: Stand | undefined): Omit<Stand, 'failedIn'> {
  const inner = innermost(graph, target)
  const outer = outermost(graph, target)
  const current = before?.visits.at(-1)
  // What is aimed at as a whole begins anew, even from inside.
  const isSame = current?.state === outer.id && target !== outer
  const isBackOff = graph.transitions.some(({ from, kind }) => from === inner.id && kind === 'backOff')
  const begun = outer.kind !== 'end' && !isBackOff ? 1 : 0
  const earlier = before?.visits ?? []
  return {
    state: inner.id,
    steps: before === undefined ? 0 : before.steps + 1,
    visits: [
      ...(isSame ? earlier.slice(0, -1) : earlier),
      { state: outer.id, attempts: (isSame ? current.attempts : 0) + begun }
    ],
    isBackOff,
    cancels: before?.cancels ?? 0,
    isCancelled: before?.isCancelled ?? false
  }
}

export function start(graph: MachineGraph): Stand {
  const initial = graph.states.find((state) => state.parent === undefined && state.initial)
  if (initial === undefined) throw new SimulationError('this machine has no state to start in')
  return enter(graph, initial, undefined)
}

/** A CANCEL for the stage that it comes to: to be faster. */
const isHurry = (graph: MachineGraph, stand: Stand, { to, kind }: GraphTransition): boolean =>
  kind === 'cancel' && to === outerOf(graph, stand).id

/** Transitions out of where a run stands, whether they can be taken or not: those of the innermost state first. */
export function leavingOf(graph: MachineGraph, stand: Stand): readonly GraphTransition[] {
  const up = upFrom(graph, stateOf(graph, stand.state))
  if (up.at(-1)?.kind === 'end') return []
  return [...up, graph].flatMap(({ id }) => graph.transitions.filter(({ from }) => from === id))
}

/** When a run may end so after cleanup; `stuck` is no matter of what was before. */
const FITS: Readonly<Record<Exclude<Outcome, 'stuck'>, (stand: Stand) => boolean>> = {
  cancelled: ({ isCancelled }) => isCancelled,
  failed: ({ isCancelled }) => !isCancelled,
  succeeded: ({ isCancelled, failedIn }) => !isCancelled && failedIn === undefined
}

const outcomeOf = (graph: MachineGraph, id: string): string => id.slice(graph.id.length + 1)

/** Guards of a graph are words, so what they ask for is told here, by the kind of the transition and its target. */
function canTake(graph: MachineGraph, stand: Stand, transition: GraphTransition): boolean {
  const { kind, to } = transition
  if (kind === 'retry') return attemptsOf(stand) < (outerOf(graph, stand).attemptsMax ?? 1)
  if (isHurry(graph, stand, transition)) return stand.cancels < CANCELS_MAX
  if (kind !== 'done') return true
  const outcome = outcomeOf(graph, to)
  // Without a program, whose exit code nobody knows here, only what failed ends so after cleanup.
  if (outcome === 'failed' && stand.failedIn === undefined && isCleaning(graph, stand) && !runsProgram(graph))
    return false
  return Object.hasOwn(FITS, outcome) ? FITS[outcome as keyof typeof FITS](stand) : true
}

const isCleaning = (graph: MachineGraph, stand: Stand): boolean => outerOf(graph, stand).id === `${graph.id}.cleaningUp`
const runsProgram = (graph: MachineGraph): boolean => PROMISES[graph.id]?.once.length !== 0

const isDone = ({ kind }: GraphTransition): boolean => kind === 'done'

/** What can happen next; that all is well comes first, wherever in the stage it is noticed. */
export function choicesOf(graph: MachineGraph, stand: Stand): readonly GraphTransition[] {
  if (stand.steps >= STEPS_MAX) return []
  const choices = leavingOf(graph, stand).filter((transition) => canTake(graph, stand, transition))
  return choices.toSorted((one, other) => Number(isDone(other)) - Number(isDone(one)))
}

/** Whether what fails there is no failure of the run. */
const isPardoned = (graph: MachineGraph, id: string | undefined): boolean =>
  PROMISES[graph.id]?.pardoned?.some((stage) => id === `${graph.id}.${stage}`) ?? false

/** Takes a transition. Throws a SimulationError when it cannot be taken there. */
export function take(graph: MachineGraph, stand: Stand, id: string): Stand {
  const transition = choicesOf(graph, stand).find((choice) => choice.id === id)
  if (transition === undefined) throw new SimulationError(`step ${stand.steps + 1} cannot be taken there`)
  const { kind, to } = transition
  const isCancel = kind === 'cancel'
  const failed = kind === 'failed' || kind === 'timeout' ? stand.visits.at(-1)?.state : undefined
  const failedIn = stand.failedIn ?? (isPardoned(graph, failed) ? undefined : failed)
  return {
    ...enter(graph, stateOf(graph, to), stand),
    cancels: stand.cancels + (isCancel ? 1 : 0),
    isCancelled: stand.isCancelled || (isCancel && !isHurry(graph, stand, transition)),
    ...(failedIn !== undefined && { failedIn })
  }
}

/** Stands in a state however the run came there; undefined for a state that the machine does not have. */
export function standIn(graph: MachineGraph, id: string, before: Stand | undefined): Stand | undefined {
  const state = graph.states.find((candidate) => candidate.id === id)
  if (state === undefined) return undefined
  const { failedIn } = before ?? {}
  return { ...enter(graph, state, before), ...(failedIn !== undefined && { failedIn }) }
}

/** Where a run stood at its start and after each of its transitions. */
export function standsOf(graph: MachineGraph, taken: readonly string[]): readonly [Stand, ...Stand[]] {
  let stand = start(graph)
  const stands: [Stand, ...Stand[]] = [stand]
  for (const id of taken) {
    stand = take(graph, stand, id)
    stands.push(stand)
  }
  return stands
}

/** How long the current stage may take; undefined at an end. Milliseconds. */
export function budgetMsOf(graph: MachineGraph, stand: Stand): number | undefined {
  const { budgetMs } = outerOf(graph, stand)
  const isHurried = leavingOf(graph, stand).some((transition) => isHurry(graph, stand, transition))
  const hurriedMs = isHurried ? CLEANUP_BUDGET_MS[stand.cancels] : undefined
  return budgetMs === undefined || hurriedMs === undefined ? budgetMs : Math.min(budgetMs, hurriedMs)
}

/** Codes that the running attempt may fail with: those after which it is tried again, and those that end the stage. */
export function codesHere(
  graph: MachineGraph,
  stand: Stand
): { readonly again: readonly string[]; readonly last: readonly string[] } {
  const kinds = choicesOf(graph, stand).map(({ kind }) => kind)
  const all = codesOf(outerOf(graph, stand))
  const again = kinds.includes('retry') ? all.filter(isRetryable) : []
  return { again, last: kinds.includes('failed') ? all.filter((code) => !again.includes(code)) : [] }
}
