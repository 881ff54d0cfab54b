/** Goal: files are taken for copied in when they are, and never else; what goes wrong is said in words. Method: the real scripts in a directory. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KubeConfig, type V1ContainerState, type V1Pod, type V1PodStatus } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Cluster, connectCluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import { COPIED_MARKER, WORK_ROOT } from '../../../../../src/effects/kubernetes/files/containers.ts'
import { copyIn } from '../../../../../src/effects/kubernetes/files/copy-in.ts'
import {
  fromContainer,
  fromRunner,
  packPaths,
  type Source
} from '../../../../../src/effects/kubernetes/files/sources.ts'
import { EXCEPTIONS } from '../../../../../src/effects/retry.ts'
import { StepError } from '../../../../../src/errors.ts'
import type { Clock } from '../../../../../src/machines/ports.ts'
import { type PodServer, type Program, startPodServer } from '../../../../support/pod-server.ts'
import { filesIn, fill, runIn } from '../../../../support/work-volume.ts'
import { siteOf } from '../context-fixture.ts'

const never = new AbortController().signal
let directory = ''
let server: Server | undefined
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-deliver-'))
})
afterEach(async () => {
  server?.closeAllConnections()
  server?.close()
  await rm(directory, { recursive: true })
})

test('an exec that is forbidden is asked for once, and its verb named', async () => {
  let asked = 0
  server = createServer().on('upgrade', (_request, socket) => {
    asked += 1
    socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const access = new KubeConfig()
  const { port } = server.address() as AddressInfo
  access.loadFromClusterAndUser({ name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }, { name: 'u' })
  const site = siteOf('copy', { cluster: { namespace: 'arc', access } as unknown as Cluster })
  const lost = () => new StepError('run-lost', 'gone')
  const sources = [fromRunner({ root: directory, paths: [''] })]
  const delivery = { pod: 'p', container: 'files', sources, watched: [], lost } as const
  await expect(copyIn(site, { ...delivery, failure: 'workspace-delivery-failed' }, never)).rejects.toMatchObject({
    code: 'cluster-forbidden',
    message: expect.stringContaining('pods/exec in namespace arc')
  })
  expect(asked).toBe(1)
})

/** Sleeps cost no time. */
function hurriedClock(): Clock {
  let nowMs = 0
  return {
    now: () => nowMs,
    jitter: (ms) => ms,
    async sleep(ms, signal) {
      signal.throwIfAborted()
      nowMs += ms
    }
  }
}

describe('files are copied into a pod', () => {
  const FILES = { 'repo/action.yml': 'runs: {}', 'repo/large': 'x'.repeat(3_000_000) }
  let pods: PodServer
  let volume = ''
  let runner = ''
  /** What the container does once the script has ended, and what is said of the script then. */
  let afterwards: (exitCode: number) => number

  beforeEach(async () => {
    runner = join(directory, 'runner')
    volume = join(directory, 'volume')
    await mkdir(volume)
    await fill(runner, FILES)
    pods = await startPodServer(directory, [])
    vi.stubEnv('KUBECONFIG', pods.kubeconfig)
    afterwards = (exitCode) => exitCode
    isNow({ running: {} })
    pods.run = (_pod, _container, command): Program => {
      const program = runIn(volume, command)
      return { ...program, ended: program.ended.then((exitCode) => afterwards(exitCode)) }
    }
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await pods.close()
  })

  function isNow(state: V1ContainerState): void {
    const statuses = [{ name: 'deliver', image: 'runner', imageID: '', ready: false, restartCount: 0, state }]
    pods.pods.set('p', {
      metadata: { name: 'p' },
      spec: { containers: [], initContainers: [{ name: 'deliver' }], restartPolicy: 'Never' },
      status: { initContainerStatuses: statuses }
    })
  }
  const ended = (exitCode: number): V1ContainerState => ({ terminated: { exitCode } })

  /** As the container that waits does it: it ends well when the files are there. */
  const waiterEnds = () => isNow(ended(existsSync(COPIED_MARKER.replace(WORK_ROOT, volume)) ? 0 : 137))

  async function copy(source: Source = fromRunner({ root: runner, paths: [''] })): Promise<void> {
    const clock = hurriedClock()
    const cluster = await connectCluster({ clock, onRetry: () => {} })
    const lost = () => new StepError('run-lost', 'gone')
    const request = { pod: 'p', container: 'deliver', sources: [source], watched: [], lost }
    const site = siteOf('copy', { cluster, clock, schedulingMsMax: 1_000, settingUpMsMax: 1_000 })
    await copyIn(site, { ...request, failure: 'workspace-delivery-failed' }, never)
  }

  /** All of it but the member that says that it is all. */
  const cutShort: Source = (_last, signal) => fromRunner({ root: runner, paths: [''] })('other-last', signal)

  test('and are all there', async () => {
    await copy()
    expect(filesIn(volume)).toEqual(FILES)
  })

  test.each([
    [
      'no node takes',
      { status: { conditions: [{ type: 'PodScheduled', status: 'False', message: 'full' }] } },
      'unschedulable'
    ],
    ['its node does not set up', { spec: { nodeName: 'n1', containers: [] } }, 'unstartable']
  ])('but not without an end into one that %s', async (_what, pod: V1Pod, code) => {
    pods.pods.set('p', { metadata: { name: 'p' }, ...pod })
    pods.refuses = () => 500
    await expect(copy()).rejects.toMatchObject({ code })
  })

  test('but not when they were cut short', async () => {
    await expect(copy(cutShort)).rejects.toMatchObject({
      code: 'workspace-delivery-failed',
      message: expect.stringMatching(/^could not unpack files in pod p: rm: .*\(exit code 1\)$/)
    })
    expect(existsSync(COPIED_MARKER.replace(WORK_ROOT, volume))).toBe(false)
  })

  test('also when the container that waited for them ended before the script had', async () => {
    afterwards = () => {
      waiterEnds()
      return 137
    }
    await copy()
    expect(filesIn(volume)).toEqual(FILES)
  })

  test('also when its end is known only later', async () => {
    let looks = 0
    afterwards = () => 137
    pods.beforeGet = async () => {
      looks += 1
      if (looks === 5) waiterEnds()
      return undefined
    }
    await copy()
    expect(looks).toBe(5)
  })

  test('but not when they were cut short and the container was killed', async () => {
    afterwards = () => {
      waiterEnds()
      return 137
    }
    await expect(copy(cutShort)).rejects.toMatchObject({
      code: 'start-failed',
      message: 'the container that waits for files ended with exit code 137: it has written no log'
    })
  })

  test('but not when the script was killed and the container still waits', async () => {
    afterwards = () => 137
    pods.run = (_pod, _container, command) => {
      const program = runIn(volume, [...command.slice(0, 2), 'echo ready; cat > /dev/null'])
      return { ...program, ended: program.ended.then(() => 137) }
    }
    await expect(copy()).rejects.toMatchObject({
      code: 'workspace-delivery-failed',
      message: 'could not unpack files in pod p: no reason was given (exit code 137)'
    })
  })
})

