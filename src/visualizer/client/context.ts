/** What the panels of the page share: its data, and what they may ask of the rest. */
import type { GraphState, GraphTransition, MachineGraph } from '../graph-format.ts'
import type { PageData } from '../page-data.ts'

export interface Context {
  readonly data: PageData
  /** The machine that is shown. */
  machine(): MachineGraph
  showMachine(id: string): void
  /** Selects a state or a transition, shows its details, and brings it in sight; undefined selects nothing. */
  select(id: string | undefined): void
}

export const findState = (graph: MachineGraph, id: string): GraphState | undefined =>
  graph.states.find((state) => state.id === id)

export const findTransition = (graph: MachineGraph, id: string): GraphTransition | undefined =>
  graph.transitions.find((transition) => transition.id === id)

/** `Build`, or `Build, attempting`. */
export function fullLabel(graph: MachineGraph, id: string): string {
  const state = findState(graph, id)
  if (state === undefined) return id
  return state.parent === undefined ? state.label : `${fullLabel(graph, state.parent)}, ${state.label.toLowerCase()}`
}
