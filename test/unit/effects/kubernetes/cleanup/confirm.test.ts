/** Goal: cleanup_job says that all is gone only when it is. Method: a pod that its node takes a while to remove, on a clock of the test's. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCleanupPorts } from '../../../../../src/effects/kubernetes/cleanup/job.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { randomHex, systemClock } from '../../../../../src/effects/system.ts'
import type { Clock } from '../../../../../src/machines/ports.ts'
import { type PodServer, startPodServer } from '../../../../support/pod-server.ts'
import { PATHS } from '../context-fixture.ts'

const never = new AbortController().signal
const JOB = { runnerPod: 'runner-1' }
const labels = { 'runner-pod': 'runner-1' }

let directory = ''
let server: PodServer
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-confirm-'))
  server = await startPodServer(directory, [
    { metadata: { name: 'runner-1', uid: 'u1', labels } },
    { metadata: { name: 'stays-a-while', labels } }
  ])
  vi.stubEnv('KUBECONFIG', server.kubeconfig)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await server.close()
  await rm(directory, { recursive: true })
})

/** Ports on a clock that only sleeping moves; `slept` is told how long it has. */
function cleanerOf(slept: (ms: number) => void) {
  let now = 0
  const sleep: Clock['sleep'] = async (ms, signal) => {
    signal.throwIfAborted()
    now += ms
    slept(now)
  }
  const clock = { ...systemClock, now: () => now, sleep }
  const reporter = createReporter(() => {})
  return createCleanupPorts({ ...JOB, paths: PATHS }, { clock, reporter, randomHex }).cleaner
}

test('is waited for until it is gone', async () => {
  let waitedMs = 0
  const cleaner = cleanerOf((ms) => {
    waitedMs = ms
    if (ms >= 600) server.pods.delete('stays-a-while')
  })
  await cleaner.confirm(JOB, never)
  expect(waitedMs).toBe(600)
})

test('a Secret is waited for, too, and the runner pod itself is not', async () => {
  server.pods.delete('stays-a-while')
  server.secrets.set('secret', { metadata: { name: 'secret', labels } })
  let looks = 0
  const cleaner = cleanerOf(() => {
    looks += 1
    if (looks === 2) server.secrets.delete('secret')
  })
  await cleaner.confirm(JOB, never)
  expect([looks, server.pods.has('runner-1')]).toEqual([2, true])
})

test('what does not go is named, after a bound', async () => {
  let waitedMs = 0
  const cleaner = cleanerOf((ms) => {
    waitedMs = ms
  })
  await expect(cleaner.confirm(JOB, never)).rejects.toMatchObject({
    code: 'cleanup-failed',
    message: 'still there: pod stays-a-while',
    remaining: ['pod stays-a-while']
  })
  expect(waitedMs).toBeGreaterThanOrEqual(60_000)
  expect(waitedMs).toBeLessThan(61_000)
})

test('waiting ends when it is cancelled', async () => {
  const controller = new AbortController()
  const cleaner = cleanerOf((ms) => {
    if (ms >= 400) controller.abort(new Error('stopped'))
  })
  await expect(cleaner.confirm(JOB, controller.signal)).rejects.toThrow()
})
