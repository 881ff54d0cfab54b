/** Why a pod or one of its containers cannot go on, as StepErrors, for everything that waits for pods. */
import type { V1ContainerStateTerminated, V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { type ErrorCode, StepError } from '../../../errors.ts'

/** Status of one container, init containers included. */
export function containerStatus(pod: V1Pod, container: string): V1ContainerStatus | undefined {
  const all = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
  return all.find(({ name }) => name === container)
}

/** Which code a kubelet's pull error stands for: the first pattern that matches its message. */
const PULL_ERRORS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/\b40[13]\b|unauthorized|forbidden|denied|authentication required|no basic auth/i, 'image-denied'],
  [/not found|manifest unknown|name unknown|does not exist|no match for platform/i, 'image-not-found']
]

const PULL_MESSAGES: Partial<Record<ErrorCode, string>> = {
  'image-denied': 'the registry refused it: add an imagePullSecret for it, or make the image public',
  'image-not-found': 'there is no such image: check its name, tag and platform',
  'image-invalid': 'this is not a valid image reference, or it may not be pulled on this node',
  'image-pull-failed': 'the node could not reach its registry'
}

function pullFailure(image: string, code: ErrorCode, detail: string): StepError {
  return new StepError(code, `cannot pull image ${image}: ${PULL_MESSAGES[code]} (${firstLine(detail)})`, { detail })
}

/** What a waiting container will not get out of by waiting; a pull error that can heal is `image-pull-failed`. */
export function waitingFailure(status: V1ContainerStatus | undefined): StepError | undefined {
  const { reason = '', message = '' } = status?.state?.waiting ?? {}
  const image = status?.image ?? 'the image'
  switch (reason) {
    case 'ErrImageNeverPull':
    case 'InvalidImageName':
      return pullFailure(image, 'image-invalid', message)
    case 'ErrImagePull':
    case 'ImagePullBackOff':
    case 'ImageInspectError':
    case 'RegistryUnavailable': {
      const code = PULL_ERRORS.find(([pattern]) => pattern.test(message))?.[1] ?? 'image-pull-failed'
      return pullFailure(image, code, message)
    }
    case 'CreateContainerConfigError':
    case 'CreateContainerError':
    case 'RunContainerError':
      return new StepError('start-failed', `the container cannot start: ${firstLine(message)}`, { detail: message })
    default:
      return undefined
  }
}

/** An init container that failed for good: what comes after it never starts, and no other status says so. */
export function failedInit(pod: V1Pod): V1ContainerStatus | undefined {
  const isFinal = pod.spec?.restartPolicy === 'Never'
  return pod.status?.initContainerStatuses?.find(
    ({ state }) =>
      state?.waiting?.reason === 'CrashLoopBackOff' || (isFinal && (state?.terminated?.exitCode ?? 0) !== 0)
  )
}

/** Why an init container, of a template for example, keeps all others from starting; a pull error that can heal is retryable. */
export function initFailure(pod: V1Pod): StepError | undefined {
  const titled = (name: string, { code, message, detail }: StepError) =>
    new StepError(code, `the init container ${name}: ${message}`, { detail })
  for (const status of pod.status?.initContainerStatuses ?? []) {
    const waiting = waitingFailure(status)
    if (waiting !== undefined) return titled(status.name, waiting)
  }
  const failed = failedInit(pod)
  const terminated = failed?.state?.terminated ?? failed?.lastState?.terminated
  if (failed === undefined || terminated === undefined) return undefined
  const own = new StepError('start-failed', `it ended with exit code ${terminated.exitCode}`)
  return titled(failed.name, terminationFailure(pod, terminated) ?? own)
}

/** Reasons with which a container runtime says that the process never started. */
const START_ERRORS = new Set(['StartError', 'ContainerCannotRun'])

/** Why a container ended that was not its program's own doing; undefined when the exit code is the program's. */
export function terminationFailure(pod: V1Pod, terminated: V1ContainerStateTerminated): StepError | undefined {
  const { reason = '', message = '' } = terminated
  if (START_ERRORS.has(reason)) {
    return new StepError('start-failed', `the container cannot start: ${firstLine(message)}`, { detail: message })
  }
  if (reason === 'OOMKilled') {
    return new StepError('out-of-memory', 'the container ran out of memory (OOMKilled): give it a higher memory limit')
  }
  return podFailure(pod)
}

/** Why a whole pod failed: evicted, past its deadline, refused by the kubelet, or deleted by somebody. */
export function podFailure(pod: V1Pod): StepError | undefined {
  const { reason = '', message = '', phase } = pod.status ?? {}
  if (reason === 'Evicted') return new StepError('evicted', `the pod was evicted: ${message}`)
  if (reason === 'DeadlineExceeded') {
    return new StepError('run-deadline-exceeded', `the pod ran past its deadline: ${message}`)
  }
  if (phase === 'Failed' && reason !== '') return new StepError('run-lost', `the pod failed: ${reason} ${message}`)
  if (pod.metadata?.deletionTimestamp !== undefined) {
    return new StepError('run-lost', 'somebody deleted the pod, or its node is going away')
  }
  return undefined
}

/** Why the scheduler has not placed the pod yet; it may still do so, when the cluster grows for example. */
export function unschedulableReason(pod: V1Pod): string | undefined {
  const condition = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
  return condition?.status === 'False' ? condition.message : undefined
}

/** The first line of a text, so that an annotation stays one line. */
export function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? ''
}
