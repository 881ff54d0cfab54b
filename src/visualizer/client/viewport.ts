/** Zoom and pan of the drawing that is shown, by wheel, pointer, touch and keys. */
import { byId } from './dom.ts'

export interface Viewport {
  /** Shows a drawing at a readable size. */
  show(drawing: SVGSVGElement): void
  /** Moves the drawing when an element of it is not in sight. */
  reveal(part: SVGGraphicsElement): void
}

interface View {
  readonly x: number
  readonly y: number
  readonly scale: number
}

const SCALE_MIN = 0.15
const SCALE_MAX = 4
/** Below it, labels are too small to read. */
const READABLE_SCALE_MIN = 0.72
const ZOOM_STEP = 1.25
const PAN_STEP = 70
const MARGIN = 12

const bounded = (scale: number): number => Math.min(SCALE_MAX, Math.max(SCALE_MIN, scale))

export function createViewport(): Viewport {
  const canvas = byId('canvas')
  const views = new Map<SVGSVGElement, View>()
  let drawing: SVGSVGElement | undefined

  const sizeOf = (svg: SVGSVGElement) => ({
    width: Number(svg.getAttribute('width')),
    height: Number(svg.getAttribute('height'))
  })
  const apply = (view: View) => {
    if (drawing === undefined) return
    views.set(drawing, view)
    const transform = `translate(${view.x} ${view.y}) scale(${view.scale})`
    drawing.querySelector('.viewport')?.setAttribute('transform', transform)
  }
  const viewOf = (svg: SVGSVGElement): View => views.get(svg) ?? readable(svg)
  /** As wide as the canvas if it stays readable, from where the machine starts. */
  const readable = (svg: SVGSVGElement): View => {
    const { width } = sizeOf(svg)
    const room = canvas.clientWidth
    const scale = Math.min(1, Math.max(READABLE_SCALE_MIN, (room - 2 * MARGIN) / width))
    if (width * scale <= room) return { x: (room - width * scale) / 2, y: MARGIN, scale }
    const start = svg.querySelector<SVGGraphicsElement>('.initial rect')?.getBBox()
    const centre = start === undefined ? width / 2 : start.x + start.width / 2
    return { x: Math.min(MARGIN, Math.max(room - width * scale - MARGIN, room / 2 - centre * scale)), y: MARGIN, scale }
  }
  const whole = (svg: SVGSVGElement): View => {
    const { width, height } = sizeOf(svg)
    const scale = bounded(Math.min(canvas.clientWidth / width, canvas.clientHeight / height, 1))
    return { x: (canvas.clientWidth - width * scale) / 2, y: (canvas.clientHeight - height * scale) / 2, scale }
  }
  const pan = (dx: number, dy: number) => {
    if (drawing === undefined) return
    const view = viewOf(drawing)
    apply({ ...view, x: view.x + dx, y: view.y + dy })
  }
  /** The point of the canvas stays where it is. */
  const zoom = (factor: number, at = { x: canvas.clientWidth / 2, y: canvas.clientHeight / 2 }) => {
    if (drawing === undefined) return
    const view = viewOf(drawing)
    const scale = bounded(view.scale * factor)
    const share = scale / view.scale
    apply({ scale, x: at.x - (at.x - view.x) * share, y: at.y - (at.y - view.y) * share })
  }
  const commands: Readonly<Record<string, () => void>> = {
    in: () => zoom(ZOOM_STEP),
    out: () => zoom(1 / ZOOM_STEP),
    reset: () => drawing && apply(readable(drawing)),
    whole: () => drawing && apply(whole(drawing))
  }
  listenToPointers(canvas, pan, zoom)
  listenToKeys(commands, pan)
  for (const button of document.querySelectorAll<HTMLElement>('[data-zoom]')) {
    button.addEventListener('click', () => commands[button.dataset['zoom'] ?? '']?.())
  }
  return {
    show(svg) {
      drawing = svg
      apply(viewOf(svg))
    },
    reveal(part) {
      const [frame, box] = [canvas.getBoundingClientRect(), part.getBoundingClientRect()]
      const isInside =
        box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom
      if (isInside) return
      pan(frame.left + frame.width / 2 - (box.left + box.width / 2), frame.top + frame.height / 3 - box.top)
    }
  }
}

type Pan = (dx: number, dy: number) => void
type Zoom = (factor: number, at: { x: number; y: number }) => void

function listenToPointers(canvas: HTMLElement, pan: Pan, zoom: Zoom): void {
  const pointers = new Map<number, { x: number; y: number }>()
  const inCanvas = ({ clientX, clientY }: MouseEvent) => {
    const { left, top } = canvas.getBoundingClientRect()
    return { x: clientX - left, y: clientY - top }
  }
  canvas.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault()
      if (event.ctrlKey || event.metaKey) zoom(Math.exp(-event.deltaY / 200), inCanvas(event))
      else if (event.shiftKey) pan(-event.deltaY, 0)
      else pan(-event.deltaX, -event.deltaY)
    },
    { passive: false }
  )
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button === 0) pointers.set(event.pointerId, inCanvas(event))
  })
  canvas.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId)
    if (before === undefined) return
    const now = inCanvas(event)
    const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point)
    if (other !== undefined) {
      const length = (point: { x: number; y: number }) => Math.hypot(point.x - other.x, point.y - other.y)
      zoom(length(now) / Math.max(1, length(before)), other)
    } else pan(now.x - before.x, now.y - before.y)
    pointers.set(event.pointerId, now)
  })
  const release = (event: PointerEvent) => void pointers.delete(event.pointerId)
  window.addEventListener('pointerup', release)
  window.addEventListener('pointercancel', release)
}

function listenToKeys(commands: Readonly<Record<string, () => void>>, pan: Pan): void {
  const keys: Readonly<Record<string, (() => void) | undefined>> = {
    '+': commands['in'],
    '=': commands['in'],
    '-': commands['out'],
    '0': commands['reset'],
    '1': commands['whole'],
    ArrowLeft: () => pan(PAN_STEP, 0),
    ArrowRight: () => pan(-PAN_STEP, 0),
    ArrowUp: () => pan(0, PAN_STEP),
    ArrowDown: () => pan(0, -PAN_STEP)
  }
  document.addEventListener('keydown', (event) => {
    const target = event.target as Element
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest('input, aside, [role=tablist]')) return
    const action = keys[event.key]
    if (action === undefined) return
    event.preventDefault()
    action()
  })
}
