/** Goal: every status a cluster gives means one thing to all who ask. Method: the cluster's own words in a table, and any status at all. */
import type { V1ContainerState, V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createJudge,
  hasStarted,
  isPodLost,
  type Verdict,
  verdictOn
} from '../../../../../src/effects/kubernetes/pods/status.ts'
import { systemClock } from '../../../../../src/effects/system.ts'
import { StepError } from '../../../../../src/errors.ts'

type Fate = V1ContainerState & { readonly last?: V1ContainerState['terminated'] }

const RUNNING: Fate = { running: {} }
const waiting = (reason: string, message = ''): Fate => ({ waiting: { reason, message } })
const ended = (exitCode: number, reason = 'Error', message = ''): Fate => ({
  terminated: { exitCode, reason, message }
})
const CREATING = waiting('ContainerCreating')
const BEHIND = waiting('PodInitializing')
const crashing = (exitCode: number): Fate => ({
  ...waiting('CrashLoopBackOff', 'back-off 10s'),
  last: { exitCode, reason: 'Error' }
})

const statusOf = (name: string, { last, ...state }: Fate): V1ContainerStatus => ({
  name,
  state,
  ...(last && { lastState: { terminated: last } }),
  image: `r.example/${name}:1`,
  imageID: '',
  ready: false,
  restartCount: 0
})

interface Shape {
  /** Init containers, in order; then containers. */
  readonly first?: Fate
  readonly second?: Fate
  readonly main?: Fate
  readonly other?: Fate
  readonly status?: V1Pod['status']
  readonly isDeleted?: boolean
  readonly restartPolicy?: string
  /** Whether `first` is a side-car, an init container that is started again for as long as the pod lives. */
  readonly isSidecar?: boolean
  readonly pullSecret?: string
}

const statusesOf = (fates: Readonly<Record<string, Fate | undefined>>) =>
  Object.entries(fates).flatMap(([name, fate]) => (fate === undefined ? [] : [statusOf(name, fate)]))

const podOf = ({ first, second, main, other, status, isDeleted, isSidecar, ...rest }: Shape): V1Pod => ({
  metadata: { name: 'p', ...(isDeleted && { deletionTimestamp: new Date(0) }) },
  spec: {
    initContainers: [{ name: 'first', ...(isSidecar && { restartPolicy: 'Always' }) }, { name: 'second' }],
    containers: [{ name: 'main' }, { name: 'other' }],
    restartPolicy: rest.restartPolicy ?? 'Never',
    ...(rest.pullSecret !== undefined && { imagePullSecrets: [{ name: rest.pullSecret }] })
  },
  status: {
    initContainerStatuses: statusesOf({ first, second }),
    containerStatuses: statusesOf({ main, other }),
    ...status
  }
})

/** A verdict in a few words: `blocked by first image-denied`, `ended 137 out-of-memory`. */
function wordsOf(verdict: Verdict): string {
  switch (verdict.is) {
    case 'ended':
      return ['ended', verdict.terminated.exitCode, verdict.failure?.code ?? []].flat().join(' ')
    case 'blocked':
      return `blocked by ${verdict.by} ${verdict.failure.code}`
    case 'lost':
      return `lost ${verdict.failure.code}`
    default:
      return verdict.is
  }
}

const DENIED = 'unexpected status from HEAD request: 401 Unauthorized'
const UNREACHABLE = 'dial tcp 10.0.0.1:5000: connect: connection refused'
const INIT_DONE = { first: ended(0, 'Completed'), second: ended(0, 'Completed') }
const PULLING = { ...INIT_DONE, main: CREATING, other: CREATING }
const UP = { ...INIT_DONE, main: RUNNING, other: RUNNING }
const INIT_FIRST = { second: BEHIND, main: BEHIND, other: BEHIND }
/** What a status means for `first`, `second`, `main` and `other`, or for all of them. */
type Meaning = string | readonly [first: string, second: string, main: string, other: string]

