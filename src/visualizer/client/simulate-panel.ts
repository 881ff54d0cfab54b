/** A run taken by hand: what can happen next as buttons and on the drawing, what is known, and a link that replays it. */
import { withoutRemoved } from '../difference.ts'
import type { GraphTransition, MachineGraph } from '../graph-format.ts'
import {
  attemptsOf,
  budgetMsOf,
  choicesOf,
  codesHere,
  outerOf,
  SimulationError,
  STEPS_MAX,
  type Stand,
  standsOf,
  take
} from '../simulation.ts'
import { fromFragment, isSimulation, toFragment } from '../simulation-link.ts'
import { budgetInWords, count } from '../words.ts'
import { type Context, findState, findTransition } from './context.ts'
import { byId, element, facts } from './dom.ts'
import { mark } from './drawing.ts'

const HOW = 'Press what happens next, here or on its arrow in the diagram. The address of the page leads back to here.'

const MARKS = ['now', 'been', 'taken', 'next'] as const

export interface SimulatePanel {
  show(): void
  hide(): void
  /** Replays a link of this page, or says in one line why it cannot. */
  open(fragment: string): void
  /** Takes the one of these transitions that can be taken now; false when there is none, or more than one. */
  take(ids: readonly string[]): boolean
}

/** `Build: attempt 2 of 3`, `Build: waits for attempt 2 of 3`, `Succeeded`. */
function placeText(graph: MachineGraph, stand: Stand): string {
  const { label, kind, attemptsMax = 1 } = outerOf(graph, stand)
  const attempts = attemptsOf(stand)
  if (kind === 'end') return label
  return stand.isBackOff
    ? `${label}: waits for attempt ${attempts + 1} of ${attemptsMax}`
    : `${label}: attempt ${attempts} of ${attemptsMax}`
}

const codeList = (codes: readonly string[]): HTMLElement | undefined =>
  codes.length === 0
    ? undefined
    : element('span', { class: 'codes' }, ...codes.flatMap((code) => [element('code', {}, code), ' ']))

function known(graph: MachineGraph, stand: Stand): HTMLElement {
  const labelOf = (id: string) => findState(graph, id)?.label ?? id
  const budgetMs = budgetMsOf(graph, stand)
  const { again, last } = codesHere(graph, stand)
  const visits = stand.visits.map(({ state, attempts }) =>
    attempts > 1 ? `${labelOf(state)} (${count(attempts, 'attempt')})` : labelOf(state)
  )
  return facts([
    ['Entered', visits.join(', ')],
    ['Time budget', budgetMs === undefined ? undefined : budgetInWords(budgetMs)],
    ['Failed in', stand.failedIn === undefined ? 'nothing so far' : labelOf(stand.failedIn)],
    ['Cancelled', stand.cancels === 0 ? 'no' : `yes, ${count(stand.cancels, 'time')}`],
    ['Tried again after', codeList(again)],
    ['Ends the stage', codeList(last)]
  ])
}

/** A path through the machine, and where it leads. */
interface Run {
  readonly graph: MachineGraph
  readonly taken: readonly string[]
  readonly stands: readonly Stand[]
  readonly stand: Stand
  readonly next: readonly GraphTransition[]
}

function toRun(graph: MachineGraph, taken: readonly string[]): Run {
  const stands = standsOf(graph, taken)
  const stand = stands.at(-1) ?? stands[0]
  return { graph, taken, stands, stand, next: choicesOf(graph, stand) }
}

function choiceItem({ graph, stand }: Run, { id, kind, label, guard }: GraphTransition, go: () => void): HTMLElement {
  const leads = `→ ${placeText(graph, take(graph, stand, id))}`
  return element(
    'li',
    {},
    element(
      'button',
      { type: 'button', class: `choice ${kind}`, 'data-take': id, onclick: go },
      label,
      element('small', {}, guard === undefined ? leads : `${guard} ${leads}`)
    )
  )
}

function pathList({ graph, taken, stands, stand }: Run): HTMLElement {
  const steps = taken.map((id, at) =>
    element('li', {}, `${findTransition(graph, id)?.label} → ${placeText(graph, stands[at + 1] ?? stand)}`)
  )
  return element('ol', { class: 'scroll', id: 'simulate-path' }, ...steps)
}

function markRun({ stands, stand, taken, next }: Run): void {
  const statesOf = ({ state, visits }: Stand) => [state, visits.at(-1)?.state ?? state]
  mark('now', statesOf(stand))
  mark('been', stands.slice(0, -1).flatMap(statesOf))
  mark('taken', taken)
  mark(
    'next',
    next.map(({ id }) => id)
  )
}

