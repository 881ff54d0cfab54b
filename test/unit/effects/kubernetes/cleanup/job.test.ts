/** What cleanup_job does when the registry is away: most jobs have nothing in it, and the runner asks only once. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { randomHex, systemClock } from '../../../../../src/effects/system.ts'
import { CLEANUP_BUDGETS } from '../../../../../src/machines/cleanup-stages.ts'
import type { Clock } from '../../../../../src/machines/ports.ts'
import { type ApiServer, startApiServer } from '../../../../support/api-server.ts'
import { cleanUpJob } from '../../../../support/clean-up-job.ts'
import { startPodServer } from '../../../../support/pod-server.ts'
import { PATHS } from '../context-fixture.ts'

let directory = ''
let api: ApiServer
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-clean-up-'))
  api = await startApiServer(directory, 'runner-1')
  vi.stubEnv('KUBECONFIG', api.kubeconfig)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await api.close()
  await rm(directory, { recursive: true })
})

test('removes what is labelled for the runner pod, and leaves what belongs to something else', async () => {
  const owner = (kind: string, name: string, uid: string) => [{ apiVersion: 'v1', kind, name, uid }]
  const labels = { 'runner-pod': 'runner-1' }
  const pods = await startPodServer(directory, [
    { metadata: { name: 'runner-1', uid: 'u1', labels } },
    { metadata: { name: 'ours', labels, ownerReferences: owner('Pod', 'runner-1', 'u1') } },
    { metadata: { name: 'of-an-earlier-one', labels, ownerReferences: owner('Pod', 'runner-1', 'u0') } },
    { metadata: { name: 'of-another-hook', labels } },
    // Its ReplicaSet would make it again and again.
    { metadata: { name: 'of-a-deployment', labels, ownerReferences: owner('ReplicaSet', 'web', 'u2') } },
    { metadata: { name: 'of-another-runner', labels, ownerReferences: owner('Pod', 'runner-2', 'u3') } }
  ])
  vi.stubEnv('KUBECONFIG', pods.kubeconfig)
  const reporter = createReporter(() => {})
  const options = { runnerPod: 'runner-1', paths: PATHS }
  const { outcome, removed } = await cleanUpJob(options, { clock: systemClock, reporter, randomHex })
  await pods.close()
  expect(outcome).toBe('succeeded')
  expect(removed).toEqual(['pod ours', 'pod of-an-earlier-one', 'pod of-another-hook'])
  expect(pods.changes.toSorted()).toEqual([
    'DELETE pods/of-an-earlier-one',
    'DELETE pods/of-another-hook',
    'DELETE pods/ours'
  ])
})

test('what was built ahead is counted, by what is there', async () => {
  const metadata = (name: string, ahead: string, build?: string) => ({
    metadata: {
      name,
      labels: {
        'runner-pod': 'runner-1',
        'slipway/ahead': ahead,
        ...(build !== undefined && { 'slipway/build-pod': build })
      },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'runner-1-workflow', uid: 'u2' }]
    }
  })
  const pods = await startPodServer(
    directory,
    // One that goes on, and what it makes to find out what a node can.
    [
      { metadata: { name: 'runner-1', uid: 'u1' } },
      ...[metadata('goes-on', 'building', ''), metadata('stands', 'building', ''), metadata('trial', 'building')]
    ]
  )
  // Two that steps have taken: one of them was killed.
  for (const name of ['stands-taken', 'gone-taken']) pods.secrets.set(name, metadata(name, 'taken'))
  vi.stubEnv('KUBECONFIG', pods.kubeconfig)
  const deps = { clock: systemClock, reporter: createReporter(() => {}), randomHex }
  const { ahead, removed } = await cleanUpJob({ runnerPod: 'runner-1', paths: PATHS }, deps)
  await pods.close()
  expect(ahead).toEqual({ used: 2, unused: 1 })
  expect(removed).toEqual([
    ...['build-pod goes-on', 'build-pod stands', 'pod trial'],
    ...['secret stands-taken', 'secret gone-taken']
  ])
})

test('a registry that nobody reaches is told, and the job ends well', async () => {
  // Budgets are real, and waits take no time.
  const sleep: Clock['sleep'] = (ms, signal) => systemClock.sleep(ms < 60_000 ? 0 : ms, signal)
  const registry = { pushHost: '127.0.0.1:9', pullHost: '127.0.0.1:9', plainHttp: true }
  const options = { runnerPod: 'runner-1', paths: PATHS, registry }
  const deps = { clock: { ...systemClock, sleep }, reporter: createReporter(() => {}), randomHex }
  const output = await cleanUpJob(options, deps)
  expect(output).toMatchObject({
    outcome: 'succeeded',
    exitCode: 0,
    removed: [],
    imagesStay: { code: 'registry-unreachable', message: expect.stringContaining('127.0.0.1:9') }
  })
  expect(output.stages.removingImages?.attempts).toBe(CLEANUP_BUDGETS.removingImages.attemptsMax)
  expect(api.changes).toEqual([])
})