test.each<[title: string, shape: Shape, meaning: Meaning]>([
  ['nobody has looked at it', { status: {} }, 'starting'],
  ['it is pending, without statuses', { status: { phase: 'Pending' } }, 'starting'],
  [
    'no node takes it',
    {
      status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', message: 'Insufficient cpu' }] }
    },
    'starting'
  ],
  ['its first init container is created', { first: CREATING, ...INIT_FIRST }, 'starting'],
  ['its first init container runs', { first: RUNNING, ...INIT_FIRST }, ['running', 'starting', 'starting', 'starting']],
  [
    'its second init container runs',
    { first: ended(0, 'Completed'), second: RUNNING, main: BEHIND, other: BEHIND },
    ['ended 0', 'running', 'starting', 'starting']
  ],
  [
    'its first init container failed',
    { first: ended(3), ...INIT_FIRST, status: { phase: 'Failed' } },
    ['ended 3', 'blocked by first start-failed', 'blocked by first start-failed', 'blocked by first start-failed']
  ],
  [
    'its first init container ran out of memory',
    { first: ended(137, 'OOMKilled'), ...INIT_FIRST },
    [
      'ended 137 out-of-memory',
      'blocked by first out-of-memory',
      'blocked by first out-of-memory',
      'blocked by first out-of-memory'
    ]
  ],
  [
    'its first init container cannot be pulled',
    { first: waiting('ErrImagePull', DENIED), ...INIT_FIRST },
    'blocked by first image-denied'
  ],
  [
    'its first init container crashes and is started again',
    {
      first: crashing(4),
      ...INIT_FIRST,
      restartPolicy: 'OnFailure'
    },
    ['ended 4', 'blocked by first start-failed', 'blocked by first start-failed', 'blocked by first start-failed']
  ],
  [
    'its first init container failed and is about to be started again',
    {
      first: ended(1),
      ...INIT_FIRST,
      restartPolicy: 'OnFailure'
    },
    'starting'
  ],
  [
    'its init containers are done, and it may be started again',
    { ...PULLING, restartPolicy: 'Always' },
    ['ended 0', 'ended 0', 'starting', 'starting']
  ],
  ['its side-car runs', { ...UP, first: RUNNING, isSidecar: true }, ['running', 'ended 0', 'running', 'running']],
  [
    'its side-car ended and is about to be started again',
    { first: ended(1), ...INIT_FIRST, isSidecar: true },
    'starting'
  ],
  [
    'its side-car crashes',
    { first: crashing(1), ...INIT_FIRST, isSidecar: true },
    ['ended 1', 'blocked by first start-failed', 'blocked by first start-failed', 'blocked by first start-failed']
  ],
  [
    'its side-car ends well, again and again',
    { first: crashing(0), ...INIT_FIRST, isSidecar: true },
    ['ended 0', 'blocked by first start-failed', 'blocked by first start-failed', 'blocked by first start-failed']
  ],
  ['its containers are created', PULLING, ['ended 0', 'ended 0', 'starting', 'starting']],
  [
    'an image cannot be pulled',
    { ...PULLING, main: waiting('ErrImagePull', 'manifest unknown') },
    ['ended 0', 'ended 0', 'blocked by main image-not-found', 'starting']
  ],
  [
    'an image is not pulled again yet',
    { ...PULLING, main: waiting('ImagePullBackOff', 'Back-off pulling image') },
    ['ended 0', 'ended 0', 'blocked by main image-pull-failed', 'starting']
  ],
  [
    'a Secret is missing',
    { ...PULLING, main: waiting('CreateContainerConfigError', 'secret "x" not found') },
    ['ended 0', 'ended 0', 'blocked by main start-failed', 'starting']
  ],
  [
    'a container cannot be created',
    { ...PULLING, main: waiting('CreateContainerError', 'no such device') },
    ['ended 0', 'ended 0', 'blocked by main start-failed', 'starting']
  ],
  [
    'a container cannot be run',
    { ...PULLING, main: waiting('RunContainerError', 'exec: "/x": not found') },
    ['ended 0', 'ended 0', 'blocked by main start-failed', 'starting']
  ],
  [
    'a reason is new',
    { ...PULLING, main: waiting('SomethingOfTomorrow', 'wait') },
    ['ended 0', 'ended 0', 'starting', 'starting']
  ],
  ['all run', UP, ['ended 0', 'ended 0', 'running', 'running']],
  [
    'a container runs again',
    { ...UP, main: { ...RUNNING, last: { exitCode: 1 } }, restartPolicy: 'Always' },
    ['ended 0', 'ended 0', 'running', 'running']
  ],
  ['a container ended well', { ...UP, main: ended(0, 'Completed') }, ['ended 0', 'ended 0', 'ended 0', 'running']],
  ['a container failed', { ...UP, main: ended(42) }, ['ended 0', 'ended 0', 'ended 42', 'running']],
  [
    'a container failed and is about to be started again',
    { ...UP, main: ended(42), restartPolicy: 'OnFailure' },
    ['ended 0', 'ended 0', 'starting', 'running']
  ],
  [
    'a container ended well and is about to be started again',
    {
      ...UP,
      main: ended(0, 'Completed'),
      restartPolicy: 'Always'
    },
    ['ended 0', 'ended 0', 'starting', 'running']
  ],
  [
    'a container ended well and stays so',
    { ...UP, main: ended(0, 'Completed'), restartPolicy: 'OnFailure' },
    ['ended 0', 'ended 0', 'ended 0', 'running']
  ],
  [
    'a container crashes again and again',
    { ...UP, main: crashing(2), restartPolicy: 'Always' },
    ['ended 0', 'ended 0', 'ended 2', 'running']
  ],
  [
    'a container ran out of memory',
    { ...UP, main: ended(137, 'OOMKilled') },
    ['ended 0', 'ended 0', 'ended 137 out-of-memory', 'running']
  ],
  [
    'a program is not there',
    { ...UP, main: ended(128, 'StartError', 'exec: "/x": no such file') },
    ['ended 0', 'ended 0', 'ended 128 start-failed', 'running']
  ],
  [
    'the kubelet found a container no more',
    {
      ...UP,
      main: ended(137, 'ContainerStatusUnknown', 'could not be located')
    },
    ['ended 0', 'ended 0', 'ended 137 run-lost', 'running']
  ],
  [
    'the runtime found a container no more',
    { ...UP, main: ended(255, 'Unknown') },
    ['ended 0', 'ended 0', 'ended 255 run-lost', 'running']
  ],
  [
    'it was evicted before it ran',
    {
      ...PULLING,
      main: waiting('ErrImagePull', UNREACHABLE),
      status: { phase: 'Failed', reason: 'Evicted' }
    },
    ['ended 0 evicted', 'ended 0 evicted', 'lost evicted', 'lost evicted']
  ],
  [
    'it was evicted while it ran',
    {
      ...UP,
      main: ended(137),
      status: { phase: 'Failed', reason: 'Evicted', message: 'low on disk' }
    },
    ['ended 0 evicted', 'ended 0 evicted', 'ended 137 evicted', 'lost evicted']
  ],
  ['it was evicted, without statuses', { status: { phase: 'Failed', reason: 'Evicted' } }, 'lost evicted'],
  [
    'it ran past its deadline',
    { ...UP, main: ended(143), status: { phase: 'Failed', reason: 'DeadlineExceeded' } },
    [
      'ended 0 run-deadline-exceeded',
      'ended 0 run-deadline-exceeded',
      'ended 143 run-deadline-exceeded',
      'lost run-deadline-exceeded'
    ]
  ],
  [
    'it made room for another pod',
    { ...UP, status: { phase: 'Failed', reason: 'Preempting', message: 'for a pod' } },
    ['ended 0 run-lost', 'ended 0 run-lost', 'lost run-lost', 'lost run-lost']
  ],
  [
    'its node was shut down',
    { ...UP, main: ended(143), status: { phase: 'Failed', reason: 'Terminated' } },
    ['ended 0 run-lost', 'ended 0 run-lost', 'ended 143 run-lost', 'lost run-lost']
  ],
  [
    'no node could take it after all',
    { status: { phase: 'Failed', reason: 'OutOfcpu', message: 'too little' } },
    'lost run-lost'
  ],
  [
    'it was evicted from a node that knows no more of it',
    { ...UP, main: ended(137, 'ContainerStatusUnknown'), status: { phase: 'Failed', reason: 'Evicted' } },
    ['ended 0 evicted', 'ended 0 evicted', 'ended 137 evicted', 'lost evicted']
  ],
  [
    'its node may come back',
    { ...UP, status: { phase: 'Running', reason: 'NodeLost' } },
    ['ended 0', 'ended 0', 'running', 'running']
  ],
  ['its node does not answer', { ...UP, status: { phase: 'Unknown' } }, ['ended 0', 'ended 0', 'running', 'running']],
  [
    'its node does not answer, and it is removed',
    { ...UP, status: { phase: 'Unknown' }, isDeleted: true },
    ['ended 0 run-lost', 'ended 0 run-lost', 'lost run-lost', 'lost run-lost']
  ],
  [
    'it is being deleted before it ran',
    { ...PULLING, main: waiting('ErrImagePull', DENIED), isDeleted: true },
    ['ended 0 run-lost', 'ended 0 run-lost', 'lost run-lost', 'lost run-lost']
  ],
  [
    'it is being deleted while it runs',
    { ...UP, isDeleted: true },
    ['ended 0 run-lost', 'ended 0 run-lost', 'lost run-lost', 'lost run-lost']
  ],
  [
    'it is being deleted after a container ended',
    { ...UP, main: ended(0, 'Completed'), isDeleted: true },
    ['ended 0 run-lost', 'ended 0 run-lost', 'ended 0 run-lost', 'lost run-lost']
  ]
])('%s', (_title, shape, meaning) => {
  const pod = podOf(shape)
  const found = ['first', 'second', 'main', 'other'].map((name) => wordsOf(verdictOn(pod, name)))
  expect(found).toEqual(typeof meaning === 'string' ? found.map(() => meaning) : meaning)
})

