/** Goal: prepare_job makes room first, then what the pod needs, then the pod, and says of it what is true. Method: the ports against an API server here. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V1Pod, V1Secret } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { COPIED_MARKER, WORK_ROOT } from '../../../../../src/effects/kubernetes/files/containers.ts'
import { createJobPorts } from '../../../../../src/effects/kubernetes/job/host.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { randomHex, systemClock } from '../../../../../src/effects/system.ts'
import { ACTIONS, FILE_COMMANDS, HOOK_RESPONSES, JOB_EXTERNALS } from '../../../../../src/effects/work-tree/layout.ts'
import type { PlaceInput } from '../../../../../src/machines/inputs.ts'
import type { JobPorts } from '../../../../../src/machines/ports.ts'
import type { ContainerRequest, JobRequest } from '../../../../../src/machines/types.ts'
import { type PodServer, startPodServer } from '../../../../support/pod-server.ts'
import { removeDirectory } from '../../../../support/removed.ts'
import { filesIn, fill, runIn } from '../../../../support/work-volume.ts'

const never = new AbortController().signal
const OWNER = { apiVersion: 'v1', kind: 'Pod', name: 'runner-a', uid: 'uid-of-a' }
const OWN = { labels: { 'runner-pod': 'runner-a' }, ownerReferences: [OWNER] }
const JOB_POD = 'runner-a-workflow'

let directory = ''
/** The runner's `_work`. */
let work = ''
let server: PodServer
let said = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-job-host-'))
  work = join(directory, 'runner')
  await mkdir(work)
  server = await startPodServer(directory, [])
  vi.stubEnv('KUBECONFIG', server.kubeconfig)
  said = ''
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await server.close()
  await removeDirectory(directory)
})

function runnerIs(mode: 'copy' | 'volume'): void {
  const volume = mode === 'copy' ? { emptyDir: {} } : { persistentVolumeClaim: { claimName: 'c' } }
  server.pods.set('runner-a', {
    metadata: { name: 'runner-a', uid: OWNER.uid },
    spec: {
      containers: [{ name: 'runner', image: 'runner:1', volumeMounts: [{ name: 'work', mountPath: work }] }],
      volumes: [{ name: 'work', ...volume }]
    }
  })
}

const container = (parts: Partial<ContainerRequest> = {}): ContainerRequest => ({
  image: 'debian:12',
  args: [],
  env: {},
  ports: [],
  volumes: [],
  ...parts
})
const requestOf = (parts: Partial<JobRequest> = {}): JobRequest => ({
  container: container(),
  services: [],
  mounts: [{ source: work, target: '/__w', readOnly: false }],
  ...parts
})

function ports() {
  const paths = { runnerWorkspace: join(work, 'repo'), runnerTemp: '', githubWorkspace: join(work, 'repo/repo') }
  const reporter = createReporter((chunk) => {
    said += chunk
  })
  const deps = { clock: systemClock, randomHex, reporter }
  return createJobPorts({ runnerPod: 'runner-a', paths, startTimeoutMs: 60_000 }, deps)
}

/** What the machine does until the pod is placed; resolves with what it gives to each further call. */
async function placeJob({ host }: JobPorts, request = requestOf()): Promise<PlaceInput> {
  const resolution = await host.plan(request, never)
  if (resolution.leftovers.length > 0) await host.sweep(resolution.leftovers, never)
  const input = { request, nonce: resolution.nonce, leftovers: resolution.leftovers }
  await host.place(input, never)
  return input
}

/** What was created and removed, without the random ends of names. */
const changes = (): readonly string[] => server.changes.map((change) => change.replace(/-[0-9a-f]{8}(-\d)?$/, '-*'))

describe('what an earlier job of the runner has left', () => {
  const leftover: V1Pod = { metadata: { ...OWN, name: JOB_POD }, spec: { containers: [] } }
  beforeEach(() => {
    runnerIs('volume')
    server.pods.set(JOB_POD, leftover)
    server.secrets.set('old-secret', { metadata: { ...OWN, name: 'old-secret' } })
  })

  test('is removed before anything is made, and said', async () => {
    const job = ports()
    await job.host.plan(requestOf(), never)
    expect(changes()).toEqual([])
    await placeJob(job)
    expect(changes().slice(0, -1).toSorted()).toEqual([`DELETE pods/${JOB_POD}`, 'DELETE secrets/old-secret'])
    expect(changes().at(-1)).toBe(`POST pods/${JOB_POD}`)
    expect(said).toContain(`Removing what an earlier job left: pod ${JOB_POD}, secret old-secret`)
  })

  test('is waited for: a pod that is about to go has its name until then', async () => {
    let looks = 0
    server.beforeGet = async (name) => {
      if (name !== JOB_POD || server.changes.length === 0) return undefined
      looks += 1
      if (looks <= 3) server.pods.set(JOB_POD, leftover)
      else server.pods.delete(JOB_POD)
      return undefined
    }
    await placeJob(ports())
    expect(looks).toBe(4)
    expect(server.pods.get(JOB_POD)?.spec?.containers.map(({ name }) => name)).toEqual(['job'])
  })

  test('is removed once, however often the pod is placed', async () => {
    const job = ports()
    await job.host.place(await placeJob(job), never)
    expect(changes().filter((change) => change === `DELETE pods/${JOB_POD}`)).toHaveLength(1)
  })
})

