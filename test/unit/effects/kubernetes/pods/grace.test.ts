/** Goal: what a kubelet gets over by itself does not end a step, and what it does not is told soon. Method: its own words, a clock by hand. */
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { expect, it } from 'vitest'
import { createPatience } from '../../../../../src/effects/kubernetes/pods/grace.ts'
import { waitingFailure } from '../../../../../src/effects/kubernetes/pods/status.ts'
import { systemClock } from '../../../../../src/effects/system.ts'

const OWN_SECRET = 'runner-secret-0123'
const DENIED = 'failed to pull and unpack image: unexpected status from HEAD request: 401 Unauthorized'
const UNREACHABLE = 'dial tcp 10.0.0.1:443: connect: connection refused'
const podWith = (...imagePullSecrets: { name: string }[]): V1Pod => ({ spec: { containers: [], imagePullSecrets } })
const withSecret = podWith({ name: 'pull' })

type Look = readonly [atMs: number, reason: string, message: string]

/** Whether the last of several looks at a pod is still worth another one. */
function isWaitedOut(pod: V1Pod, ...looks: readonly Look[]): boolean {
  let nowMs = 0
  const isPatient = createPatience({ ...systemClock, now: () => nowMs }, OWN_SECRET)
  return looks
    .map(([atMs, reason, message]) => {
      nowMs = atMs
      const status: V1ContainerStatus = {
        name: 'job',
        state: { waiting: { reason, message } },
        ready: false,
        image: 'reg/image',
        imageID: '',
        restartCount: 0
      }
      const failure = waitingFailure(status)
      if (failure === undefined) throw new Error(`${reason} is no failure`)
      return isPatient(pod, failure, status)
    })
    .at(-1) as boolean
}

it.each<readonly [title: string, pod: V1Pod, reason: string, message: string, patienceMs: number]>([
  ['a registry that does not answer', withSecret, 'ErrImagePull', UNREACHABLE, 8_000],
  ['a pull that is refused although the pod has a Secret', withSecret, 'ErrImagePull', DENIED, 25_000],
  [
    'a Secret that the kubelet did not get in time',
    podWith(),
    'CreateContainerConfigError',
    'failed to sync secret cache: timed out waiting for the condition',
    25_000
  ],
  [
    'a Secret of ours that it has not heard of',
    podWith(),
    'CreateContainerConfigError',
    `secret "${OWN_SECRET}" not found`,
    25_000
  ]
])('%s is waited out for a while', (_title, pod, reason, message, patienceMs) => {
  expect(isWaitedOut(pod, [0, reason, message], [patienceMs - 1, reason, message])).toBe(true)
  expect(isWaitedOut(pod, [0, reason, message], [patienceMs, reason, message])).toBe(false)
})

it.each<readonly [title: string, pod: V1Pod, reason: string, message: string]>([
  ['a pull that is refused without a Secret', podWith(), 'ErrImagePull', DENIED],
  ['an image that does not exist', withSecret, 'ErrImagePull', 'not found'],
  ['a Secret of others', withSecret, 'CreateContainerConfigError', 'secret "theirs" not found']
])('%s is told at once', (_title, pod, reason, message) => {
  expect(isWaitedOut(pod, [0, reason, message])).toBe(false)
})