const ofMain = (main: Fate) => verdictOn(podOf({ main }), 'main')
const failureOf = (verdict: Verdict) => ('failure' in verdict ? verdict.failure : undefined)

// Messages as containerd and CRI-O word them.
test.each([
  ['ErrImagePull', 'failed to resolve reference "r.example/i:1": r.example/i:1: not found', 'image-not-found', false],
  ['ErrImagePull', 'manifest unknown: manifest unknown', 'image-not-found', false],
  ['ErrImagePull', 'pull access denied, repository does not exist or may require authorization', 'image-denied', false],
  ['ErrImagePull', DENIED, 'image-denied', false],
  ['ErrImagePull', UNREACHABLE, 'image-pull-failed', true],
  ['ErrImagePull', 'dial tcp: read udp 10.99.0.1:54031->10.0.0.1:53: i/o timeout', 'image-pull-failed', true],
  ['ImagePullBackOff', 'Back-off pulling image "r.example/i:1"', 'image-pull-failed', true],
  ['ImageInspectError', 'broken', 'image-pull-failed', true],
  ['RegistryUnavailable', 'no answer', 'image-pull-failed', true],
  ['InvalidImageName', 'couldn\'t parse image reference "I I"', 'image-invalid', false],
  ['ErrImageNeverPull', 'Container image is not present with pull policy of Never', 'image-invalid', false],
  ['CreateContainerConfigError', 'secret "x" not found', 'start-failed', false]
] as const)('%s (%s) is %s', (reason, message, code, isRetryable) => {
  const failure = failureOf(ofMain(waiting(reason, message)))
  expect(failure?.code).toBe(code)
  expect(failure?.retryable).toBe(isRetryable)
  expect(failure?.message).toContain(reason.startsWith('Create') ? 'secret "x" not found' : 'r.example/main:1')
})

