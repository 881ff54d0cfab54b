/** Goal: build_ahead builds what it finds, a bounded number, and ends with the job. Method: the command on ports that note what they are asked. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createReporter } from '../../../../src/effects/log/reporter.ts'
import { randomHex, systemClock } from '../../../../src/effects/system.ts'
import { runHook } from '../../../../src/hooks/hook.ts'
import type { AheadPorts } from '../../../../src/machines/ports.ts'
import type { Resolution } from '../../../../src/machines/types.ts'
import { DIGEST, PUSHED_IMAGE, RESOLUTIONS } from '../../../support/container-step-model.ts'

let work = ''
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'slipway-build-ahead-'))
})
afterEach(async () => await rm(work, { recursive: true }))

async function install(count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const directory = join(work, `_actions/a/a${at}/v1`)
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, 'action.yml'), 'runs: {using: docker, image: Dockerfile}\n')
  }
}

const hang = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

interface Options {
  readonly resolution?: Resolution
  readonly build?: AheadPorts['builder']['build']
  readonly jobEnds?: (signal: AbortSignal) => Promise<void>
}

async function call({
  resolution = RESOLUTIONS.build,
  build = async () => ({ digest: DIGEST }),
  jobEnds = hang
}: Options = {}) {
  const calls: string[] = []
  let [running, most] = [0, 0]
  const ports: AheadPorts = {
    clock: systemClock,
    resolver: {
      async resolve({ request }) {
        calls.push(`resolve ${request.dockerfile?.slice(work.length)}`)
        return resolution
      }
    },
    builder: {
      async build(input, signal) {
        running += 1
        most = Math.max(most, running)
        calls.push('build')
        await systemClock.sleep(20, signal)
        return await build(input, signal).finally(() => {
          running -= 1
        })
      }
    },
    pusher: { push: async () => PUSHED_IMAGE },
    janitor: { cleanUp: async ({ ledger }) => void calls.push(`clean up ${ledger.map(({ name }) => name).join(' ')}`) }
  }
  const none = () => Promise.reject(new Error('nothing else is asked for'))
  const code = await runHook({
    stdin: Readable.from([Buffer.from(JSON.stringify({ command: 'build_ahead' }))]),
    environment: {
      ACTIONS_RUNNER_POD_NAME: 'runner-abc',
      RUNNER_WORKSPACE: join(work, 'repo'),
      RUNNER_TEMP: join(work, '_temp'),
      GITHUB_WORKSPACE: join(work, 'repo/repo'),
      ACTIONS_RUNNER_CONTAINER_HOOKS_TRACE_DIRECTORY: 'off'
    },
    backends: {
      steps: none,
      jobs: none,
      scripts: none,
      cleanup: none,
      ahead: async () => ({ createAheadBackend: () => ({ ports, jobEnds }) })
    },
    cancels: { signal: new AbortController().signal, listen: () => () => {} },
    mayRemain: () => {},
    reporter: createReporter(() => {}),
    clock: systemClock,
    startAhead: none,
    randomHex
  })
  return { code, calls, most, count: (what: string) => calls.filter((one) => one.startsWith(what)).length }
}

test('each action is built, two at a time, and its pod goes', async () => {
  await install(5)
  const { code, count, most } = await call()
  expect([code, most, count('resolve'), count('build'), count('clean up')]).toEqual([0, 2, 5, 5, 5])
})

test('there are at most eight of them', async () => {
  await install(12)
  expect((await call()).count('resolve')).toBe(8)
})

test('what is there, or being built, is left alone', async () => {
  await install(1)
  for (const kind of ['cached', 'ahead'] as const) {
    const { code, calls } = await call({ resolution: RESOLUTIONS[kind] })
    expect([code, calls]).toEqual([0, ['resolve /_actions/a/a0/v1/Dockerfile']])
  }
})

test('a build that fails stops no other, and fails nothing', async () => {
  await install(2)
  const { code, count } = await call({ build: () => Promise.reject(new Error('no')) })
  expect([code, count('resolve'), count('clean up')]).toEqual([0, 2, 2])
})

test('with the job everything ends, also what has not begun', async () => {
  await install(4)
  const { code, count } = await call({
    build: (_input, signal) => hang(signal),
    jobEnds: (signal) => systemClock.sleep(100, signal)
  })
  expect(code).toBe(0)
  expect(count('build')).toBeLessThanOrEqual(2)
  expect(count('clean up build-1')).toBe(2)
})
