/** What the model suite covers: numbers, marks on the drawing, and the list of its paths. */
import { type CoveredPath, pathsOver, summarize } from '../coverage.ts'
import type { Context } from './context.ts'
import { byId, element } from './dom.ts'
import { mark, partOf } from './drawing.ts'

/** Writes beside every transition how many paths take it. Once, since the page carries one coverage. */
export function writeCounts({ data }: Context): void {
  if (data.coverage === undefined) return
  for (const graph of data.set.machines) {
    const paths = data.coverage[graph.id] ?? []
    for (const { id } of graph.transitions) {
      const text = partOf(id)?.querySelector('.count')
      if (text) text.textContent = `×${pathsOver(paths, id).length}`
    }
  }
}

function pathItem(path: CoveredPath): HTMLElement {
  const show = () => mark('path', [...path.transitions, ...path.states])
  return element('li', {}, element('button', { type: 'button', class: 'link', onclick: show }, path.title))
}

export function showCoverage(context: Context): void {
  const panel = byId('mode-coverage')
  const graph = context.machine()
  const paths = context.data.coverage?.[graph.id]
  mark('path', [])
  if (paths === undefined) {
    const how = 'This page was made without coverage: slipway diagram --html FILE --coverage coverage/machines.json'
    panel.replaceChildren(element('p', {}, how))
    return
  }
  const { transitions, states, percent } = summarize(graph, paths)
  mark(
    'uncovered',
    graph.transitions.map(({ id }) => id).filter((id) => pathsOver(paths, id).length === 0)
  )
  panel.replaceChildren(
    element(
      'p',
      { class: 'figure' },
      element('strong', { id: 'coverage-percent' }, `${percent} %`),
      ' of the transitions'
    ),
    element(
      'p',
      {},
      `${transitions.covered} of ${transitions.all} transitions and ${states.covered} of ${states.all} states, ` +
        `by ${paths.length} paths that the model suite walks on real actors. ×n: taken by n paths.`
    ),
    element('details', {}, element('summary', {}, 'Paths'), element('ol', { class: 'scroll' }, ...paths.map(pathItem)))
  )
}

export function hideCoverage(): void {
  mark('uncovered', [])
  mark('path', [])
}
