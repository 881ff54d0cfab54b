/** The coverage that docs/machines/index.html shows is what the suite's paths take today. `npm run docs:machines` writes it. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { summarize } from '../../src/visualizer/coverage.ts'
import { currentMachines } from '../../src/visualizer/graph.ts'
import { DATA_ID, type PageData } from '../../src/visualizer/page-data.ts'
import { measureModelCoverage } from '../support/coverage-report.ts'

/** What the committed page carries. */
function shownCoverage(): unknown {
  const page = readFileSync(new URL('../../docs/machines/index.html', import.meta.url), 'utf8')
  const [, data = ''] = new RegExp(`id="${DATA_ID}">(.*?)</script>`, 's').exec(page) ?? []
  return (JSON.parse(data) as PageData).coverage
}

test('the coverage that the page shows is measured, and is full', async () => {
  const coverage = await measureModelCoverage()
  expect(shownCoverage()).toEqual(coverage)
  for (const graph of currentMachines().machines) {
    const { transitions, states, percent } = summarize(graph, coverage[graph.id] ?? [])
    expect([graph.id, percent, states.covered]).toEqual([graph.id, 100, states.all])
    expect(transitions.covered).toBe(transitions.all)
  }
})

test('a transition that no path takes is not covered', () => {
  const [graph] = currentMachines().machines
  if (graph === undefined) throw new Error('there is no machine')
  const all = graph.transitions.map(({ id }) => id)
  const path = { title: 'all but one', transitions: all.slice(1), states: [] }
  expect(summarize(graph, [path])).toMatchObject({ transitions: { covered: all.length - 1 }, percent: 98 })
})
