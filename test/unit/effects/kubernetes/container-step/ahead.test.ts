/** Goal: a build ahead in place waits for what its pod has to know, and gives up what a step has taken. Method: its backend against an API server here. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createAheadBackend } from '../../../../../src/effects/kubernetes/container-step/ahead.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { systemClock } from '../../../../../src/effects/system.ts'
import { REQUEST, SOURCE } from '../../../../support/container-step-model.ts'
import { type PodServer, startPodServer } from '../../../../support/pod-server.ts'

const { signal } = new AbortController()
const JOB_POD: V1Pod = {
  metadata: {
    name: 'runner-a-workflow',
    uid: 'uid-of-job',
    labels: { 'runner-pod': 'runner-a' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'runner-a', uid: 'uid-of-a' }]
  }
}
const CLAIM = {
  metadata: {
    name: 'runner-a-build-n-1-taken',
    labels: { 'runner-pod': 'runner-a', 'slipway/ahead': 'taken' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'runner-a-workflow', uid: 'uid-of-job' }]
  },
  data: { nonce: Buffer.from('of a step', 'utf8').toString('base64') }
}

let work = ''
let server: PodServer
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'slipway-ahead-'))
  await mkdir(join(work, 'repo/repo'), { recursive: true })
  const runner: V1Pod = {
    metadata: { name: 'runner-a', uid: 'uid-of-a' },
    spec: {
      containers: [{ name: 'runner', image: 'runner:1', volumeMounts: [{ name: 'work', mountPath: work }] }],
      volumes: [{ name: 'work', persistentVolumeClaim: { claimName: 'c' } }]
    }
  }
  server = await startPodServer(work, [runner, JOB_POD])
  vi.stubEnv('KUBECONFIG', server.kubeconfig)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await server.close()
  await rm(work, { recursive: true })
})

/** Waits take no time. */
const portsOf = () =>
  createAheadBackend(
    {
      runnerPod: 'runner-a',
      paths: {
        runnerWorkspace: join(work, 'repo'),
        runnerTemp: join(work, '_temp'),
        githubWorkspace: join(work, 'repo/repo')
      }
    },
    {
      clock: { ...systemClock, sleep: (_ms, toStop) => systemClock.sleep(5, toStop) },
      reporter: createReporter(() => {}),
      randomHex: () => '0'
    }
  ).ports

const attempt = (number: number) => ({ source: SOURCE, request: REQUEST, nonce: 'n', attempt: number })

it('leaves to a step what an attempt before has made, and makes nothing more', async () => {
  server.secrets.set(CLAIM.metadata.name, CLAIM)
  const built = { pod: 'runner-a-build-n-1', marker: '' }
  const ports = portsOf()
  expect(await ports.inPlace.buildInPlace(attempt(2), signal)).toEqual(built)
  await ports.stander.stand({ built }, signal)
  expect(server.changes.filter((change) => !change.startsWith('POST secrets/'))).toEqual([])
})

it('takes what no step has taken before it makes another one', async () => {
  const building = portsOf().inPlace.buildInPlace(attempt(2), AbortSignal.timeout(500))
  await expect(building).rejects.toThrow()
  expect(server.changes.slice(0, 3)).toEqual([
    'POST secrets/runner-a-build-n-1-taken',
    'DELETE pods/runner-a-build-n-1',
    'POST pods/runner-a-build-n-2'
  ])
})

it('has its directories made before a kubelet would make them', async () => {
  const home = { source: join(work, '_temp/_github_home'), target: '/github/home', readOnly: false }
  const input = { ...attempt(1), request: { ...REQUEST, mounts: [home] } }
  await expect(portsOf().inPlace.buildInPlace(input, AbortSignal.timeout(500))).rejects.toThrow()
  await rm(home.source, { recursive: true })
})

it('waits for the address of a job pod with services, which the names of those lead to', async () => {
  const annotations = { 'slipway/service-names': 'db' }
  server.pods.set('runner-a-workflow', { ...JOB_POD, metadata: { ...JOB_POD.metadata, annotations } })
  server.secrets.set(CLAIM.metadata.name, CLAIM)
  let stands = false
  const standing = portsOf()
    .stander.stand({ built: { pod: 'runner-a-build-n-1', marker: '' } }, signal)
    .then(() => {
      stands = true
    })
  await systemClock.sleep(200, signal)
  expect(stands).toBe(false)
  const pod = { ...JOB_POD, metadata: { ...JOB_POD.metadata, annotations }, status: { podIP: '10.0.0.9' } }
  server.pods.set('runner-a-workflow', pod)
  await standing
})
