/** Goal: a build gets a user namespace where nodes can, is told where they cannot, and never gets less than it has to have. Method: pods as a cluster shows them, on a clock of our own. */
import type { V1ContainerState, V1Pod, V1Secret } from '@kubernetes/client-node'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Cluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import {
  inUserNamespace,
  isKnownUnavailable,
  rememberUnavailable,
  requireUserNamespace
} from '../../../../../src/effects/kubernetes/container-step/user-namespace.ts'
import { verdictOn } from '../../../../../src/effects/kubernetes/pods/status.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { type ErrorCode, StepError } from '../../../../../src/errors.ts'
import type { Clock } from '../../../../../src/machines/ports.ts'
import { serveAccess } from '../../../../support/access-server.ts'
import { runnerPod, siteOf } from '../context-fixture.ts'

const never = new AbortController().signal
const [POD, TRIAL] = ['runner-abc-build-0-1', 'runner-abc-build-0-trial']
const MINUTE_MS = 60_000

let secrets: Map<string, V1Secret>
let removed: string[]
let nowMs: number
let said: string
/** What the API server says of the build pod, by the time, and of the pod that is made in doubt. */
let look: (atMs: number) => V1Pod | undefined
let lookAtTrial: () => V1Pod | undefined
let made: V1Pod[]

beforeEach(() => {
  secrets = new Map()
  removed = []
  made = []
  lookAtTrial = () => {
    throw new Error('there was no doubt')
  }
  nowMs = 0
  said = ''
})

/** Every sleep passes at once, as long as anybody waits. */
const clock: Clock = {
  now: () => nowMs,
  jitter: (ms) => ms,
  async sleep(ms, signal) {
    await new Promise((resolve) => setImmediate(resolve))
    signal.throwIfAborted()
    nowMs += ms
  }
}

const cluster = {
  namespace: 'arc',
  getPod: async (name: string) => (name === TRIAL ? lookAtTrial() : look(nowMs)),
  createPod: async (pod: V1Pod) => void made.push(pod),
  deletePod: async (name: string) => void removed.push(name),
  getSecret: async (name: string) => secrets.get(name),
  createSecret: async (secret: V1Secret) => void secrets.set(secret.metadata?.name ?? '', secret)
} as unknown as Cluster

const site = (uid = '00000000-1111-2222-3333-444444444444', access = {}) =>
  siteOf('copy', {
    cluster: { ...cluster, ...access },
    clock,
    runnerPod: { ...runnerPod('copy'), metadata: { name: 'runner-abc', uid } },
    reporter: createReporter((text) => {
      said += text
    })
  })

const podOf = (sandbox: 'True' | 'False' | undefined, build?: V1ContainerState): V1Pod => ({
  spec: { nodeName: 'node-1', hostUsers: false, containers: [] },
  status: {
    phase: 'Pending',
    conditions: sandbox === undefined ? [] : [{ type: 'PodReadyToStartContainers', status: sandbox }],
    initContainerStatuses: [
      { name: 'build', image: '', imageID: '', ready: false, restartCount: 0, ...(build && { state: build }) }
    ]
  }
})
const pending = () => podOf('False', { waiting: { reason: 'PodInitializing' } })

/** Work that ends when it is told to. */
const endless = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new StepError('cancelled', 'cancelled')))
  })
const attempt = (work: (signal: AbortSignal) => Promise<unknown>, isOptional: boolean | string = true) => {
  const needs = typeof isOptional === 'string' ? isOptional : undefined
  return inUserNamespace(site(), { pod: POD, trial: TRIAL, isOptional: isOptional === true, needs }, work, never)
}

/** Work of a build that goes on for so long. */
const lasting = (ms: number) => async (signal: AbortSignal) => {
  while (nowMs < ms) await clock.sleep(1_000, signal)
  return 'built'
}

