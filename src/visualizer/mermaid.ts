/** A machine as Mermaid stateDiagram-v2 text, for docs/machines and for whoever reads diagrams on GitHub. */
import type { GraphState, GraphTransition, MachineGraph } from './graph-format.ts'

/** Mermaid allows only word characters in ids. */
const idOf = (state: string): string => state.replace(/\W/g, '_')

/** Characters that end a label or start something else in Mermaid are left out. */
const labelText = (text: string): string => text.replace(/[:;"#{}[\]]/g, ' ').replace(/ {2,}/g, ' ')

const transitionText = ({ label, guard, kind }: GraphTransition): string =>
  labelText(kind === 'done' && guard !== undefined ? `${label}, ${guard}` : label)

function stateLines(graph: MachineGraph, state: GraphState, indent: string): readonly string[] {
  const id = idOf(state.id)
  const children = graph.states.filter(({ parent }) => parent === state.id)
  const start = state.initial ? [`${indent}[*] --> ${id}`] : []
  const declaration = `${indent}state "${labelText(state.label)}" as ${id}`
  if (children.length === 0) return [...start, declaration]
  const inner = children.flatMap((child) => stateLines(graph, child, `${indent}  `))
  return [...start, `${declaration} {`, ...inner, `${indent}}`]
}

export function toMermaid(graph: MachineGraph): string {
  const top = graph.states.filter(({ parent }) => parent === undefined)
  const arrows = graph.transitions.map(
    (transition) => `  ${idOf(transition.from)} --> ${idOf(transition.to)}: ${transitionText(transition)}`
  )
  const ends = top.filter(({ kind }) => kind === 'end').map(({ id }) => `  ${idOf(id)} --> [*]`)
  const lines = [...top.flatMap((state) => stateLines(graph, state, '  ')), ...arrows, ...ends]
  return ['stateDiagram-v2', ...lines, ''].join('\n')
}
