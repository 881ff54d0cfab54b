/** docs/machines against the machines' code: what reviewers read is what runs. `npm run docs:machines` brings it up to date. */
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ERROR_CODES } from '../../../src/errors.ts'
import { COMMON_CODES } from '../../../src/machines/table.ts'
import { toDocument } from '../../../src/visualizer/document.ts'
import { currentMachines, MACHINES } from '../../../src/visualizer/graph.ts'
import { allStates, allTransitions } from '../../support/machine-graph.ts'
import { STAGES_OF } from '../../support/stages-of.ts'

const root = new URL('../../../', import.meta.url)
const golden = (name: string) => new URL(`docs/machines/${name}`, root).pathname
const set = currentMachines()

test('machines.json is the graph of all machines', async () => {
  await expect(`${JSON.stringify(set, undefined, 2)}\n`).toMatchFileSnapshot(golden('machines.json'))
})

describe.each(set.machines.map((graph) => [graph.id, graph] as const))('%s', (id, graph) => {
  test('has its document', async () => {
    await expect(toDocument(graph)).toMatchFileSnapshot(golden(`${id}.md`))
  })

  test('has every state and transition that the machine declares, and no other', () => {
    const machine = MACHINES.find((candidate) => candidate.id === id)
    if (machine === undefined) throw new Error(`no machine ${id}`)
    expect(new Set(graph.states.map((state) => state.id))).toEqual(allStates(machine))
    expect(new Set(graph.transitions.map((transition) => transition.id))).toEqual(allTransitions(machine))
  })

  test('has a source that is there', () => expect(existsSync(new URL(graph.source, root))).toBe(true))

  test('says of every stage what it is for, what it uses, how long it may take, and how it fails', () => {
    const stages = graph.states.filter(({ kind }) => kind === 'stage')
    expect(stages.length).toBeGreaterThan(0)
    for (const stage of stages) {
      expect(stage, stage.id).toMatchObject({
        purpose: expect.any(String),
        port: expect.any(String),
        budgetMs: expect.any(Number),
        codes: expect.any(Array)
      })
    }
  })
})

test('every error code leaves some stage, but for cancelled, which is no failure of one', () => {
  const listed = new Set([
    ...COMMON_CODES,
    ...Object.values(STAGES_OF).flatMap((stages) => Object.values(stages).flatMap(({ codes }) => codes))
  ])
  expect(Object.keys(ERROR_CODES).filter((code) => !listed.has(code as keyof typeof ERROR_CODES))).toEqual([
    'cancelled'
  ])
})
