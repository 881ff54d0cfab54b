/** Goal: prepare_job starts builds ahead where there is something to build, and waits for nothing of them. Method: a real child, and trees. */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RunFact } from '../../../src/effects/run/wire.ts'
import type { CommandContext } from '../../../src/hooks/context.ts'
import { aheadStart, startDetached } from '../../../src/hooks/start-ahead.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-ahead-'))
})
afterEach(async () => await rm(directory, { recursive: true }))

describe('a process of its own', () => {
  const hostOf = (script: string) =>
    ({ execPath: process.execPath, execArgv: [], argv: ['node', script] }) as unknown as NodeJS.Process

  it('gets its command, goes on when nobody waits for it, and gives way to others', async () => {
    const [script, out] = [join(directory, 'child.cjs'), join(directory, 'out.json')]
    await writeFile(
      script,
      `const { readFileSync, renameSync, writeFileSync } = require('node:fs')
       const input = JSON.parse(readFileSync(0, 'utf8'))
       setTimeout(() => {
         writeFileSync('${out}.new', JSON.stringify({ input, nice: require('node:os').getPriority(), argv: process.argv.length }))
         renameSync('${out}.new', '${out}')
       }, 500)`
    )
    await startDetached(hostOf(script), { spawn, setPriority })
    await expect(readFile(out)).rejects.toThrow('ENOENT')
    await vi.waitFor(async () => await readFile(out), { timeout: 20_000 })
    expect(JSON.parse(await readFile(out, 'utf8'))).toEqual({ input: { command: 'build_ahead' }, nice: 10, argv: 2 })
  })

  it('that cannot be started, or not be set back, fails nothing', async () => {
    const nowhere = { ...hostOf('x'), execPath: join(directory, 'none') } as NodeJS.Process
    const refused = () => {
      throw new Error('EPERM')
    }
    await startDetached(nowhere, { spawn, setPriority: refused as typeof setPriority })
  })
})

describe('prepare_job', () => {
  const entered = (stage: string) =>
    ({
      type: 'entered',
      state: `${stage}.attempting`,
      event: '',
      from: '',
      at: { stage, phase: 'attempting', attempt: 1 }
    }) as RunFact
  const REGISTRY = { pushHost: 'r', pullHost: 'r', plainHttp: true }

  async function startsOf(config: object, facts: readonly RunFact[], startAhead = async () => {}) {
    const started = vi.fn(startAhead)
    const paths = { runnerWorkspace: join(directory, 'repo') }
    const context = { config: { paths, ...config }, startAhead: started } as unknown as CommandContext
    const { observer, done } = aheadStart(context)
    for (const fact of facts) observer(fact, 0)
    await done()
    return started.mock.calls.length
  }
  const install = async (text: string) => {
    await mkdir(join(directory, '_actions/a/b/v1'), { recursive: true })
    await writeFile(join(directory, '_actions/a/b/v1/action.yml'), text)
  }
  const START = [entered('placing'), entered('starting'), entered('starting')]

  it('starts it once, when the job pod is placed', async () => {
    await install('runs: {using: docker, image: Dockerfile}\n')
    expect(await startsOf({ registry: REGISTRY }, [entered('placing')])).toBe(0)
    expect(await startsOf({ registry: REGISTRY }, START)).toBe(1)
  })

  it('does not start it without an action that may have a Dockerfile', async () => {
    expect(await startsOf({ registry: REGISTRY }, START)).toBe(0)
    await install('runs: {using: node20, main: x.js}\n')
    expect(await startsOf({ registry: REGISTRY }, START)).toBe(0)
  })

  it.each([
    ['builds in place', { registry: REGISTRY, buildMode: 'in-place' }],
    ['has no registry', {}]
  ])('starts it where it %s', async (_title, config) => {
    await install('runs: {using: docker, image: Dockerfile}\n')
    expect(await startsOf(config, START)).toBe(1)
  })

  it.each([
    ['is switched off', { registry: REGISTRY, buildAhead: 'off' }],
    ['is switched off, in place', { buildAhead: 'off' }],
    ['builds nowhere', { buildMode: 'registry' }]
  ])('does not start it where it %s', async (_title, config) => {
    await install('runs: {using: docker, image: Dockerfile}\n')
    expect(await startsOf(config, START)).toBe(0)
  })

  it('does not fail with it', async () => {
    await install('runs: {using: docker, image: Dockerfile}\n')
    expect(await startsOf({ registry: REGISTRY }, START, () => Promise.reject(new Error('no')))).toBe(1)
  })
})
