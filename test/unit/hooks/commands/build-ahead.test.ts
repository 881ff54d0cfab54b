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
import type { Resolution, StepRequest } from '../../../../src/machines/types.ts'
import { BUILT_IN_PLACE, DIGEST, PUSHED_IMAGE, RESOLUTIONS } from '../../../support/container-step-model.ts'

let work = ''
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'slipway-build-ahead-'))
})
afterEach(async () => await rm(work, { recursive: true }))

async function install(count: number, more = ''): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const directory = join(work, `_actions/a/a${at}/v1`)
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, 'action.yml'), `runs: {using: docker, image: Dockerfile${more}}\n`)
  }
}

const hang = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

/** Cancelled so many milliseconds after somebody listens. */
const at = (ms: number) => (cancel: () => void) => {
  const timer = setTimeout(cancel, ms)
  return () => clearTimeout(timer)
}

interface Options {
  readonly resolution?: Resolution
  readonly build?: AheadPorts['builder']['build']
  readonly stand?: AheadPorts['stander']['stand']
  readonly env?: Readonly<Record<string, string>>
  readonly listen?: (cancel: () => void) => () => void
  readonly ready?: (signal: AbortSignal) => Promise<boolean>
  readonly jobEnds?: (signal: AbortSignal) => Promise<void>
}

async function call({
  resolution = RESOLUTIONS.build,
  build = async () => ({ digest: DIGEST }),
  stand = async () => {},
  env = { ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_HOST: 'registry:5000' },
  ready = async () => true,
  listen = () => () => {},
  jobEnds = hang
}: Options = {}) {
  const calls: string[] = []
  const mounts: StepRequest['mounts'][] = []
  let [running, most] = [0, 0]
  const ports: AheadPorts = {
    clock: systemClock,
    resolver: {
      async resolve({ request }) {
        calls.push(`resolve ${request.dockerfile?.slice(work.length)}`)
        mounts.push(request.mounts)
        return resolution
      }
    },
    inPlace: {
      async buildInPlace(_input, signal) {
        running += 1
        most = Math.max(most, running)
        calls.push('build in place')
        await systemClock.sleep(20, signal)
        running -= 1
        return BUILT_IN_PLACE
      }
    },
    stander: {
      async stand(input, signal) {
        calls.push('stand')
        await stand(input, signal)
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
      ACTIONS_RUNNER_CONTAINER_HOOKS_TRACE_DIRECTORY: 'off',
      ...env
    },
    backends: {
      steps: none,
      jobs: none,
      scripts: none,
      cleanup: none,
      ahead: async () => ({ createAheadBackend: () => ({ ports, ready, jobEnds }) })
    },
    cancels: { signal: new AbortController().signal, listen },
    mayRemain: () => {},
    reporter: createReporter(() => {}),
    clock: systemClock,
    startAhead: none,
    randomHex
  })
  return { code, calls, most, mounts, count: (what: string) => calls.filter((one) => one.startsWith(what)).length }
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
    jobEnds: (signal) => systemClock.sleep(1_000, signal)
  })
  expect(code).toBe(0)
  expect(count('build')).toBeLessThanOrEqual(2)
  expect(count('clean up build-1')).toBe(2)
})

const IN_PLACE = { resolution: RESOLUTIONS['in-place'], env: {} }

test('in place the pod has the mounts that the runner gives every container action', async () => {
  await install(1)
  const { mounts } = await call(IN_PLACE)
  expect(mounts[0]?.map(({ source, target }) => [source.slice(work.length), target])).toEqual([
    ['/_temp', '/github/runner_temp'],
    ['/_temp/_github_home', '/github/home'],
    ['/_temp/_github_workflow', '/github/workflow'],
    ['/_temp/_runner_file_commands', '/github/file_commands'],
    ['/repo/repo', '/github/workspace']
  ])
})

test('in place there is one for each use, the next one when the one before was taken', async () => {
  await install(1, ', pre-entrypoint: a, post-entrypoint: b')
  expect((await call(IN_PLACE)).calls.filter((one) => !one.startsWith('resolve'))).toEqual(
    Array(3).fill(['build in place', 'stand', 'clean up build-1']).flat()
  )
  const untaken = await call({
    ...IN_PLACE,
    stand: (_input, signal) => hang(signal),
    jobEnds: (signal) => systemClock.sleep(1_000, signal)
  })
  expect([untaken.count('build in place'), untaken.count('clean up')]).toEqual([1, 1])
  expect((await call({ ...IN_PLACE, env: undefined as never, resolution: RESOLUTIONS.build })).count('build')).toBe(1)
})

test('what stands keeps nothing else from being built, two at a time and eight in all', async () => {
  await install(6, ', post-entrypoint: b')
  const { count, most } = await call({
    ...IN_PLACE,
    stand: (_input, signal) => hang(signal),
    jobEnds: (signal) => systemClock.sleep(2_000, signal)
  })
  expect([count('build in place'), most]).toEqual([6, 2])
  expect((await call(IN_PLACE)).count('build in place')).toBe(8)
})

test('an action is built once more although a step has what was built before', async () => {
  await install(1, ', post-entrypoint: b')
  expect((await call({ ...IN_PLACE, resolution: RESOLUTIONS.standing })).count('build in place')).toBe(1)
})

test.each([
  ['is not up before somebody cancels', { ready: hang, listen: at(50) }],
  ['does not come up', { ready: () => Promise.reject(new Error('gone')) }],
  ['is of no use for it', { ready: async () => false }]
])('nothing is built where the job pod %s', async (_title, options) => {
  await install(1)
  expect(await call(options)).toMatchObject({ code: 0, calls: [] })
})
