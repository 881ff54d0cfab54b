/** Doctor compares what runners have as their hook with what their ConfigMap has now. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import type { V1Pod } from '@kubernetes/client-node'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createFacts } from '../../../../src/cli/doctor/facts.ts'
import { silent } from '../../../../src/cli/doctor/here.ts'
import { checkHookVersion } from '../../../../src/cli/doctor/hook-version.ts'
import { randomHex, systemClock } from '../../../../src/effects/system.ts'
import { type PodServer, startPodServer } from '../../../support/pod-server.ts'

const PATH = '/home/runner/slipway/index.js'
const NEW = 'the new hook'
const OLD = 'the old hook'

const runner = (name: string, { phase = 'Running', mounts = { subPath: 'index.js' } as object } = {}): V1Pod => ({
  metadata: { name },
  spec: {
    containers: [
      {
        name: 'runner',
        env: [{ name: 'ACTIONS_RUNNER_CONTAINER_HOOKS', value: PATH }],
        volumeMounts: [{ name: 'slipway', mountPath: PATH, ...mounts }]
      }
    ],
    volumes: [{ name: 'slipway', configMap: { name: 'slipway' } }]
  },
  status: { phase }
})
const WHOLE = { mounts: {} }

let directory = ''
let server: PodServer
/** What each runner has as its hook; one without an entry does not say. */
let hooks: Readonly<Record<string, string>> = {}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-hook-version-'))
  server = await startPodServer(directory, [runner('a'), runner('b'), runner('other', WHOLE)])
  vi.stubEnv('KUBECONFIG', server.kubeconfig)
  server.configMaps.set('slipway', { data: { 'index.js': NEW } })
  hooks = { a: NEW, b: NEW }
  server.run = (pod, _container, [program, path]) => {
    expect([program, path]).toEqual(['sha256sum', PATH])
    const hook = hooks[pod]
    const digest = createHash('sha256')
      .update(hook ?? '')
      .digest('hex')
    const stdout = Readable.from(hook === undefined ? [] : [Buffer.from(`${digest}  ${PATH}\n`)])
    const ended = new Promise<number>((resolve) => stdout.once('end', () => resolve(hook === undefined ? 1 : 0)))
    return { stdin: new PassThrough(), stdout, stderr: Readable.from([]), ended }
  }
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await server.close()
  await rm(directory, { recursive: true })
})

const check = (pod = runner('a')) => {
  const facts = createFacts(
    { ACTIONS_RUNNER_KUBERNETES_NAMESPACE: 'ci' },
    { reporter: silent, clock: systemClock, randomHex }
  )
  return checkHookVersion(facts, pod, new AbortController().signal)
}

test('runners that all have the hook of the ConfigMap', async () => {
  expect(await check()).toEqual({
    status: 'pass',
    why: 'all 2 runners that were asked have the hook of ConfigMap slipway'
  })
})

test('runners that wait with an old hook are named, with what replaces them', async () => {
  hooks = { a: NEW, b: OLD }
  const { status, why, fix } = await check()
  expect([status, why]).toEqual(['warn', 'not the hook that ConfigMap slipway has now: b'])
  expect(fix).toContain('annotation slipway/hook')
})

test('one that does not say, or has ended, is not counted', async () => {
  hooks = { a: NEW }
  server.pods.set('ended', runner('ended', { phase: 'Succeeded' }))
  expect((await check()).why).toContain('all 1 runners')
  hooks = {}
  expect((await check()).status).toBe('skipped')
})

test('a ConfigMap that is gone lets no new runner start', async () => {
  server.configMaps.delete('slipway')
  expect(await check()).toMatchObject({
    status: 'fail',
    why: expect.stringContaining('ConfigMap slipway has no index.js')
  })
})

test('a hook of the image, or of a folder that follows the ConfigMap, is none of this', async () => {
  expect((await check(runner('a', WHOLE))).status).toBe('skipped')
})