test.each<[string, Shape, string]>([
  [
    'an init container that failed',
    { first: ended(3), main: BEHIND },
    'the init container first ended with exit code 3'
  ],
  [
    'an init container without memory',
    { first: ended(137, 'OOMKilled'), main: BEHIND },
    'the init container first: the container ran out of memory (OOMKilled): give it a higher memory limit'
  ],
  [
    'an init container without an image',
    { first: waiting('ErrImagePull', 'not found'), main: BEHIND },
    'the init container first: cannot pull image r.example/first:1: there is no such image: check its name, tag and platform (not found)'
  ],
  [
    'a program that is not there',
    { main: ended(128, 'StartError', 'exec: "/x": no such file\nmore') },
    'the container cannot start: exec: "/x": no such file'
  ],
  ['an eviction', { status: { reason: 'Evicted', message: 'low on disk' } }, 'the pod was evicted: low on disk'],
  [
    'a pod that the kubelet refused',
    { status: { phase: 'Failed', reason: 'OutOfcpu', message: 'too little' } },
    'the pod failed: OutOfcpu too little'
  ],
  ['a pod that somebody deletes', { isDeleted: true }, 'somebody deleted the pod, or its node is going away']
])('%s is told in one line', (_title, shape, message) => {
  expect(failureOf(verdictOn(podOf(shape), 'main'))?.message).toBe(message)
})

