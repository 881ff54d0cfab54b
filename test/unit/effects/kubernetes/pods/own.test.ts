/** Goal: only this runner's own job pod is given anything. Method: pods of every kind under a fake API server, and what is typed into their shells. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { V1ObjectMeta, V1Pod } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { discoverSite } from '../../../../../src/effects/kubernetes/context/site.ts'
import { createJobPorts } from '../../../../../src/effects/kubernetes/job/host.ts'
import { createScriptPorts } from '../../../../../src/effects/kubernetes/script/backend.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { randomHex, systemClock } from '../../../../../src/effects/system.ts'
import type { ScriptRequest } from '../../../../../src/machines/types.ts'
import { type PodServer, startPodServer } from '../../../../support/pod-server.ts'
import { toCleanUp } from '../../../../support/port-inputs.ts'

const UID = 'uid-of-a'
const never = new AbortController().signal
const OWNER = { apiVersion: 'v1', kind: 'Pod', name: 'runner-a', uid: UID }
const LABELS = { 'runner-pod': 'runner-a' }
const OWN: V1ObjectMeta = { labels: LABELS, ownerReferences: [OWNER] }

/** Pods that are not runner-a's, however they look. */
const STRANGERS: Readonly<Record<string, V1ObjectMeta>> = {
  'of another runner': {
    labels: { 'runner-pod': 'runner-b' },
    ownerReferences: [{ ...OWNER, name: 'runner-b', uid: 'uid-of-b' }]
  },
  'with the label alone': { labels: LABELS },
  'with the label, of another runner': {
    labels: LABELS,
    ownerReferences: [{ ...OWNER, name: 'runner-b', uid: 'uid-of-b' }]
  },
  'with the owner alone': { ownerReferences: [OWNER] },
  'with the owner and another label': { labels: { 'runner-pod': 'runner-b' }, ownerReferences: [OWNER] },
  'of an earlier runner pod of this name': { labels: LABELS, ownerReferences: [{ ...OWNER, uid: 'uid-before' }] },
  'of something else with this UID': { labels: LABELS, ownerReferences: [{ ...OWNER, kind: 'ReplicaSet' }] },
  'of an owner without a UID': { labels: LABELS, ownerReferences: [{ ...OWNER, uid: '' }] },
  'with nothing': {}
}

let directory = ''
let server: PodServer
const reporter = createReporter(() => {})
const deps = { clock: systemClock, randomHex, reporter }
const optionsFor = (jobPod: string | undefined) => ({
  runnerPod: 'runner-a',
  jobPod,
  hashFiles: [],
  paths: {
    runnerWorkspace: join(directory, 'repo'),
    runnerTemp: join(directory, '_temp'),
    githubWorkspace: join(directory, 'repo/repo')
  }
})

const runnerPod = (claim: boolean): V1Pod => ({
  metadata: { name: 'runner-a', uid: UID },
  spec: {
    nodeName: 'n1',
    containers: [{ name: 'runner', image: 'runner:1', volumeMounts: [{ name: 'work', mountPath: directory }] }],
    volumes: [{ name: 'work', ...(claim ? { persistentVolumeClaim: { claimName: 'c' } } : { emptyDir: {} }) }]
  }
})
const jobPod = (name: string, metadata: V1ObjectMeta): V1Pod => ({
  metadata: { ...metadata, name },
  spec: { containers: [{ name: 'job' }] },
  status: { phase: 'Running' }
})

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-own-pods-'))
  server = await startPodServer(directory, [])
  vi.stubEnv('KUBECONFIG', server.kubeconfig)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await server.close()
  await rm(directory, { recursive: true })
})

const place = (...pods: readonly V1Pod[]) => {
  for (const pod of pods) server.pods.set(pod.metadata?.name ?? '', pod)
}

const SECRET = 'a-value-that-only-the-job-may-know'
const request: ScriptRequest = {
  id: 'id-1',
  entryPoint: 'sh',
  args: ['-c', 'true'],
  env: { TOKEN: SECRET },
  prependPath: [],
  workingDirectory: '/'
}

const execute = (pod: string | undefined, signal = never) => {
  const ports = createScriptPorts(optionsFor(pod), deps)
  const ended = ports.host.execute(request, signal)
  ended.catch(() => {})
  return { ports, ended }
}