describe('files of another pod that cannot be read', () => {
  let pods: PodServer
  let receiving = 0
  let asked = 0
  const JOB: V1Pod = { metadata: { name: 'job' }, spec: { containers: [{ name: 'files' }], restartPolicy: 'Never' } }
  const status = (status: V1PodStatus): V1Pod => ({ ...JOB, status })
  const container = (state: V1ContainerState): V1PodStatus => ({
    containerStatuses: [{ name: 'files', image: 'runner', imageID: '', ready: false, restartCount: 0, state }]
  })

  beforeEach(async () => {
    ;[receiving, asked] = [0, 0]
    pods = await startPodServer(directory, [])
    vi.stubEnv('KUBECONFIG', pods.kubeconfig)
    pods.pods.set('p', { metadata: { name: 'p' }, spec: { containers: [] }, status: container({ running: {} }) })
    // The job pod lets nobody in; who is to receive its files says so, and waits.
    pods.refuses = (pod) => {
      if (pod !== 'job') return undefined
      asked += 1
      return 500
    }
    pods.run = () => {
      receiving += 1
      const program = runIn(directory, ['sh', '-c', 'echo ready; cat > /dev/null'])
      void program.ended.then(() => {
        receiving -= 1
      })
      return program
    }
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await pods.close()
  })

  async function copyFromJob(): Promise<void> {
    const clock = hurriedClock()
    const cluster = await connectCluster({ clock, onRetry: () => {} })
    const site = siteOf('copy', { cluster, clock })
    const sources = [fromContainer(site, 'job', 'files', () => ['cat'])]
    const lost = () => new StepError('run-lost', 'gone')
    const failure = 'workspace-delivery-failed'
    await copyIn(site, { pod: 'p', container: 'files', sources, watched: [], lost, failure }, never)
  }

  test.each<[what: string, pod: V1Pod | undefined, code: string]>([
    ['is gone', undefined, 'run-lost'],
    ['was evicted', status({ phase: 'Failed', reason: 'Evicted', message: 'no disk' }), 'evicted'],
    ['is being deleted', { ...JOB, metadata: { name: 'job', deletionTimestamp: new Date(0) } }, 'run-lost'],
    ['has ended', status(container({ terminated: { exitCode: 0 } })), 'run-lost']
  ])('since it %s fail at once as what befell it', async (_what, pod, code) => {
    if (pod !== undefined) pods.pods.set('job', pod)
    await expect(copyFromJob()).rejects.toMatchObject({ code })
    expect(asked).toBe(1)
  })

  test('although it runs are asked for again, within bounds', async () => {
    pods.pods.set('job', status(container({ running: {} })))
    await expect(copyFromJob()).rejects.toMatchObject({ code: 'cluster-unreachable' })
    expect(asked).toBeGreaterThan(EXCEPTIONS.copyIn.retriesMax)
  })

  test('keep nobody waiting for them', async () => {
    await expect(copyFromJob()).rejects.toMatchObject({ code: 'run-lost' })
    await vi.waitFor(() => expect(receiving).toBe(0))
  })
})

describe('packing the files of a pod', () => {
  /** Runs the pod's script here, with a `tar` that ends as GNU tar may. */
  async function packWith(tarExitCode: number): Promise<number> {
    await writeFile(join(directory, 'tar'), `#!/bin/sh\nexit ${tarExitCode}\n`)
    await chmod(join(directory, 'tar'), 0o755)
    const [shell = '', option = '', script = '', ...rest] = packPaths(['a'], [])
    const args = [option, script.replaceAll(WORK_ROOT, directory), ...rest]
    const env = { PATH: `${directory}:${process.env.PATH}` }
    return await new Promise((resolve) => {
      execFile(shell, args, { env }, (error) => resolve(error === null ? 0 : Number(error.code)))
    })
  }

  test('goes well although a file changed while it was read', async () => expect(await packWith(1)).toBe(0))

  test('fails when a file could not be read', async () => expect(await packWith(2)).not.toBe(0))
})
