/** Goal: an action's exit code is its own, and whatever else ended it or kept it from starting is told as that. Method: pods as a cluster shows them. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KubeConfig, type V1ContainerState, type V1Pod } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Cluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import { createRunner } from '../../../../../src/effects/kubernetes/container-step/run.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { StepError } from '../../../../../src/errors.ts'
import type { ImageInput } from '../../../../../src/machines/inputs.ts'
import { siteOf } from '../context-fixture.ts'

const never = new AbortController().signal
const LOG = '2026-01-01T00:00:00.000000001Z what the action says\n'

let server: Server
let log = LOG
beforeEach(async () => {
  log = LOG
  server = createServer((_request, response) => response.end(log))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => server.close())

interface Given {
  readonly job?: V1ContainerState
  readonly init?: V1ContainerState
  readonly status?: NonNullable<V1Pod['status']>
}

const statusOf = (name: string, state: V1ContainerState) => ({
  name,
  state,
  image: 'x',
  imageID: '',
  ready: false,
  restartCount: 0
})
const podOf = ({ job, init, status }: Given): V1Pod => ({
  spec: { containers: [], restartPolicy: 'Never' },
  status: {
    initContainerStatuses: init === undefined ? [] : [statusOf('warm', init)],
    containerStatuses: job === undefined ? [] : [statusOf('job', job)],
    ...status
  }
})
const waiting = (reason: string, message = ''): V1ContainerState => ({ waiting: { reason, message } })
const ended = (exitCode: number, reason = 'Error'): V1ContainerState => ({ terminated: { exitCode, reason } })

/** A runner whose pod looks like each of `looks` in turn, and then like the last. */
function runnerOf(...looks: readonly (Given | undefined)[]) {
  const access = new KubeConfig()
  const { port } = server.address() as AddressInfo
  access.loadFromClusterAndUser({ name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }, { name: 'u' })
  const made: string[] = []
  let [asked, said] = [0, '']
  const cluster = {
    namespace: 'arc',
    access,
    async getPod() {
      const look = looks[Math.min(asked, looks.length - 1)]
      asked += 1
      return look && podOf(look)
    },
    createSecret: async () => void made.push('Secret'),
    createPod: async () => void made.push('Pod')
  } as unknown as Cluster
  const reporter = createReporter((text) => {
    said += text
  })
  return {
    runner: createRunner(siteOf('volume', { cluster, reporter }), async () => undefined),
    made,
    said: () => said
  }
}

const input = (isBuilt: boolean): ImageInput => ({
  nonce: '0123abcd',
  image: 'x',
  isBuilt,
  request: { image: 'x', args: [], env: {}, mounts: [], workingDirectory: '/' }
})

describe('an action that runs', () => {
  test('passes on its log and its exit code', async () => {
    const { runner, said } = runnerOf({ job: { running: {} } }, { job: ended(42) })
    expect(await runner.run(input(true), never)).toEqual({ exitCode: 42 })
    expect(said()).toBe('what the action says\n')
  })

  test.each<[string, Given | undefined, string, string]>([
    ['runs out of memory', { job: ended(137, 'OOMKilled') }, 'out-of-memory', 'OOMKilled'],
    ['was not there to be started', { job: ended(128, 'StartError') }, 'start-failed', 'cannot start'],
    [
      'ends with its pod',
      { job: ended(137), status: { phase: 'Failed', reason: 'Evicted', message: 'low on disk' } },
      'evicted',
      'low on disk'
    ],
    ['is nowhere to be found', undefined, 'run-lost', 'the step pod runner-abc-step-0123abcd disappeared'],
    ['is lost without an end', { status: { phase: 'Failed', reason: 'NodeLost' } }, 'run-lost', 'NodeLost']
  ])('and %s has no exit code', async (_title, look, code, words) => {
    const { runner } = runnerOf(look)
    await expect(runner.run(input(true), never)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words)
    })
  })
})

describe('an action that has a process of ours before it', () => {
  const END = 'slipway: ended 01'
  const inPlace = { pod: 'build-1', marker: 'slipway: built 01', since: '', end: END }
  const logOf = (...lines: string[]) => lines.map((line) => `2026-01-01T00:00:00.000000001Z ${line}\n`).join('')
  const built = [inPlace.marker, inPlace.marker]

  test.each([
    ['says how it ended before its status does', 7, [{ job: { running: {} } }], 7],
    ['was ended, which its status tells more of', 137, [{ job: { running: {} } }, { job: ended(137) }], 137]
  ])('%s', async (_what, code, looks, exitCode) => {
    log = logOf(...built, 'out', '', `${END} ${code}`, 'late', '', `${END} ${code}`)
    const { runner, said } = runnerOf(...looks)
    expect(await runner.run({ ...input(true), inPlace }, never)).toEqual({ exitCode })
    expect(said()).toBe('out\nlate\n')
  })

  test('ran out of memory where its status says so', async () => {
    log = logOf(...built, '', `${END} 137`, '', `${END} 137`)
    const { runner } = runnerOf({ job: { running: {} } }, { job: ended(137, 'OOMKilled') })
    await expect(runner.run({ ...input(true), inPlace }, never)).rejects.toMatchObject({ code: 'out-of-memory' })
  })
})

describe('an action that is to start', () => {
  const DENIED = waiting('ErrImagePull', '401 Unauthorized')

  test.each<[string, Given]>([
    ['runs', { job: { running: {} } }],
    ['has ended already', { job: ended(1) }]
  ])('has started when it %s', async (_title, look) => {
    const { runner, made } = runnerOf({}, { job: waiting('ContainerCreating') }, look)
    await runner.pull(input(true), never)
    expect(made.toSorted()).toEqual(['Pod', 'Secret'])
  })

  test('gets its environment, although the kubelet had not heard of the Secret at first', async () => {
    const unknown = waiting('CreateContainerConfigError', 'secret "runner-abc-secret-0123abcd" not found')
    const { runner } = runnerOf({ job: unknown }, { job: unknown }, { job: { running: {} } })
    await runner.pull(input(true), never)
  })

  test.each<[string, boolean, Given, string, RegExp]>([
    ['whose image was built names the Secret to set', true, { job: DENIED }, 'image-denied', /REGISTRY_PULL_SECRET/],
    ['whose image a workflow names does not', false, { job: DENIED }, 'image-denied', /make the image public \([^;]*$/],
    [
      'behind an init container does not',
      true,
      { init: DENIED, job: {} },
      'image-denied',
      /^the init .*warm.*\([^;]*$/
    ],
    ['without a program says so', true, { job: waiting('RunContainerError', 'no /x') }, 'start-failed', /no \/x/],
    [
      'whose pod is evicted says so',
      true,
      { job: waiting('ContainerCreating'), status: { reason: 'Evicted', message: 'low on disk' } },
      'evicted',
      /low on disk/
    ]
  ])('%s', async (_title, isBuilt, look, code, message) => {
    const failure = await runnerOf(look)
      .runner.pull(input(isBuilt), never)
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StepError)
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) })
  })
})