test('credentials are in the cluster before the pod that pulls with them, and in no other place', async () => {
  runnerIs('volume')
  const job = ports()
  const credentials = { server: 'ghcr.io', username: 'someone', password: 'a password' }
  const ofService = { ...credentials, username: 'someone else' }
  const request = requestOf({
    container: container({ credentials }),
    services: [container({ image: 'ghcr.io/o/db:1', credentials: ofService })]
  })
  const resolution = await job.host.plan(request, never)
  await job.host.place({ request, ...resolution }, never)
  expect(changes()).toEqual([
    'POST secrets/runner-a-secret-*',
    'POST secrets/runner-a-secret-*',
    `POST pods/${JOB_POD}`
  ])
  const pod = server.pods.get(JOB_POD)
  const pulled = pod?.spec?.imagePullSecrets?.map(({ name }) => server.secrets.get(name ?? ''))
  expect(pulled?.map(loginOf)).toEqual(['someone:a password', 'someone else:a password'])
  expect(JSON.stringify(pod)).not.toContain('a password')
  // All of it is known to cleaning up.
  const made = [...[...server.secrets.keys()].map((name) => ({ kind: 'secret', name })), { kind: 'pod', name: JOB_POD }]
  expect(resolution.creates).toEqual(expect.arrayContaining(made))
})

const loginOf = (secret: V1Secret | undefined): string => {
  const config = JSON.parse(Buffer.from(secret?.data?.['.dockerconfigjson'] ?? '', 'base64').toString())
  return Buffer.from(config.auths['ghcr.io'].auth, 'base64').toString()
}

test('directories that steps write to are there, for every user', async () => {
  runnerIs('volume')
  const data = { source: join(work, 'repo/repo/data'), target: '/data', readOnly: false }
  const request = requestOf({ container: container({ volumes: [data] }) })
  await placeJob(ports(), request)
  for (const path of [FILE_COMMANDS, ACTIONS, 'repo/repo', 'repo/repo/data']) {
    expect((await stat(join(work, path))).mode & 0o777, path).toBe(0o777)
  }
})

test.each([
  ['alpine', true],
  ['debian', false]
])('the runner is told of a job container with %s', async (distribution, isAlpine) => {
  runnerIs('volume')
  await fill(directory, { 'etc/os-release': `NAME=x\nID=${distribution}\n` })
  const job = ports()
  const input = await placeJob(job)
  server.run = (_pod, _container, [shell = '', option = '', script = '', noncePath = '']) => {
    // The container that was asked for, and not one of an earlier pod of its name, has the nonce.
    const isOfThisPod = JSON.stringify(server.pods.get(JOB_POD)).includes(
      noncePath.slice(`${JOB_EXTERNALS}/.slipway-`.length)
    )
    const seen = isOfThisPod ? directory : join(directory, 'nowhere')
    return runIn(directory, [shell, option, script.replaceAll('/etc/', `${directory}/etc/`), seen])
  }
  // Each call may come to other ports: all that is known comes with it.
  const started = await job.host.start({ ...input, startedAtMs: systemClock.now() }, never)
  expect(await ports().host.inspect({ ...input, ...started }, never)).toEqual({
    pod: JOB_POD,
    storage: 'volume',
    isAlpine
  })
})

test('in copy mode the pod has the runner’s files before it is taken for placed', async () => {
  runnerIs('copy')
  const volume = join(directory, 'volume')
  await mkdir(volume)
  const files = { 'repo/repo/a': 'a', '_actions/o/r/v1/action.yml': 'runs: {}' }
  await fill(work, { ...files, [`${HOOK_RESPONSES}/1.json`]: '{}', '.slipway-0123456789abcdef/1': 'half a file' })
  server.run = (_pod, name, command) => (name === 'deliver' ? runIn(volume, command) : undefined)
  server.beforeGet = async (name) => {
    const pod = server.pods.get(name)
    if (name === JOB_POD && pod) pod.status = { conditions: [{ type: 'PodScheduled', status: 'True' }] }
    return undefined
  }
  await placeJob(ports())
  expect(filesIn(volume)).toEqual(files)
  expect(existsSync(join(volume, '.slipway-0123456789abcdef'))).toBe(false)
  expect(existsSync(COPIED_MARKER.replace(WORK_ROOT, volume))).toBe(true)
})
