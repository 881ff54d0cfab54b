/** Goal: a trace records every fact, and never gets in the way of a run. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTrace } from '../../../src/effects/trace.ts'
import type { StepFact } from '../../../src/effects/wire.ts'

const fact = (state: string): StepFact => ({ type: 'entered', state, from: '', event: 'xstate.init' })
const output = { outcome: 'succeeded', exitCode: 0, remaining: [], stages: {} } as const
let directory = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-trace-'))
})
afterEach(() => rm(directory, { recursive: true }))

describe('the trace of a run', () => {
  it('is one JSON line for every fact and one for the end, each written at once', async () => {
    const failures: string[] = []
    const trace = createTrace(join(directory, 'deep/er'), 'run', (reason) => failures.push(reason))
    const file = join(directory, 'deep/er/run.jsonl')
    trace.observer(fact('resolving.attempting'), 12.5)
    expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(2)
    trace.end(output)
    const lines = (await readFile(file, 'utf8')).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { atMs: 12.5, type: 'entered', state: 'resolving.attempting', time: expect.stringMatching(/^\d{4}-/) },
      { type: 'ended', outcome: 'succeeded', exitCode: 0 }
    ])
    expect(failures).toEqual([])
  })

  it('can be read by its owner only', async () => {
    createTrace(directory, 'run', () => {})
    expect((await stat(join(directory, 'run.jsonl'))).mode & 0o777).toBe(0o600)
  })

  it.each([
    ['the directory cannot be made', 'file/below'],
    ['the file is there already', '.']
  ])('says once that it is off when %s, and lets the run go on', async (_title, place) => {
    await writeFile(join(directory, 'file'), '')
    await writeFile(join(directory, 'run.jsonl'), 'of somebody else')
    const failures: string[] = []
    const trace = createTrace(join(directory, place), 'run', (reason) => failures.push(reason))
    trace.observer(fact('resolving.attempting'), 0)
    trace.end(output)
    expect(failures).toHaveLength(1)
    expect(await readFile(join(directory, 'run.jsonl'), 'utf8')).toBe('of somebody else')
  })

  it('stops growing at its bound', async () => {
    const failures: string[] = []
    const trace = createTrace(directory, 'run', (reason) => failures.push(reason))
    const state = 'x'.repeat(1024 * 1024)
    for (let count = 0; count < 6; count += 1) trace.observer(fact(state), count)
    expect((await stat(join(directory, 'run.jsonl'))).size).toBeLessThanOrEqual(4 * 1024 * 1024)
    expect(failures).toEqual([expect.stringContaining('grew beyond')])
  })
})
