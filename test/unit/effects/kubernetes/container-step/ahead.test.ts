/** Goal: a build ahead in place waits for what its pod has to know, and gives up what a step has taken. Method: its backend against an API server here. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V1ContainerState, V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createAheadBackend } from '../../../../../src/effects/kubernetes/container-step/ahead.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { systemClock } from '../../../../../src/effects/system.ts'
import { REQUEST, SOURCE } from '../../../../support/container-step-model.ts'
import { type PodServer, startPodServer } from '../../../../support/pod-server.ts'

const { signal } = new AbortController()
function containerIn(state: V1ContainerState): V1ContainerStatus {
  return { name: 'job', image: 'debian', imageID: '', ready: false, restartCount: 0, state }
}
const JOB_POD: V1Pod = {
  metadata: {
    name: 'runner-a-workflow',
    uid: 'uid-of-job',
    labels: { 'runner-pod': 'runner-a' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'runner-a', uid: 'uid-of-a' }]
  },
  spec: { containers: [{ name: 'job', image: 'debian' }] },
  status: { phase: 'Running', containerStatuses: [containerIn({ running: {} })] }
}
const STARTING: V1Pod = { ...JOB_POD, status: { containerStatuses: [containerIn({ waiting: {} })] } }
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
const backendOf = (buildAhead?: 'on') =>
  createAheadBackend(
    {
      runnerPod: 'runner-a',
      buildAhead,
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
  )
const portsOf = () => backendOf().ports

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

it('waits until the job pod is up, and with it has the address that the names of services lead to', async () => {
  server.pods.set('runner-a-workflow', STARTING)
  let isUp = false
  const ready = backendOf('on')
    .ready(signal)
    .then((wanted) => {
      isUp = true
      return wanted
    })
  await systemClock.sleep(200, signal)
  expect(isUp).toBe(false)
  server.pods.set('runner-a-workflow', JOB_POD)
  expect(await ready).toBe(true)
})

it('does not wait for a job pod that goes', async () => {
  server.pods.set('runner-a-workflow', STARTING)
  const ready = backendOf('on').ready(signal)
  ready.catch(() => {})
  await systemClock.sleep(50, signal)
  server.pods.delete('runner-a-workflow')
  await expect(ready).rejects.toThrow('is gone')
})

it('is asked for where a RUN would have the directories of steps before its own begins', async () => {
  expect(await backendOf().ready(signal)).toBe(false)
  expect(await backendOf('on').ready(signal)).toBe(true)
})
