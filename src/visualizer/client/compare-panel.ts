/** What differs from another version: the list of changes, and their colours on the drawing. */
import { type Change, type ChangeKind, compareMachines, type MachineDifference } from '../difference.ts'
import { fieldText, summaryOf } from '../difference-text.ts'
import { parseMachineSet } from '../machine-set.ts'
import { type Context, findState, findTransition } from './context.ts'
import { byId, element } from './dom.ts'
import { mark } from './drawing.ts'
import { fileButton } from './files.ts'

const HOW = 'Drop the JSON of another version here: slipway diagram --json > machines.json writes it.'

const KINDS: readonly ChangeKind[] = ['added', 'removed', 'changed']

export interface ComparePanel {
  /** Compares with an older version. Throws a MachineSetError. */
  load(name: string, text: string): void
  show(): void
  hide(): void
}

export function createComparePanel(context: Context): ComparePanel {
  const panel = byId('mode-compare')
  const choose = fileButton('Open another version', '.json')
  let title = 'Against the version this page was made with'
  let difference = context.data.difference

  const changeItem = ({ kind, id, title: text, fields }: Change): HTMLElement => {
    const graph = context.machine()
    const isDrawn = findState(graph, id) !== undefined || findTransition(graph, id) !== undefined
    const name = isDrawn
      ? element('button', { type: 'button', class: 'link', onclick: () => context.select(id) }, text)
      : element('span', {}, text)
    const details = fields.map((field) => element('small', {}, fieldText(field)))
    return element('li', { class: `change ${kind}` }, element('b', {}, kind), ' ', name, ...details)
  }
  const section = (heading: string, changes: readonly Change[]) =>
    changes.length === 0
      ? []
      : [element('h3', {}, heading), element('ul', { class: 'changes' }, ...changes.map(changeItem))]
  const machineButton = (other: MachineDifference) =>
    element(
      'li',
      {},
      element(
        'button',
        { type: 'button', class: 'link', onclick: () => context.showMachine(other.machine) },
        other.machine
      ),
      `: ${summaryOf(other)}`
    )
  const render = () => {
    if (difference === undefined) {
      panel.replaceChildren(element('p', {}, HOW), choose)
      return
    }
    const own = difference.find(({ machine }) => machine === context.machine().id)
    const all = difference.map(machineButton)
    panel.replaceChildren(
      element('p', { class: 'id' }, title),
      all.length === 0
        ? element('p', {}, 'The machines are the same.')
        : element('ul', { id: 'compare-summary' }, ...all),
      ...(own === undefined ? [] : [...section('States', own.states), ...section('Transitions', own.transitions)]),
      choose
    )
  }
  return {
    load(name, text) {
      difference = compareMachines(parseMachineSet(text), context.data.set)
      title = `Against ${name}`
    },
    show() {
      render()
      const changes = (difference ?? []).flatMap(({ states, transitions }) => [...states, ...transitions])
      for (const kind of KINDS)
        mark(
          kind,
          changes.filter((change) => change.kind === kind).map(({ id }) => id)
        )
    },
    hide() {
      for (const kind of KINDS) mark(kind, [])
    }
  }
}
