/** Goal: a trace records every fact, stays within its bounds, and never gets in the way of a run. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTrace, type TraceEnd } from '../../../../src/effects/log/trace.ts'
import { FILES_MAX, type TraceDirectory } from '../../../../src/effects/log/trace-file.ts'
import { randomHex } from '../../../../src/effects/system.ts'
import { entered } from '../../../support/facts.ts'

const fact = (state: string) => entered('', state, 'xstate.init')
const output: TraceEnd = { outcome: 'succeeded', exitCode: 0, remaining: [], stages: {} }
const MIB = 1024 * 1024
let directory = ''
let failures: string[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-trace-'))
  failures = []
})
afterEach(() => rm(directory, { recursive: true }))

const chosen = (path = directory): TraceDirectory => ({ directory: path, isDefault: false })
const open = (place: TraceDirectory, mask = (text: string) => text) =>
  createTrace(
    place,
    { command: 'run_container_step', runnerPod: 'runner-abc' },
    { mask, randomHex, onFailure: (reason) => failures.push(reason) }
  )
const filesIn = (path: string) => readdir(path).then((names) => names.sort())
const linesIn = async (path: string) => {
  const [name = ''] = await readdir(path)
  return (await readFile(join(path, name), 'utf8')).trimEnd().split('\n')
}

describe('the trace of an order', () => {
  it('is a line for what is ordered, for every fact and for the end, each written at once', async () => {
    const place = join(directory, 'deep/er')
    const trace = open(chosen(place))
    trace.observer(fact('resolving.attempting'), 12.5)
    expect(await linesIn(place)).toHaveLength(2)
    trace.end(output)
    trace.end({ outcome: 'failed', exitCode: 1 })
    expect((await linesIn(place)).map((line) => JSON.parse(line))).toMatchObject([
      {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        level: 30,
        type: 'started',
        format: 'slipway-trace-3',
        command: 'run_container_step',
        runnerPod: 'runner-abc'
      },
      { atMs: 12.5, type: 'entered', state: 'resolving.attempting', time: expect.stringMatching(/^\d{4}-/) },
      { type: 'ended', outcome: 'succeeded', exitCode: 0 }
    ])
    expect(failures).toEqual([])
  })

  it('is named after its time, runner pod and order, and can be read by its owner only', async () => {
    open(chosen())
    const [name = ''] = await readdir(directory)
    expect(name).toMatch(/^\d{8}-\d{6}-\d{3}-runner-abc-run-container-step-[0-9a-f]{8}\.jsonl$/)
    expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600)
  })

  it('hides what the mask hides in messages and details, and nothing else', async () => {
    const trace = open(chosen(), (text) => text.replaceAll('failed', '***'))
    const message = 'it failed'
    trace.observer(
      { type: 'attemptFailed', stage: 'pulling', attempt: 1, code: 'internal', message, retrying: true },
      1
    )
    trace.end({
      outcome: 'failed',
      exitCode: 1,
      failure: { code: 'x', stage: 'pulling', message, detail: 'so failed' }
    })
    const [, attempt, end] = (await linesIn(directory)).map((line) => JSON.parse(line))
    expect(attempt).toMatchObject({ type: 'attemptFailed', message: 'it ***' })
    expect(end).toMatchObject({ outcome: 'failed', failure: { message: 'it ***', detail: 'so ***' } })
  })
})

describe('a trace that cannot be written', () => {
  it.each([
    ['the directory cannot be made', 'file/below'],
    ['it is no directory', 'file']
  ])('says so once when %s, and lets the run go on', async (_title, place) => {
    await writeFile(join(directory, 'file'), '')
    const trace = open(chosen(join(directory, place)))
    trace.observer(fact('resolving.attempting'), 0)
    trace.end(output)
    expect(failures).toHaveLength(1)
  })

  it('is silent at the default place: not every runner keeps its logs there', async () => {
    const trace = open({ directory: join(directory, '_diag/slipway'), isDefault: true })
    trace.observer(fact('resolving.attempting'), 0)
    trace.end(output)
    expect([failures, await filesIn(directory)]).toEqual([[], []])
  })
})

describe('the default place', () => {
  it('is made where the runner keeps its logs, and used again', async () => {
    await mkdir(join(directory, '_diag'))
    const place: TraceDirectory = { directory: join(directory, '_diag/slipway'), isDefault: true }
    open(place).end(output)
    open(place).end(output)
    expect(await filesIn(place.directory)).toHaveLength(2)
    expect((await stat(place.directory)).mode & 0o777).toBe(0o700)
  })
})

describe('the bounds of traces', () => {
  it('stop a file from growing, but not its last line', async () => {
    const trace = open(chosen())
    for (let count = 0; count < 6; count += 1) trace.observer(fact('x'.repeat(MIB / 4)), count)
    trace.end({ ...output, failure: { code: 'x', message: 'm', detail: `start ${'y'.repeat(MIB)} end` } })
    const lines = await linesIn(directory)
    expect(lines.join('\n').length).toBeLessThan(MIB + 128 * 1024)
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      type: 'ended',
      failure: { detail: expect.stringMatching(/y end$/) }
    })
    expect(failures).toEqual([])
  })

  it('remove the oldest files of ours, and no others', async () => {
    const old = (index: number) => `20200101-${String(index).padStart(6, '0')}-runner-x-cleanup-job-0.jsonl`
    await Promise.all(Array.from({ length: FILES_MAX + 3 }, (_, index) => writeFile(join(directory, old(index)), '')))
    await writeFile(join(directory, '0-somebody-else.log'), '')
    open(chosen()).end(output)
    const left = await filesIn(directory)
    expect(left).toHaveLength(FILES_MAX + 1)
    expect(left.slice(0, 2)).toEqual(['0-somebody-else.log', old(4)])
  })
})