describe('a grace period', () => {
  const OWN_SECRET = 'runner-secret-0123'
  type Look = readonly [atMs: number, main: Fate]

  /** The verdicts of several looks at one pod. */
  function looksAt(pullSecret: string | undefined, ...looks: readonly Look[]): readonly string[] {
    let nowMs = 0
    const judge = createJudge({ ...systemClock, now: () => nowMs }, OWN_SECRET)
    return looks.map(([atMs, main]) => {
      nowMs = atMs
      return judge(podOf({ main, ...(pullSecret !== undefined && { pullSecret }) }), 'main').is
    })
  }

  test.each<[string, string | undefined, Fate, number]>([
    ['a registry that does not answer', 'pull', waiting('ErrImagePull', UNREACHABLE), 8_000],
    ['a pull that is refused although the pod has a Secret', 'pull', waiting('ErrImagePull', DENIED), 25_000],
    [
      'a Secret that the kubelet did not get in time',
      undefined,
      waiting('CreateContainerConfigError', 'failed to sync secret cache: timed out waiting for the condition'),
      25_000
    ],
    [
      'a Secret of ours that it has not heard of',
      undefined,
      waiting('CreateContainerConfigError', `secret "${OWN_SECRET}" not found`),
      25_000
    ]
  ])('is given to %s', (_title, pullSecret, main, graceMs) => {
    const verdicts = looksAt(pullSecret, [1_000, main], [1_000 + graceMs - 1, main], [1_000 + graceMs, main])
    expect(verdicts).toEqual(['starting', 'starting', 'blocked'])
  })

  test.each<[string, string | undefined, Fate]>([
    ['a pull that is refused without a Secret', undefined, waiting('ErrImagePull', DENIED)],
    ['an image that does not exist', 'pull', waiting('ErrImagePull', 'not found')],
    ['a Secret of others', 'pull', waiting('CreateContainerConfigError', 'secret "theirs" not found')]
  ])('is not given to %s', (_title, pullSecret, main) => {
    expect(looksAt(pullSecret, [0, main])).toEqual(['blocked'])
  })

  test('is counted from when a failure was first seen, although the kubelet words it differently meanwhile', () => {
    const looks: Look[] = [
      [0, waiting('ErrImagePull', UNREACHABLE)],
      [4_000, waiting('ImagePullBackOff', 'Back-off pulling image')],
      [6_000, CREATING],
      [9_000, waiting('ErrImagePull', UNREACHABLE)]
    ]
    expect(looksAt(undefined, ...looks)).toEqual(['starting', 'starting', 'starting', 'blocked'])
  })

  test('of one container is not that of another', () => {
    let nowMs = 0
    const judge = createJudge({ ...systemClock, now: () => nowMs })
    const unreachable = waiting('ErrImagePull', UNREACHABLE)
    judge(podOf({ main: unreachable }), 'main')
    nowMs = 9_000
    const pod = podOf({ main: unreachable, other: unreachable })
    expect([judge(pod, 'main').is, judge(pod, 'other').is]).toEqual(['blocked', 'starting'])
  })
})

