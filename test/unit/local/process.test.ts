/** The process runner against real programs. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createProcessRunner } from '../../../src/effects/local/process.ts'
import { systemClock } from '../../../src/effects/system.ts'
import { codeOf } from '../../contract/backend.ts'

const { run, idle } = createProcessRunner({ PATH: process.env.PATH, INHERITED: 'yes' }, systemClock)
const never = new AbortController().signal

test('gives exit code, stdout, and both streams in the tail', async () => {
  const result = await run('sh', ['-c', 'echo out; echo err >&2; exit 3'], { signal: never })
  expect(result.exitCode).toBe(3)
  expect(result.stdout).toBe('out\n')
  expect(result.tail.split('\n').sort()).toEqual(['', 'err', 'out'])
})

test('passes output on as it comes, and the environment', async () => {
  let heard = ''
  const onOutput = (chunk: Uint8Array) => {
    heard += Buffer.from(chunk).toString()
  }
  await run('sh', ['-c', 'echo $INHERITED $ADDED'], { signal: never, env: { ADDED: 'too' }, onOutput })
  expect(heard).toBe('yes too\n')
})

test('keeps the end of a long output, within its bound', async () => {
  const { tail } = await run('sh', ['-c', 'seq 1 100000'], { signal: never })
  expect(tail.endsWith('99999\n100000\n')).toBe(true)
  expect(tail.length).toBe(64 * 1024)
})

test('a program that is not there is engine-missing', async () => {
  expect(await codeOf(run('slipway-no-such-program', [], { signal: never }))).toBe('engine-missing')
})

test('a program that a signal ended has exit code 128 + n', async () => {
  expect((await run('sh', ['-c', 'kill -KILL $$'], { signal: never })).exitCode).toBe(137)
})

test('an abort rejects at once, and idle waits until the whole group is gone, even if it ignores SIGTERM', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-unit-'))
  try {
    const beat = join(directory, 'beat')
    // The loop is a grandchild, and holds on to neither output.
    const loop = `trap "" TERM; while true; do echo beat >> ${beat}; sleep 0.05; done`
    const stopping = new AbortController()
    const running = codeOf(
      run('sh', ['-c', `trap "" TERM; sh -c '${loop}' > /dev/null 2>&1`], { signal: stopping.signal })
    )
    const beats = () => readFile(beat, 'utf8').catch(() => '')
    await expect.poll(beats).toMatch(/beat/)
    stopping.abort()
    expect(await running).toBe('cancelled')
    await idle()
    const atTheEnd = await beats()
    await delay(300)
    expect(await beats()).toBe(atTheEnd)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

test('nothing is started once the step is being cancelled', async () => {
  expect(await codeOf(run('sh', ['-c', 'exit 0'], { signal: AbortSignal.abort() }))).toBe('cancelled')
})