describe.each([
  ['copy', false],
  ['volume', true]
])('a script step in storage mode %s', (_mode, claim) => {
  beforeEach(() => place(runnerPod(claim)))

  test.each(Object.entries(STRANGERS))('types nothing into a pod %s', async (_title, metadata) => {
    place(jobPod('b-workflow', metadata))
    const { ports, ended } = execute('b-workflow')
    await expect(ended).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining("the pod b-workflow is not this runner's job pod")
    })
    await ports.janitor.cleanUp(toCleanUp([{ kind: 'process', name: request.id }]), never)
    expect(server.typed('b-workflow')).toBe('')
    await vi.waitFor(() => expect(server.shells('b-workflow').open, 'the early shell is closed').toBe(0))
  })

  test.each(Object.entries(STRANGERS))('types nothing into a pod %s of the usual name', async (_title, metadata) => {
    place(jobPod('runner-a-workflow', metadata))
    await expect(execute(undefined).ended).rejects.toMatchObject({ code: 'invalid-input' })
    expect(server.typed('runner-a-workflow')).toBe('')
  })

  test('types nothing into the runner pod itself', async () => {
    await expect(execute('runner-a').ended).rejects.toMatchObject({ code: 'invalid-input' })
    expect(server.typed('runner-a')).toBe('')
  })

  test('is refused without a runner pod, and without a job pod', async () => {
    await expect(execute('gone-workflow').ended).rejects.toMatchObject({ code: 'run-lost' })
    await expect(execute(undefined).ended).rejects.toMatchObject({ code: 'run-lost' })
    server.pods.delete('runner-a')
    place(jobPod('runner-a-workflow', OWN))
    await expect(execute('runner-a-workflow').ended).rejects.toMatchObject({ code: 'not-configured' })
    expect(server.typed('runner-a-workflow')).toBe('')
  })

  test("is typed into the runner's own job pod, whose shell waits until the pod is known", async () => {
    place(jobPod('runner-a-workflow', OWN))
    let answer = () => {}
    const held = new Promise<void>((resolve) => (answer = resolve))
    server.beforeGet = async () => void (await held)
    const stop = new AbortController()
    const { ended } = execute('runner-a-workflow', stop.signal)
    await vi.waitFor(() => expect(server.shells('runner-a-workflow').open).toBe(1))
    await setTimeout(100)
    expect(server.typed('runner-a-workflow')).toBe('')
    answer()
    await vi.waitFor(() => expect(server.typed('runner-a-workflow')).toContain(SECRET))
    expect(server.shells('runner-a-workflow').opened).toBe(1)
    stop.abort()
    await expect(ended).rejects.toThrow()
  })

  test('looks again after a lost connection, at whoever has the name then', async () => {
    place(jobPod('runner-a-workflow', OWN))
    const { ports, ended } = execute('runner-a-workflow')
    await vi.waitFor(() => expect(server.typed('runner-a-workflow')).toContain(SECRET))
    server.cut()
    await expect(ended).rejects.toMatchObject({ code: 'cluster-unreachable' })
    const before = server.typed('runner-a-workflow')
    place(jobPod('runner-a-workflow', STRANGERS['of another runner'] ?? {}))
    await expect(ports.host.execute(request, never)).rejects.toMatchObject({ code: 'invalid-input' })
    await expect(ports.janitor.cleanUp(toCleanUp([{ kind: 'process', name: request.id }]), never)).rejects.toThrow()
    expect(server.typed('runner-a-workflow')).toBe(before)
  })

  test('may be tried again when nobody could say whose the pod is', async () => {
    place(jobPod('runner-a-workflow', OWN))
    server.beforeGet = async () => 500
    const ports = createScriptPorts(optionsFor('runner-a-workflow'), deps)
    await expect(ports.host.execute(request, never)).rejects.toMatchObject({ code: 'cluster-unreachable' })
    expect(server.typed('runner-a-workflow')).toBe('')
    server.beforeGet = async () => undefined
    const stop = new AbortController()
    const again = ports.host.execute(request, stop.signal)
    again.catch(() => {})
    await vi.waitFor(() => expect(server.typed('runner-a-workflow')).toContain(SECRET))
    stop.abort()
    await expect(again).rejects.toThrow()
  })
})

describe('the site of a container step', () => {
  beforeEach(() => place(runnerPod(false)))
  const site = (pod: string | undefined) => discoverSite(optionsFor(pod), deps, never)

  test.each(Object.entries(STRANGERS))('has no job pod %s', async (_title, metadata) => {
    place(jobPod('b-workflow', metadata), jobPod('runner-a-workflow', metadata))
    await expect(site('b-workflow')).rejects.toMatchObject({ code: 'invalid-input' })
    expect(await site(undefined)).toMatchObject({ job: undefined, stranger: 'runner-a-workflow' })
  })

  test("has the runner's own", async () => {
    place(jobPod('runner-a-workflow', OWN))
    for (const pod of ['runner-a-workflow', undefined]) {
      expect(await site(pod)).toMatchObject({ job: { pod: 'runner-a-workflow' }, stranger: undefined })
    }
    await expect(site('gone')).rejects.toMatchObject({ code: 'run-lost' })
  })
})

describe('prepare_job', () => {
  beforeEach(() => place(runnerPod(true)))
  const job = {
    container: {
      image: 'debian:12',
      args: [],
      env: {},
      ports: [],
      volumes: []
    },
    services: [],
    mounts: []
  }
  const plan = () => createJobPorts({ ...optionsFor(undefined), startTimeoutMs: 1_000 }, deps).host.plan(job, never)

  // What has no owner but the label is what other hooks leave; what an earlier runner pod of this name had is nobody's any more.
  const REPLACED = ['with the label alone', 'of an earlier runner pod of this name', 'of an owner without a UID']
  test.each(Object.entries(STRANGERS))('meets a pod %s where its job pod is to be', async (title, metadata) => {
    place(jobPod('runner-a-workflow', metadata))
    if (REPLACED.includes(title)) expect(await plan()).toMatchObject({ creates: [{ name: 'runner-a-workflow' }] })
    else await expect(plan()).rejects.toMatchObject({ code: 'cluster-rejected' })
    expect(server.changes).toEqual([])
  })

  test('leaves a pod alone that took the name after it had looked', async () => {
    const ports = createJobPorts({ ...optionsFor(undefined), startTimeoutMs: 1_000 }, deps)
    const resolution = await ports.host.plan(job, never)
    place(jobPod('runner-a-workflow', STRANGERS['with the label alone'] ?? {}))
    await expect(ports.host.place({ request: job, ...resolution }, never)).rejects.toMatchObject({
      code: 'cluster-rejected'
    })
    await ports.janitor.cleanUp(toCleanUp(resolution.creates), never)
    expect(server.changes).toEqual(['POST pods/runner-a-workflow'])
  })
})
