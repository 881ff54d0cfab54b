/** What cleanup_job does when the registry is away: most jobs have nothing in it, and the runner asks only once. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { cleanUpJob } from '../../../../../src/effects/kubernetes/cleanup/job.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { randomHex, systemClock } from '../../../../../src/effects/system.ts'
import { type ApiServer, startApiServer } from '../../../../support/api-server.ts'
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
  const removed = await cleanUpJob(options, { clock: systemClock, reporter, randomHex }, new AbortController().signal)
  await pods.close()
  expect(removed).toEqual(['pod ours', 'pod of-an-earlier-one', 'pod of-another-hook'])
  expect(pods.changes.toSorted()).toEqual([
    'DELETE pods/of-an-earlier-one',
    'DELETE pods/of-another-hook',
    'DELETE pods/ours'
  ])
})

test('a registry that nobody reaches is a warning, and the job ends well', async () => {
  let said = ''
  const reporter = createReporter((text) => {
    said += text
  })
  const clock = { ...systemClock, sleep: async () => {} }
  const registry = { pushHost: '127.0.0.1:9', pullHost: '127.0.0.1:9', plainHttp: true }
  const options = { runnerPod: 'runner-1', paths: PATHS, registry }
  const removed = await cleanUpJob(options, { clock, reporter, randomHex }, new AbortController().signal)
  expect(removed).toEqual([])
  expect(said).toMatch(/^::warning::Images of this job, if it built any, stay in the registry.*127\.0\.0\.1:9/m)
  expect(api.changes).toEqual([])
})
