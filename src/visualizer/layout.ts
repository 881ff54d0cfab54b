/** Where the states and transitions of a machine are drawn, computed by ELK when the page is made. Lengths are CSS pixels. */

import elk from 'elkjs/lib/elk.bundled.js'
import type { ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js'
import type { GraphState, GraphTransition, MachineGraph } from './graph-format.ts'
import { TEXT, type TextStyle, textWidth } from './text-size.ts'

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Point {
  readonly x: number
  readonly y: number
}

export interface PlacedState {
  readonly state: GraphState
  readonly box: Box
}

/** Transitions with the same two ends share one line, and have one row of text each. */
export interface PlacedLine {
  readonly transitions: readonly GraphTransition[]
  readonly points: readonly Point[]
  /** One for each transition. */
  readonly labels: readonly Box[]
}

export interface Layout {
  readonly width: number
  readonly height: number
  /** Outer states before inner ones. */
  readonly states: readonly PlacedState[]
  readonly lines: readonly PlacedLine[]
}

const PART_HEIGHT = 30
const END_HEIGHT = 36
const PADDING_X = 28
/** Room for the name of a state above what is in it. */
const HEADING_HEIGHT = 34

/** Room beside a label for the number of paths over its transition. */
const COUNT_WIDTH = 24

const ROOT_OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.layered.edgeLabels.centerLabelPlacementStrategy': 'TAIL_LAYER',
  'elk.edgeLabels.inline': 'false',
  'elk.spacing.nodeNode': '28',
  'elk.spacing.edgeEdge': '14',
  'elk.spacing.edgeNode': '18',
  'elk.spacing.edgeLabel': '4',
  'elk.layered.spacing.nodeNodeBetweenLayers': '34',
  'elk.layered.spacing.edgeNodeBetweenLayers': '18',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '12',
  'elk.randomSeed': '1',
  'elk.padding': '[top=16,left=16,bottom=16,right=16]'
}

const STAGE_OPTIONS = { 'elk.padding': `[top=${HEADING_HEIGHT},left=16,bottom=16,right=16]` }

/** Transitions by the line they share. */
function toLines(transitions: readonly GraphTransition[]): ReadonlyMap<string, readonly GraphTransition[]> {
  const lines = new Map<string, GraphTransition[]>()
  for (const transition of transitions) {
    const id = `${transition.from} -> ${transition.to}`
    lines.set(id, [...(lines.get(id) ?? []), transition])
  }
  return lines
}

/** The words beside a line. */
export const labelOf = ({ label, guard, kind }: GraphTransition): string =>
  kind === 'done' && guard !== undefined ? `${label}: ${guard}` : label

function toNode(state: GraphState, graph: MachineGraph): ElkNode {
  const children = graph.states.filter(({ parent }) => parent === state.id)
  const style: TextStyle = state.kind === 'part' ? TEXT.part : TEXT.stage
  const width = Math.ceil(textWidth(state.label, style)) + PADDING_X
  if (children.length > 0) {
    return { id: state.id, children: children.map((child) => toNode(child, graph)), layoutOptions: STAGE_OPTIONS }
  }
  return { id: state.id, width, height: state.kind === 'part' ? PART_HEIGHT : END_HEIGHT }
}

function toEdge(id: string, transitions: readonly GraphTransition[]): ElkExtendedEdge {
  const [first] = transitions as readonly [GraphTransition]
  const width = Math.max(...transitions.map((transition) => textWidth(labelOf(transition), TEXT.transition)))
  return {
    id,
    sources: [first.from],
    targets: [first.to],
    labels: [
      { text: id, width: Math.ceil(width) + 8 + COUNT_WIDTH, height: transitions.length * TEXT.transition.lineHeight }
    ]
  }
}

/** Every state with its box on the whole drawing; ELK places children relative to their parents. */
function placeStates(node: ElkNode, origin: Point, byId: ReadonlyMap<string, GraphState>): readonly PlacedState[] {
  const at = { x: origin.x + (node.x ?? 0), y: origin.y + (node.y ?? 0) }
  const state = byId.get(node.id)
  const box = { ...at, width: node.width ?? 0, height: node.height ?? 0 }
  const inner = (node.children ?? []).flatMap((child) => placeStates(child, at, byId))
  return state === undefined ? inner : [{ state, box }, ...inner]
}

function placeLine(edge: ElkExtendedEdge, origin: Point, transitions: readonly GraphTransition[]): PlacedLine {
  const [section] = edge.sections ?? []
  const [label] = edge.labels ?? []
  const move = ({ x, y }: Point): Point => ({ x: x + origin.x, y: y + origin.y })
  const points = section === undefined ? [] : [section.startPoint, ...(section.bendPoints ?? []), section.endPoint]
  const { lineHeight } = TEXT.transition
  return {
    transitions,
    points: points.map(move),
    labels: transitions.map((_transition, row) => ({
      x: origin.x + (label?.x ?? 0),
      y: origin.y + (label?.y ?? 0) + row * lineHeight,
      width: label?.width ?? 0,
      height: lineHeight
    }))
  }
}

/** Rejects when ELK cannot place the graph: a transition to a state that is not there. */
export async function layOut(graph: MachineGraph): Promise<Layout> {
  const groups = toLines(graph.transitions)
  const unplaced: ElkNode = {
    id: graph.id,
    layoutOptions: { ...ROOT_OPTIONS, 'elk.json.edgeCoords': 'ROOT' },
    children: graph.states.filter(({ parent }) => parent === undefined).map((state) => toNode(state, graph)),
    edges: [...groups].map(([id, transitions]) => toEdge(id, transitions))
  }
  const root: ElkNode = await new elk.default().layout(unplaced)
  const byId = new Map(graph.states.map((state) => [state.id, state]))
  const origin = { x: 0, y: 0 }
  return {
    width: root.width ?? 0,
    height: root.height ?? 0,
    states: placeStates(root, origin, byId),
    lines: (root.edges ?? []).map((edge) => placeLine(edge, origin, groups.get(edge.id) ?? []))
  }
}
