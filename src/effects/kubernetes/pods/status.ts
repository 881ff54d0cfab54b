/** What a pod's status means for one of its containers, as one verdict, for everything that waits for pods or asks after them. */
import type { V1Container, V1ContainerStateTerminated, V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { type ErrorCode, StepError } from '../../../errors.ts'
import type { Clock } from '../../../machines/ports.ts'
import { failureFrom, firstLine, type Table } from '../../failure-table.ts'
import { unmapped, withoutProfile } from './id-mapping.ts'

/** How long a kubelet may fail to pull; with all attempts of a stage that stays under a minute. */
const PULL_GRACE_MS = 8_000
/** A kubelet that lacks a Secret looks again after ten to fifteen seconds; that it failed again is told much later. */
const SECRET_GRACE_MS = 25_000
/** A kubelet's words for a Secret that it has not got from the API server within a second. */
const NOT_SYNCED = /failed to sync (?:secret|configmap) cache/

/** How a container ended. `failure`: why, if that was not its program's own doing. */
export interface Ended {
  readonly is: 'ended'
  readonly terminated: V1ContainerStateTerminated
  readonly failure: StepError | undefined
}

/** A container that waiting will not start once its grace period is over. */
export interface Blocked {
  readonly is: 'blocked'
  readonly failure: StepError
  /** The container whose fault it is: the one asked about, or an init container. */
  readonly by: string
  /** Whether that container has run, so that its log may explain more. */
  readonly hasRun: boolean
  /** How long the failure may still heal by itself, counted from when it was first seen. */
  readonly graceMs: number
}

/** `lost`: the pod failed or is being deleted, and the container has no end of its own. */
export type Verdict =
  | { readonly is: 'starting' }
  | { readonly is: 'running' }
  | Ended
  | Blocked
  | { readonly is: 'lost'; readonly failure: StepError }

/**
 * An end that is final counts first, since nothing that happens later changes it; then what befell the whole pod, since no
 * container gets over that; and only then how far the container itself is. `ownSecret`: name of a Secret that is made together
 * with the pod, and that the kubelet may not have heard of yet.
 */
export function verdictOn(pod: V1Pod, container: string, ownSecret?: string): Verdict {
  const inits = pod.status?.initContainerStatuses ?? []
  const status = [...inits, ...(pod.status?.containerStatuses ?? [])].find(({ name }) => name === container)
  const terminated = finalEnd(pod, status)
  if (terminated !== undefined) return { is: 'ended', terminated, failure: terminationFailure(pod, terminated) }
  const lost = podFailure(pod)
  if (lost !== undefined) return { is: 'lost', failure: lost }
  if (status?.state?.running !== undefined) return { is: 'running' }
  const blockedBy = (by: string, failure: StepError, hasRun: boolean): Blocked => ({
    is: 'blocked',
    failure,
    by,
    hasRun,
    graceMs: graceMsOf(pod, failure, ownSecret)
  })
  const waiting = waitingFailure(status)
  if (waiting !== undefined) return blockedBy(container, waiting, false)
  for (const init of inits) {
    const failure = waitingFailure(init)
    if (failure !== undefined) return blockedBy(init.name, titled(`the init container ${init.name}`, failure), false)
    const failed = failedInit(pod, init)
    if (failed !== undefined) return blockedBy(init.name, failed, true)
  }
  return { is: 'starting' }
}

/** Judges a pod that is looked at again and again: what blocks a container counts as starting while its grace period lasts. */
export type Judge = (pod: V1Pod, container: string) => Verdict

export function createJudge(clock: Clock, ownSecret?: string): Judge {
  const firstSeenMs = new Map<string, number>()
  return (pod, container) => {
    const verdict = verdictOn(pod, container, ownSecret)
    if (verdict.is !== 'blocked') return verdict
    const key = `${verdict.by} ${verdict.failure.code}`
    const sinceMs = firstSeenMs.get(key) ?? clock.now()
    firstSeenMs.set(key, sinceMs)
    return clock.now() - sinceMs < verdict.graceMs ? { is: 'starting' } : verdict
  }
}

/** For waiting until a container has started: undefined while it may, and throws why it will not. */
export function hasStarted(verdict: Verdict): true | undefined {
  if (verdict.is === 'blocked' || verdict.is === 'lost') throw verdict.failure
  return verdict.is === 'starting' ? undefined : true
}

/** Why the scheduler has not placed the pod yet; it may still do so, when the cluster grows for example. */
export function unschedulableReason(pod: V1Pod): string | undefined {
  const condition = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
  return condition?.status === 'False' ? condition.message : undefined
}

const POD_LOST: readonly ErrorCode[] = ['evicted', 'run-deadline-exceeded', 'run-lost']

/** Whether a failure is one of a whole pod, which another pod would not have. */
export const isPodLost = (error: unknown): error is StepError =>
  error instanceof StepError && POD_LOST.includes(error.code)

/** The same failure, told of something that has a name. */
export const titled = (title: string, error: StepError): StepError =>
  new StepError(error.code, `${title}: ${error.message}`, { detail: error.detail, cause: error })

/** How a container ended for good; one that fails again and again counts, although the kubelet will start it once more. */
function finalEnd(pod: V1Pod, status: V1ContainerStatus | undefined): V1ContainerStateTerminated | undefined {
  if (status?.state?.waiting?.reason === 'CrashLoopBackOff') return status.lastState?.terminated
  const terminated = status?.state?.terminated
  return terminated !== undefined && isStartedAgain(pod, status?.name, terminated) ? undefined : terminated
}

/** A container's own policy comes first; without one, an init container that ended well is not started again in any pod. */
function isStartedAgain(pod: V1Pod, name: string | undefined, { exitCode }: V1ContainerStateTerminated): boolean {
  const { containers = [], initContainers = [], restartPolicy = 'Never' } = pod.spec ?? {}
  const isNamed = (container: V1Container) => container.name === name
  const init = initContainers.find(isNamed)
  const own = (init ?? containers.find(isNamed))?.restartPolicy
  const isAlways = own === 'Always' || (own === undefined && init === undefined && restartPolicy === 'Always')
  return isAlways || (exitCode !== 0 && (own ?? restartPolicy) !== 'Never')
}

/** An init container that failed for good: what comes after it never starts, and no other status says so. */
function failedInit(pod: V1Pod, init: V1ContainerStatus): StepError | undefined {
  const terminated = finalEnd(pod, init)
  if (terminated === undefined) return undefined
  const isCrashing = init.state?.terminated === undefined
  if (terminated.exitCode === 0 && !isCrashing) return undefined
  const title = `the init container ${init.name}`
  const cause = terminationFailure(pod, terminated)
  return cause === undefined
    ? new StepError('start-failed', `${title} ended with exit code ${terminated.exitCode}`)
    : titled(title, cause)
}

function graceMsOf(pod: V1Pod, { code, detail = '', retryable }: StepError, ownSecret: string | undefined): number {
  if (retryable) return PULL_GRACE_MS
  const isUnknown = ownSecret !== undefined && detail.includes(ownSecret)
  // On a busy node a kubelet asks the registry without the Secret that it has not got yet, and is refused.
  const isRefused = code === 'image-denied' && (pod.spec?.imagePullSecrets?.length ?? 0) > 0
  return isUnknown || isRefused || NOT_SYNCED.test(detail) ? SECRET_GRACE_MS : 0
}

const PULL_HOST = 'ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PULL_HOST'

interface Pull {
  readonly image: string
  readonly message: string
}

const cannotPull = (code: ErrorCode, why: string) => ({
  code,
  message: ({ image, message }: Pull) => `cannot pull image ${image}: ${why} (${firstLine(message)})`
})

/** What a kubelet's pull error stands for. */
const PULL_FAILURES: Table<Pull> = {
  rules: [
    {
      pattern: /\b40[13]\b|unauthorized|forbidden|denied|authentication required|no basic auth/i,
      ...cannotPull('image-denied', 'the registry refused it: add an imagePullSecret for it, or make the image public')
    },
    {
      pattern: /not found|manifest unknown|name unknown|does not exist|no match for platform/i,
      ...cannotPull('image-not-found', 'there is no such image: check its name, tag and platform')
    },
    {
      // Both may be the fault of nobody: a registry that is restarted, and a kube-proxy that serves no node port on localhost.
      pattern: /\/\/localhost:(\d+)\/.* dial tcp (?:127\.0\.0\.1|\[::1\]):\1: .*(?:refused|timeout)/,
      code: 'image-pull-failed',
      message: ({ image }, [, port]) =>
        `cannot pull image ${image}: nothing answers on localhost:${port} of the node, as in kube-proxy's nftables mode: use ${PULL_HOST} (docs/registry.md)`
    }
  ],
  otherwise: cannotPull('image-pull-failed', 'the node could not reach its registry')
}
const REFUSED_BY_NODE: Table<Pull> = {
  rules: [],
  otherwise: cannotPull('image-invalid', 'this is not a valid image reference, or it may not be pulled on this node')
}

const startFailure = (message: string): StepError =>
  new StepError(
    'start-failed',
    `the container cannot start${unmapped(message)}${withoutProfile(message)}: ${firstLine(message)}`,
    {
      detail: message
    }
  )

/** What a waiting container will not get out of by waiting; a pull error that can heal is `image-pull-failed`. */
function waitingFailure(status: V1ContainerStatus | undefined): StepError | undefined {
  const { reason = '', message = '' } = status?.state?.waiting ?? {}
  const image = status?.image ?? 'the image'
  switch (reason) {
    case 'ErrImageNeverPull':
    case 'InvalidImageName':
      return failureFrom(REFUSED_BY_NODE, message, { image, message })
    case 'ErrImagePull':
    case 'ImagePullBackOff':
    case 'ImageInspectError':
    case 'RegistryUnavailable':
      return failureFrom(PULL_FAILURES, message, { image, message })
    case 'CreateContainerConfigError':
    case 'CreateContainerError':
    case 'RunContainerError':
      return startFailure(message)
    default:
      return undefined
  }
}

/** Reasons with which a container runtime says that the process never started. */
const START_ERRORS: readonly string[] = ['StartError', 'ContainerCannotRun']
/** Of the kubelet and of containerd for a container that was not found again after its node had been away. */
const UNKNOWN_ENDS: readonly string[] = ['ContainerStatusUnknown', 'Unknown']

const UNKNOWN_END = 'the node does not know how the container ended: it was restarted, or its container runtime was'

/** Why a container ended that was not its program's own doing; undefined when the exit code is the program's. */
function terminationFailure(pod: V1Pod, terminated: V1ContainerStateTerminated): StepError | undefined {
  const { reason = '', message = '' } = terminated
  if (START_ERRORS.includes(reason)) return startFailure(message)
  if (reason === 'OOMKilled') {
    return new StepError('out-of-memory', 'the container ran out of memory (OOMKilled): give it a higher memory limit')
  }
  const unknown = UNKNOWN_ENDS.includes(reason)
    ? new StepError('run-lost', UNKNOWN_END, { detail: message })
    : undefined
  return podFailure(pod) ?? unknown
}

/** Why a whole pod failed: evicted, past its deadline, refused by the kubelet, or deleted by somebody. */
function podFailure(pod: V1Pod): StepError | undefined {
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
