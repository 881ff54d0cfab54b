/** What the kubelet says about a pod, as codes that say whether to try again. */
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import {
  initFailure,
  podFailure,
  terminationFailure,
  waitingFailure
} from '../../../../../src/effects/kubernetes/pods/status.ts'

const waiting = (reason: string, message: string): V1ContainerStatus => ({
  name: 'job',
  image: 'r.example/i:1',
  imageID: '',
  ready: false,
  restartCount: 0,
  state: { waiting: { reason, message } }
})

// Messages as containerd and CRI-O word them.
test.each([
  ['ErrImagePull', 'failed to resolve reference "r.example/i:1": r.example/i:1: not found', 'image-not-found', false],
  ['ErrImagePull', 'manifest unknown: manifest unknown', 'image-not-found', false],
  ['ErrImagePull', 'pull access denied, repository does not exist or may require authorization', 'image-denied', false],
  ['ErrImagePull', 'unexpected status from HEAD request: 401 Unauthorized', 'image-denied', false],
  ['ErrImagePull', 'dial tcp 10.0.0.1:5000: connect: connection refused', 'image-pull-failed', true],
  ['ErrImagePull', 'dial tcp: read udp 10.99.0.1:54031->10.0.0.1:53: i/o timeout', 'image-pull-failed', true],
  ['ImagePullBackOff', 'Back-off pulling image "r.example/i:1"', 'image-pull-failed', true],
  ['InvalidImageName', 'couldn\'t parse image reference "I I"', 'image-invalid', false],
  ['ErrImageNeverPull', 'Container image is not present with pull policy of Never', 'image-invalid', false],
  ['CreateContainerConfigError', 'secret "x" not found', 'start-failed', false]
] as const)('%s (%s) is %s', (reason, message, code, isRetryable) => {
  const failure = waitingFailure(waiting(reason, message))
  expect(failure?.code).toBe(code)
  expect(failure?.retryable).toBe(isRetryable)
  expect(failure?.message).toContain(reason.startsWith('Create') ? 'secret "x" not found' : 'r.example/i:1')
})

test.each(['ContainerCreating', 'PodInitializing', ''])('%s only means to wait', (reason) => {
  expect(waitingFailure(waiting(reason, ''))).toBeUndefined()
})

const pod = (status: NonNullable<V1Pod['status']>, deletionTimestamp?: Date): V1Pod => ({
  metadata: { name: 'p', ...(deletionTimestamp && { deletionTimestamp }) },
  status
})

test.each([
  [{ exitCode: 137, reason: 'OOMKilled' }, {}, 'out-of-memory'],
  [{ exitCode: 128, reason: 'StartError', message: 'exec: "/x": no such file\nmore' }, {}, 'start-failed'],
  [{ exitCode: 137, reason: 'Error' }, { phase: 'Failed', reason: 'Evicted', message: 'low on disk' }, 'evicted'],
  [{ exitCode: 143, reason: 'Error' }, { phase: 'Failed', reason: 'DeadlineExceeded' }, 'run-deadline-exceeded'],
  [{ exitCode: 143, reason: 'Error' }, { phase: 'Failed', reason: 'NodeLost' }, 'run-lost']
])('%j in a pod with %j is %s', (terminated, status, code) => {
  expect(terminationFailure(pod(status), terminated)?.code).toBe(code)
})

test.each([0, 1, 42, 137])("exit code %i of its own is the program's", (exitCode) => {
  expect(terminationFailure(pod({ phase: 'Succeeded' }), { exitCode, reason: 'Error' })).toBeUndefined()
})

/** A pod of the template's init container `warm`. */
const withInit = (restartPolicy: string, state: V1ContainerStatus['state'], lastState = {}): V1Pod => ({
  spec: { containers: [], restartPolicy },
  // As a kubelet leaves it: Failed, and not a word about why.
  status: {
    phase: 'Failed',
    initContainerStatuses: [{ ...waiting('', ''), name: 'warm', state: state ?? {}, lastState }]
  }
})

test.each([
  ['Never', { terminated: { exitCode: 3, reason: 'Error' } }, {}, 'start-failed', 'warm: it ended with exit code 3'],
  ['Never', { terminated: { exitCode: 137, reason: 'OOMKilled' } }, {}, 'out-of-memory', 'warm: the container ran out'],
  ['Never', waiting('ErrImagePull', 'not found').state, {}, 'image-not-found', 'warm: cannot pull image r.example/i:1'],
  ['Never', waiting('ImagePullBackOff', 'timeout').state, {}, 'image-pull-failed', 'warm: cannot pull image'],
  [
    'OnFailure',
    waiting('CrashLoopBackOff', '').state,
    { terminated: { exitCode: 4 } },
    'start-failed',
    'warm: it ended with exit code 4'
  ]
] as const)('an init container, restartPolicy %s, that is %j keeps the others from starting', (...given) => {
  const [restartPolicy, state, lastState, code, text] = given
  const failure = initFailure(withInit(restartPolicy, state, lastState))
  expect(failure?.code).toBe(code)
  expect(failure?.message).toContain(`the init container ${text}`)
})

test.each([
  ['Never', { running: {} }],
  ['Never', { terminated: { exitCode: 0 } }],
  ['Never', waiting('PodInitializing', '').state],
  // It is about to be started again.
  ['OnFailure', { terminated: { exitCode: 1 } }]
] as const)('an init container, restartPolicy %s, that is %j is waited for', (restartPolicy, state) => {
  expect(initFailure(withInit(restartPolicy, state))).toBeUndefined()
})

test('a pod that somebody deletes is lost', () => {
  expect(podFailure(pod({ phase: 'Running' }, new Date(0)))?.code).toBe('run-lost')
})