/** The elements of the panel, which stay while their contents change, so that the keyboard stays where it is. */
function createParts(panel: HTMLElement, onUndo: () => void, onRestart: () => void) {
  const parts = {
    problem: element('div'),
    place: element('p', { role: 'status', id: 'simulate-place' }),
    undo: element('button', { type: 'button', id: 'simulate-undo', onclick: onUndo }, 'Undo'),
    restart: element('button', { type: 'button', id: 'simulate-restart', onclick: onRestart }, 'Restart'),
    link: element('a', { id: 'simulate-link' }, 'Link to this path'),
    choices: element('ul', { class: 'choices', id: 'simulate-choices' }),
    rest: element('div')
  }
  const { problem, place, undo, restart, link, choices, rest } = parts
  const controls = element('div', { class: 'controls', role: 'group', 'aria-label': 'Path' }, undo, restart, link)
  panel.append(problem, element('p', {}, HOW), place, controls, choices, rest)
  return parts
}

type Parts = ReturnType<typeof createParts>

function clear({ place, choices, rest }: Parts): void {
  place.textContent = ''
  for (const list of [choices, rest]) list.replaceChildren()
  unmark()
}

function unmark(): void {
  for (const name of MARKS) mark(name, [])
}

function write(run: Run, parts: Parts, go: (taken: readonly string[]) => void): void {
  const { graph, taken, stand, next } = run
  const { id, kind } = outerOf(graph, stand)
  const isEnd = kind === 'end'
  parts.place.textContent = placeText(graph, stand)
  parts.place.className = isEnd ? `end ${id.slice(graph.id.length + 1)}` : 'end going'
  parts.choices.replaceChildren(
    ...next.map((transition) => choiceItem(run, transition, () => go([...taken, transition.id]))),
    ...(next.length === 0 && !isEnd ? [element('li', {}, `A run has at most ${STEPS_MAX} steps.`)] : [])
  )
  for (const button of [parts.undo, parts.restart]) button.disabled = taken.length === 0
  parts.rest.replaceChildren(known(graph, stand), element('h3', {}, 'Path'), pathList(run))
}

export function createSimulatePanel(context: Context, reveal: (id: string) => void): SimulatePanel {
  const { difference, set } = context.data
  /** What was taken, by machine: whoever looks at another one finds the first as it was. */
  const paths = new Map<string, readonly string[]>()
  let run: Run | undefined
  const parts = createParts(
    byId('mode-simulate'),
    () => go(run?.taken.slice(0, -1) ?? []),
    () => go([])
  )

  const show = () => {
    const graph = withoutRemoved(context.machine(), difference)
    run = undefined
    clear(parts)
    run = toRun(graph, paths.get(graph.id) ?? [])
    write(run, parts, go)
    markRun(run)
    reveal(run.stand.state)
    const fragment = toFragment(graph, run.taken)
    parts.link.setAttribute('href', fragment)
    history.replaceState(null, '', fragment)
  }
  /** Does it, or says in one line why it cannot be done. */
  const orSay = (action: () => void) => {
    parts.problem.replaceChildren()
    try {
      action()
    } catch (thrown) {
      if (!(thrown instanceof SimulationError)) throw thrown
      parts.problem.append(element('p', { class: 'end failed', role: 'alert' }, thrown.message))
    }
  }
  const go = (taken: readonly string[]) => {
    const { choices, undo } = parts
    const hadFocus = choices.contains(document.activeElement)
    paths.set(context.machine().id, taken)
    orSay(show)
    // The button that was pressed is gone.
    if (hadFocus) (choices.querySelector('button') ?? undo).focus()
  }
  return {
    show: () => orSay(show),
    hide() {
      unmark()
      if (isSimulation(location.hash)) history.replaceState(null, '', location.pathname + location.search)
    },
    open(fragment) {
      orSay(() => {
        const machines = set.machines.map((graph) => withoutRemoved(graph, difference))
        const { machine, taken } = fromFragment(fragment, machines)
        paths.set(machine, taken)
        context.showMachine(machine)
      })
    },
    take(ids) {
      const [only, ...more] = (run?.next ?? []).filter(({ id }) => ids.includes(id))
      if (run === undefined || only === undefined || more.length > 0) return false
      go([...run.taken, only.id])
      return true
    }
  }
}