describe('a pod that its node does not set up', () => {
  it.each([
    [true, 'user-namespace-unavailable', 'BUILD_USER_NAMESPACE to off'],
    [false, 'start-failed', 'BUILD_USER_NAMESPACE to auto'],
    ['a builder', 'start-failed', 'a builder builds in no other way']
  ])(
    'is given up soon when another one is not either, with what else there is (optional: %s)',
    async (isOptional, code, fix) => {
      look = pending
      lookAtTrial = pending
      await expect(attempt(endless, isOptional)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(new RegExp(`node-1 set up neither it.*${fix}`))
      })
      expect(nowMs).toBeLessThan(MINUTE_MS)
      expect(removed).toEqual([TRIAL])
    }
  )

  it('is given up with the reason of the other one, where events may be read', async () => {
    look = pending
    lookAtTrial = pending
    const message = 'runtime does not support user namespaces'
    const items = [{ reason: 'FailedCreatePodSandBox', message, lastTimestamp: '2026-11-28T10:00:09Z' }]
    const access = await serveAccess((_request, response) => response.end(JSON.stringify({ items })))
    const starting = { pod: POD, trial: TRIAL, isOptional: true }
    await expect(inUserNamespace(site(undefined, access), starting, endless, never)).rejects.toMatchObject({
      message: expect.stringContaining(`within 15 s: FailedCreatePodSandBox: ${message}`)
    })
    expect(removed).toEqual([TRIAL])
  })

  it('is compared with one on the same node, in a user namespace as well, that waits for no image', async () => {
    look = pending
    lookAtTrial = pending
    await expect(attempt(endless)).rejects.toThrow()
    expect(made).toMatchObject([
      {
        metadata: { name: TRIAL, labels: { 'runner-pod': 'runner-abc' } },
        spec: {
          hostUsers: false,
          automountServiceAccountToken: false,
          affinity: {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [{ matchFields: [{ values: ['node-1'] }] }]
              }
            }
          },
          containers: [{ imagePullPolicy: 'Never', securityContext: { capabilities: { drop: ['ALL'] } } }]
        }
      }
    ])
  })

  it.each<[string, () => V1Pod | undefined]>([
    ['lacks its image', () => podOf('True', { waiting: { reason: 'ErrImageNeverPull' } })],
    ['has run', () => podOf('False', { terminated: { exitCode: 0 } })],
    ['no node takes, so that nothing is known', () => ({ spec: { containers: [] } })],
    ['somebody has deleted, so that nothing is known', () => undefined]
  ])('is waited for when the other one %s: its image may be large', async (_title, other) => {
    look = pending
    lookAtTrial = other
    expect(await attempt(lasting(8 * MINUTE_MS))).toBe('built')
    expect(removed).toEqual([TRIAL])
  })

  it('is not one that no node has taken', async () => {
    look = () => ({ spec: { containers: [] } })
    expect(await attempt(lasting(8 * MINUTE_MS))).toBe('built')
    expect(made).toEqual([])
  })

  it('is not one that was set up late, nor one whose containers have all ended since', async () => {
    look = (atMs) => {
      if (atMs < 12_000) return pending()
      return atMs < MINUTE_MS ? podOf('True') : podOf('False', { terminated: { exitCode: 0 } })
    }
    expect(await attempt(lasting(3 * MINUTE_MS))).toBe('built')
    expect(made).toEqual([])
  })

  it('costs a build that starts soon no question at all', async () => {
    let asked = 0
    look = () => {
      asked += 1
      return pending()
    }
    expect(await attempt(async () => 'built')).toBe('built')
    expect(asked).toBe(0)
  })
})

describe('a container that cannot start', () => {
  /** As runc 1.4 says it, and what a program may have written. */
  const WORDS = 'runc create failed: failed to set MOUNT_ATTR_IDMAP on /work: invalid argument'
  const stateOf = (state: V1ContainerState) => {
    const verdict = verdictOn(podOf('True', state), 'build')
    if (verdict.is === 'ended') return verdict.failure ?? new StepError('dockerfile-failed', 'it ended by itself')
    return verdict.is === 'blocked' ? verdict.failure : undefined
  }
  const startError = (message: string) => ({ terminated: { exitCode: 128, reason: 'StartError', message } })
  const failingBy = (state: V1ContainerState) => async () => {
    throw stateOf(state)
  }
  const cases: readonly [string, V1ContainerState, ErrorCode][] = [
    ['because ids cannot be mapped', startError(WORDS), 'user-namespace-unavailable'],
    [
      'that says so while it waits',
      { waiting: { reason: 'RunContainerError', message: WORDS } },
      'user-namespace-unavailable'
    ],
    ['for another reason', startError('exec format error'), 'start-failed'],
    [
      'but is one that ran, and wrote this into its report',
      { terminated: { exitCode: 1, reason: 'Error', message: WORDS } },
      'dockerfile-failed'
    ]
  ]

  it.each(cases)('%s: %j is %s', async (_title, state, code) => {
    look = () => podOf('True', state)
    await expect(attempt(failingBy(state))).rejects.toMatchObject({ code })
  })

  it('stays as it is where there has to be a user namespace, and says so', async () => {
    look = () => podOf('True')
    await expect(attempt(failingBy(startError(WORDS)), false)).rejects.toMatchObject({
      code: 'start-failed',
      message: expect.stringContaining('user namespace')
    })
  })
})

it('a cancel ends the work and the watch', async () => {
  look = pending
  const cancel = new AbortController()
  const running = inUserNamespace(site(), { pod: POD, trial: TRIAL, isOptional: true }, endless, cancel.signal)
  cancel.abort()
  await expect(running).rejects.toThrow()
})

describe('an API server that leaves the field out', () => {
  it('ends a build that has to have a user namespace, with its pod', async () => {
    look = () => ({ spec: { containers: [] } })
    await expect(requireUserNamespace(site(), { pod: POD }, never)).rejects.toMatchObject({
      code: 'start-failed',
      message: expect.stringContaining('hostUsers')
    })
    expect(removed).toEqual([POD])
  })

  it('is not one that keeps it', async () => {
    look = pending
    await requireUserNamespace(site(), { pod: POD }, never)
    expect(removed).toEqual([])
  })
})

describe('what was found out', () => {
  it('is remembered for the runner pod, with its label and its UID as owner, and for no other of its name', async () => {
    expect(await isKnownUnavailable(site(), never)).toBe(false)
    await rememberUnavailable(site(), never)
    expect(await isKnownUnavailable(site(), never)).toBe(true)
    expect(await isKnownUnavailable(site('another-uid'), never)).toBe(false)
    const [secret] = secrets.values()
    expect(secret?.metadata?.labels).toMatchObject({ 'runner-pod': 'runner-abc' })
    expect(secret?.metadata?.ownerReferences).toMatchObject([{ kind: 'Pod', name: 'runner-abc' }])
  })

  it('fails no build when it cannot be remembered', async () => {
    const refusing = {
      ...cluster,
      createSecret: async () => Promise.reject(new StepError('cluster-rejected', 'quota'))
    }
    await rememberUnavailable({ ...site(), cluster: refusing }, never)
    expect(said).toMatch(/^The next build tries a user namespace again: quota$/m)
  })
})