describe('any status at all', () => {
  const text = fc.oneof(fc.constantFrom('', DENIED, UNREACHABLE, 'not found'), fc.string({ maxLength: 12 }))
  const oneOf = (...words: string[]) => fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 8 }))
  const terminated = fc.record({
    exitCode: fc.constantFrom(0, 1, 42, 128, 137, 255),
    reason: oneOf('', 'Completed', 'Error', 'OOMKilled', 'StartError', 'ContainerStatusUnknown', 'Evicted'),
    message: text
  })
  const waitingReasons = oneOf(
    ...['PodInitializing', 'ContainerCreating', 'CrashLoopBackOff', 'ErrImagePull', 'ImagePullBackOff'],
    ...['InvalidImageName', 'CreateContainerConfigError', 'RunContainerError']
  )
  const state: fc.Arbitrary<V1ContainerState> = fc.oneof(
    fc.constant({}),
    fc.constant({ running: {} }),
    fc.record({ waiting: fc.record({ reason: waitingReasons, message: text }, { requiredKeys: [] }) }),
    fc.record({ terminated })
  )
  const container = fc.record({
    name: fc.constantFrom('first', 'second', 'main', 'other'),
    state,
    lastState: fc.oneof(fc.constant({}), fc.record({ terminated })),
    image: fc.constant('r.example/i:1'),
    imageID: fc.constant(''),
    ready: fc.boolean(),
    restartCount: fc.nat(3)
  })
  const status = fc.record(
    {
      phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'),
      reason: oneOf('', 'Evicted', 'DeadlineExceeded', 'NodeLost', 'Preempting'),
      message: text,
      initContainerStatuses: fc.array(container, { maxLength: 3 }),
      containerStatuses: fc.array(container, { maxLength: 3 })
    },
    { requiredKeys: [] }
  )
  const spec = fc.constantFrom(
    ...['Never', 'OnFailure', 'Always'].flatMap((restartPolicy) => podOf({ restartPolicy }).spec ?? [])
  )
  const metadata = fc.constantFrom<NonNullable<V1Pod['metadata']>[]>({}, { deletionTimestamp: new Date(0) })
  const pods: fc.Arbitrary<V1Pod> = fc.record({ metadata, spec, status }, { requiredKeys: [] })
  const names = fc.constantFrom('first', 'second', 'main', 'other', 'none')
  const holds = (check: (pod: V1Pod, name: string, verdict: Verdict) => void) =>
    fc.assert(fc.property(pods, names, (pod, name) => check(pod, name, verdictOn(pod, name))))

  test('has one verdict, with a reason exactly when nothing will come of waiting', () =>
    holds((pod, name, verdict) => {
      expect(['starting', 'running', 'ended', 'blocked', 'lost']).toContain(verdict.is)
      const cannotGoOn = verdict.is === 'blocked' || verdict.is === 'lost'
      expect(failureOf(verdict) instanceof StepError).toBe(
        cannotGoOn || (verdict.is === 'ended' && verdict.failure !== undefined)
      )
      expect(wordsOf(verdictOn(pod, name))).toBe(wordsOf(verdict))
    }))

  test('is lost only with the whole pod, and then no container of it runs or is waited for', () =>
    holds((pod, _name, verdict) => {
      if (verdict.is !== 'lost') return
      expect(isPodLost(verdict.failure)).toBe(true)
      for (const name of ['first', 'second', 'main', 'other', 'none']) {
        expect(['lost', 'ended']).toContain(verdictOn(pod, name).is)
      }
    }))

  test('lets a container run or end only if its own status says so', () =>
    holds((pod, name, verdict) => {
      const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {}
      const status = [...initContainerStatuses, ...containerStatuses].find((one) => one.name === name)
      if (verdict.is === 'running') expect(status?.state?.running).toBeDefined()
      if (verdict.is === 'ended') {
        expect([status?.state?.terminated, status?.lastState?.terminated]).toContain(verdict.terminated)
      }
      if (verdict.is === 'blocked') expect(status?.state?.running).toBeUndefined()
    }))

  test('is waited for, begun or refused, and never two of these', () =>
    holds((_pod, _name, verdict) => {
      const started = () => hasStarted(verdict)
      if (verdict.is === 'blocked' || verdict.is === 'lost') expect(started).toThrow(verdict.failure)
      else expect(started()).toBe(verdict.is === 'starting' ? undefined : true)
    }))

  test('that can heal gets some time, and what cannot is told at once', () =>
    holds((_pod, _name, verdict) => {
      if (verdict.is === 'blocked' && verdict.failure.retryable) expect(verdict.graceMs).toBeGreaterThan(0)
      if (verdict.is === 'blocked' && verdict.failure.code === 'image-not-found') expect(verdict.graceMs).toBe(0)
    }))
})

