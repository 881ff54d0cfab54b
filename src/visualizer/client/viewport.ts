/** Zoom and pan of the drawing that is shown, by wheel, pointer, touch and keys. */
import { byId } from './dom.ts'

export interface Viewport {
  /** Shows a drawing as it was left, at first at a readable size. */
  show(drawing: SVGSVGElement): void
  /** Moves the drawing when an element of it is not in sight. */
  reveal(part: SVGGraphicsElement): void
}

interface View {
  readonly x: number
  readonly y: number
  readonly scale: number
}

/** A view that follows from the size of the canvas. */
type Fit = (drawing: SVGSVGElement) => View

/** A view that does not; `isByHand`: the reader wants it so, and it is not just where something was revealed. */
interface Moved {
  readonly view: View
  readonly isByHand: boolean
}

const SCALE_MIN = 0.05
const SCALE_MAX = 4
/** Below it, labels are too small to read. */
const READABLE_SCALE_MIN = 0.72
const ZOOM_STEP = 1.25
const PAN_STEP = 70
const MARGIN = 12
/** A hand that clicks trembles; from here on it drags. */
const DRAG_PX_MIN = 4

const bounded = (scale: number): number => Math.min(SCALE_MAX, Math.max(SCALE_MIN, scale))

export function createViewport(): Viewport {
  const canvas = byId('canvas')
  const { readable, whole, fitted } = fitsOf(canvas)
  const moved = new Map<SVGSVGElement, Moved>()
  const fits = new Map<SVGSVGElement, Fit>()
  const firstWidth = canvas.clientWidth
  let width = firstWidth
  const firstFit = (): Fit => (width === firstWidth ? readable : fitted)
  let drawing: SVGSVGElement | undefined
  let revealed: SVGGraphicsElement | undefined

  const viewOf = (svg: SVGSVGElement): View => moved.get(svg)?.view ?? (fits.get(svg) ?? firstFit())(svg)
  const draw = () => {
    if (drawing === undefined) return
    const { x, y, scale } = viewOf(drawing)
    drawing.querySelector('.viewport')?.setAttribute('transform', `translate(${x} ${y}) scale(${scale})`)
  }
  const move = (change: (view: View) => View, isByHand = true) => {
    if (drawing === undefined) return
    moved.set(drawing, { view: change(viewOf(drawing)), isByHand: isByHand || moved.get(drawing)?.isByHand === true })
    draw()
  }
  const fit = (how: Fit) => {
    if (drawing === undefined) return
    moved.delete(drawing)
    revealed = undefined
    fits.set(drawing, how)
    draw()
  }
  const pan = (dx: number, dy: number, isByHand = true) =>
    move((view) => ({ ...view, x: view.x + dx, y: view.y + dy }), isByHand)
  /** The point of the canvas stays where it is. */
  const zoom = (factor: number, at = { x: canvas.clientWidth / 2, y: canvas.clientHeight / 2 }) =>
    move(({ x, y, scale: before }) => {
      const scale = bounded(before * factor)
      return { scale, x: at.x - ((at.x - x) * scale) / before, y: at.y - ((at.y - y) * scale) / before }
    })
  const reveal = (part: SVGGraphicsElement) => {
    revealed = part
    const { dx, dy } = wayInto(canvas, part)
    if (dx !== 0 || dy !== 0) pan(dx, dy, false)
  }
  const commands: Commands = {
    in: () => zoom(ZOOM_STEP),
    out: () => zoom(1 / ZOOM_STEP),
    reset: () => fit(readable),
    whole: () => fit(whole)
  }
  /** The bars of a phone's browser come and go and change the height only: no reason to choose another view. */
  const resized = new ResizeObserver(() => {
    if (canvas.clientWidth !== width) {
      width = canvas.clientWidth
      fits.clear()
      for (const [svg, { isByHand }] of moved) if (!isByHand) moved.delete(svg)
    }
    draw()
    if (drawing !== undefined && !moved.has(drawing) && revealed?.ownerSVGElement === drawing) reveal(revealed)
  })
  resized.observe(canvas)
  listenToPointers(canvas, pan, zoom)
  listenToButtons(commands)
  listenToKeys(commands, pan)
  return {
    show(svg) {
      drawing = svg
      draw()
    },
    reveal
  }
}

