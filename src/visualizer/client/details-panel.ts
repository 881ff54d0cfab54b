/** Everything that is known of the selected state or transition, or of the machine when nothing is selected. */
import { COMMON_CODES } from '../../machines/table.ts'
import { isRetryable } from '../codes.ts'
import { pathsInto, pathsOver } from '../coverage.ts'
import type { GraphState, GraphTransition, MachineGraph } from '../graph-format.ts'
import { budgetInWords, count } from '../words.ts'
import { type Context, findState, findTransition, fullLabel } from './context.ts'
import { byId, element, type Fact, facts } from './dom.ts'

function sourceLink({ data }: Context, path: string): HTMLElement {
  if (data.sourceBase === undefined) return element('code', {}, path)
  return element('a', { href: `${data.sourceBase}/${path}` }, path)
}

function codeList(title: string, codes: readonly string[], isRetried: boolean): HTMLElement | undefined {
  if (codes.length === 0) return undefined
  const item = (code: string) => {
    const isAgain = isRetried && isRetryable(code)
    const words = isAgain ? 'retryable' : isRetryable(code) ? 'retryable, but not here' : 'permanent'
    return element('li', { class: isAgain ? 'code retryable' : 'code' }, element('code', {}, code), ` ${words}`)
  }
  return element('details', { open: '' }, element('summary', {}, title), element('ul', {}, ...codes.map(item)))
}

function transitionList(
  context: Context,
  title: string,
  transitions: readonly GraphTransition[],
  other: (transition: GraphTransition) => string
): HTMLElement | undefined {
  if (transitions.length === 0) return undefined
  const item = (transition: GraphTransition) =>
    element(
      'li',
      {},
      element(
        'button',
        { type: 'button', class: `link ${transition.kind}`, onclick: () => context.select(transition.id) },
        transition.label
      ),
      transition.guard === undefined ? undefined : ` [${transition.guard}]`,
      ` ${other(transition)}`
    )
  return element('div', {}, element('h3', {}, title), element('ul', {}, ...transitions.map(item)))
}

/** The state itself and everything inside it. */
const inside = (graph: MachineGraph, id: string): ReadonlySet<string> =>
  new Set(graph.states.filter((state) => state.id === id || state.parent === id).map((state) => state.id))

function coverageText(paths: number, context: Context): string | undefined {
  return context.data.coverage === undefined ? undefined : count(paths, 'path')
}

function stateDetails(context: Context, state: GraphState): readonly (Node | undefined)[] {
  const graph = context.machine()
  const around = state.parent === undefined ? undefined : findState(graph, state.parent)
  const own = inside(graph, state.id)
  const { purpose, port, budgetMs, attemptsMax } = around ?? state
  const isRetried = attemptsMax !== undefined
  const attempts = budgetMs === undefined ? undefined : isRetried ? `at most ${attemptsMax}` : '1, whatever its failure'
  const paths = pathsInto(context.data.coverage?.[graph.id] ?? [], state.id).length
  return [
    element('h2', {}, fullLabel(graph, state.id)),
    element('p', { class: 'id' }, element('code', {}, state.id)),
    element('p', {}, purpose ?? ''),
    facts([
      [
        'Time budget',
        budgetMs === undefined ? undefined : `${budgetInWords(budgetMs)}${around ? ' for all attempts' : ''}`
      ],
      ['Attempts', attempts],
      [
        'Port',
        port === undefined
          ? undefined
          : element('span', {}, element('code', {}, port), ' in ', sourceLink(context, 'src/machines/ports.ts'))
      ],
      ['Covered by', coverageText(paths, context)],
      ['Source', sourceLink(context, graph.source)]
    ]),
    transitionList(
      context,
      'Leaves by',
      graph.transitions.filter(({ from }) => own.has(from)),
      ({ to }) => `→ ${fullLabel(graph, to)}`
    ),
    transitionList(
      context,
      'Entered by',
      graph.transitions.filter(({ to, from }) => own.has(to) && !own.has(from)),
      ({ from }) => `← ${fullLabel(graph, from)}`
    ),
    codeList('Error codes that leave it', (around ?? state).codes ?? [], isRetried),
    state.kind === 'end' ? undefined : codeList('Codes that every stage may end with', COMMON_CODES, isRetried)
  ]
}

function transitionDetails(context: Context, transition: GraphTransition): readonly (Node | undefined)[] {
  const graph = context.machine()
  const go = (id: string) =>
    element('button', { type: 'button', class: 'link', onclick: () => context.select(id) }, fullLabel(graph, id))
  const paths = pathsOver(context.data.coverage?.[graph.id] ?? [], transition.id)
  const covered = context.data.coverage !== undefined
  return [
    element('h2', {}, transition.label),
    element('p', { class: 'id' }, element('code', {}, transition.id)),
    facts([
      ['From', go(transition.from)],
      ['To', go(transition.to)],
      ['When', transition.guard],
      ['Event', element('code', {}, transition.event || 'always')],
      ['Covered by', coverageText(paths.length, context)],
      ['Source', sourceLink(context, graph.source)]
    ]),
    covered
      ? element(
          'details',
          {},
          element('summary', {}, 'Paths over it'),
          element('ol', {}, ...paths.map(({ title }) => element('li', {}, title)))
        )
      : undefined
  ]
}

function machineDetails(context: Context): readonly Node[] {
  const { id, source, states, transitions } = context.machine()
  const keys: readonly Fact[] = [
    ['Tab, Enter', 'go through the states, open one'],
    ['arrows', 'move'],
    ['+ − 0 1', 'zoom in, out, readable, whole'],
    ['/', 'search'],
    ['Esc', 'select nothing']
  ]
  return [
    element('h2', {}, id),
    element(
      'p',
      {},
      `${count(states.length, 'state')}, ${count(transitions.length, 'transition')}. Select one to read about it.`
    ),
    facts([['Source', sourceLink(context, source)]]),
    element('h3', {}, 'Keys'),
    facts(keys)
  ]
}

export function showDetails(context: Context, id: string | undefined): void {
  const graph = context.machine()
  const state = id === undefined ? undefined : findState(graph, id)
  const transition = id === undefined ? undefined : findTransition(graph, id)
  const content =
    state !== undefined
      ? stateDetails(context, state)
      : transition !== undefined
        ? transitionDetails(context, transition)
        : machineDetails(context)
  byId('details').replaceChildren(...content.filter((part) => part !== undefined))
}