/** As containerd 2.2 and its kubelet wrote it where kube-proxy is in nftables mode. */
const BUILT =
  'localhost:30500/d9929c40bf166011a85eb55e@sha256:018763113462583372ef18a0259843613402b2bad95d4f7a430bb735e440d2de'
const refusedBy = (host: string, address: string) =>
  `failed to pull and unpack image "${BUILT}": failed to resolve reference "${BUILT}": failed to do request: Head "http://${host}/v2/d9929c40bf166011a85eb55e/manifests/sha256:0187": dial tcp ${address}: connect: connection refused`
const NAMES_THE_MODE = /nothing answers on localhost:30500 of the node, .*nftables mode: use \w+_REGISTRY_PULL_HOST/

describe('a pull that nobody answers', () => {
  const messageOf = (reason: string, message: string) => {
    const verdict = verdictOn(podOf({ ...PULLING, main: waiting(reason, message) }), 'main')
    if (verdict.is !== 'blocked') throw new Error(`it is ${verdict.is}`)
    return verdict.failure.message
  }

  test.each([
    ['by the name', 'localhost:30500', '127.0.0.1:30500'],
    ['by the other family', 'localhost:30500', '[::1]:30500']
  ])('on localhost, %s, names the mode of kube-proxy and the setting, within a line', (_, host, address) => {
    const words = refusedBy(host, address)
    for (const message of [words, `Back-off pulling image "${BUILT}": ErrImagePull: ${words}`]) {
      expect(messageOf('ErrImagePull', message)).toMatch(NAMES_THE_MODE)
      expect(messageOf('ErrImagePull', message)).not.toContain('…')
    }
  })

  test.each([
    ['of a registry elsewhere', 'registry.example', '10.0.0.1:443'],
    ['behind a mirror on the node', 'registry.example', '127.0.0.1:30020'],
    ['of a node port by its address', '10.99.0.1:30500', '10.99.0.1:30500']
  ])('%s does not', (_, host, address) => {
    expect(messageOf('ErrImagePull', refusedBy(host, address))).toMatch(/the node could not reach its registry/)
  })
})