/** How far a part has to move to be in sight. */
function wayInto(canvas: HTMLElement, part: SVGGraphicsElement): { readonly dx: number; readonly dy: number } {
  const [frame, box] = [canvas.getBoundingClientRect(), part.getBoundingClientRect()]
  const isInside =
    box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom
  if (isInside) return { dx: 0, dy: 0 }
  return { dx: frame.left + frame.width / 2 - (box.left + box.width / 2), dy: frame.top + frame.height / 3 - box.top }
}

/** The views that follow from the size of the canvas. */
function fitsOf(canvas: HTMLElement): Readonly<Record<'readable' | 'whole' | 'fitted', Fit>> {
  const sizeOf = (svg: SVGSVGElement) => ({
    width: Number(svg.getAttribute('width')),
    height: Number(svg.getAttribute('height'))
  })
  const readableScale = (width: number) =>
    Math.min(1, Math.max(READABLE_SCALE_MIN, (canvas.clientWidth - 2 * MARGIN) / width))
  /** As wide as the canvas if it stays readable, from where the machine starts. */
  const readable: Fit = (svg) => {
    const { width } = sizeOf(svg)
    const room = canvas.clientWidth
    const scale = readableScale(width)
    if (width * scale <= room) return { x: (room - width * scale) / 2, y: MARGIN, scale }
    const start = svg.querySelector<SVGGraphicsElement>('.initial rect')?.getBBox()
    const centre = start === undefined ? width / 2 : start.x + start.width / 2
    return { x: Math.min(MARGIN, Math.max(room - width * scale - MARGIN, room / 2 - centre * scale)), y: MARGIN, scale }
  }
  const whole: Fit = (svg) => {
    const { width, height } = sizeOf(svg)
    const scale = bounded(Math.min(canvas.clientWidth / width, canvas.clientHeight / height, 1))
    return { x: (canvas.clientWidth - width * scale) / 2, y: (canvas.clientHeight - height * scale) / 2, scale }
  }
  /** Readable, unless some of its width would be out of sight. */
  const fitted: Fit = (svg) => {
    const { width } = sizeOf(svg)
    return (width * readableScale(width) <= canvas.clientWidth ? readable : whole)(svg)
  }
  return { readable, whole, fitted }
}

type Pan = (dx: number, dy: number) => void
type Zoom = (factor: number, at: { x: number; y: number }) => void

function listenToPointers(canvas: HTMLElement, pan: Pan, zoom: Zoom): void {
  const pointers = new Map<number, { x: number; y: number }>()
  const dragging = new Set<number>()
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
    if (!dragging.has(event.pointerId) && Math.hypot(now.x - before.x, now.y - before.y) < DRAG_PX_MIN) return
    dragging.add(event.pointerId)
    const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point)
    if (other !== undefined) {
      const length = (point: { x: number; y: number }) => Math.hypot(point.x - other.x, point.y - other.y)
      zoom(length(now) / Math.max(1, length(before)), other)
    } else pan(now.x - before.x, now.y - before.y)
    pointers.set(event.pointerId, now)
  })
  const release = ({ pointerId }: PointerEvent) => {
    pointers.delete(pointerId)
    dragging.delete(pointerId)
  }
  window.addEventListener('pointerup', release)
  window.addEventListener('pointercancel', release)
}

type Commands = Readonly<Record<string, () => void>>

function listenToButtons(commands: Commands): void {
  for (const button of document.querySelectorAll<HTMLElement>('[data-zoom]')) {
    button.addEventListener('click', () => commands[button.dataset.zoom ?? '']?.())
  }
}

function listenToKeys(commands: Commands, pan: Pan): void {
  const keys: Readonly<Record<string, (() => void) | undefined>> = {
    '+': commands.in,
    '=': commands.in,
    '-': commands.out,
    '0': commands.reset,
    '1': commands.whole,
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
