/** The drawing of one machine as SVG text, for the page: every state and transition is an element that carries its id. */
import { type Box, type Layout, labelOf, type PlacedLine, type PlacedState, type Point } from './layout.ts'
import { TEXT } from './text-size.ts'

const CORNER = 7
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Text for element content and quoted attributes. */
export const escapeText = (text: string): string => text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? '')

const round = (length: number): number => Math.round(length * 10) / 10

/** A line of right angles with rounded corners. */
export function pathOf(points: readonly Point[]): string {
  const towards = (from: Point, to: Point): Point => {
    const length = Math.hypot(to.x - from.x, to.y - from.y)
    const share = length === 0 ? 0 : Math.min(CORNER, length / 2) / length
    return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }
  }
  const at = ({ x, y }: Point) => `${round(x)} ${round(y)}`
  return points
    .map((point, index) => {
      const before = points[index - 1]
      const after = points[index + 1]
      if (before === undefined) return `M${at(point)}`
      if (after === undefined) return `L${at(point)}`
      return `L${at(towards(point, before))}Q${at(point)} ${at(towards(point, after))}`
    })
    .join('')
}

const rectangle = ({ x, y, width, height }: Box, radius: number): string =>
  `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="${radius}"/>`

function stateElement({ state, box }: PlacedState, hasParts: boolean): string {
  const { size } = state.kind === 'part' ? TEXT.part : TEXT.stage
  const baseline = hasParts ? box.y + 22 : box.y + box.height / 2 + size * 0.35
  const radius = state.kind === 'end' ? box.height / 2 : 8
  const x = hasParts ? box.x + 14 : box.x + box.width / 2
  const classes = ['state', state.kind, ...(hasParts ? ['outer'] : []), ...(state.initial ? ['initial'] : [])]
  const name = state.purpose === undefined ? state.label : `${state.label}: ${state.purpose}`
  return [
    `<g class="${classes.join(' ')}" data-id="${escapeText(state.id)}" tabindex="0" role="button" aria-label="${escapeText(name)}">`,
    rectangle(box, radius),
    `<text x="${round(x)}" y="${round(baseline)}" font-size="${size}">${escapeText(state.label)}</text>`,
    '</g>'
  ].join('')
}

function lineElement({ transitions, points }: PlacedLine, arrow: string): string {
  const ids = JSON.stringify(transitions.map(({ id }) => id))
  const kinds = [...new Set(transitions.map(({ kind }) => kind))]
  const kind = kinds.length === 1 ? kinds[0] : 'leaving'
  return `<path class="line ${kind}" data-ids="${escapeText(ids)}" d="${pathOf(points)}" marker-end="url(#${arrow})"/>`
}

/** Whether a line runs past the right side of its label, rather than past its left side. */
function isRightOf(points: readonly Point[], { x, y, width, height }: Box): boolean {
  const middle = y + height / 2
  const beside = points.flatMap((point, index) => {
    const next = points[index + 1] ?? point
    return point.x === next.x && Math.min(point.y, next.y) <= middle && middle <= Math.max(point.y, next.y)
      ? [point.x]
      : []
  })
  const distance = (edge: number) => Math.min(...beside.map((at) => Math.abs(at - edge)))
  return distance(x + width) < distance(x)
}

function labelElements({ transitions, labels, points }: PlacedLine): string {
  return transitions
    .map((transition, row) => {
      const box = labels[row] as Box
      const isAtEnd = isRightOf(points, box)
      const x = isAtEnd ? box.x + box.width - 4 : box.x + 4
      const anchor = isAtEnd ? ' text-anchor="end"' : ''
      const place = `x="${round(x)}" y="${round(box.y + box.height * 0.72)}" font-size="${TEXT.transition.size}"${anchor}`
      const words = `${escapeText(labelOf(transition))}<tspan class="count" dx="5"></tspan>`
      const id = escapeText(transition.id)
      return `<g class="transition ${transition.kind}" data-id="${id}"><text ${place}>${words}</text></g>`
    })
    .join('')
}

/** `id` keeps the names inside this drawing apart from those of other drawings on the same page. */
export function drawSvg(id: string, layout: Layout): string {
  const outer = new Set(layout.states.flatMap(({ state }) => (state.parent === undefined ? [] : [state.parent])))
  const arrow = `arrow-${id}`
  const size = `width="${round(layout.width)}" height="${round(layout.height)}"`
  return [
    `<svg class="drawing" id="drawing-${id}" data-machine="${id}" ${size} role="group" aria-label="States of ${id}">`,
    `<defs><marker id="${arrow}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">`,
    '<path class="arrow" d="M0 0.6L8 4L0 7.4Z"/></marker></defs>',
    '<g class="viewport">',
    ...layout.states.map((placed) => stateElement(placed, outer.has(placed.state.id))),
    ...layout.lines.map((line) => lineElement(line, arrow)),
    ...layout.lines.map(labelElements),
    '</g></svg>'
  ].join('\n')
}
