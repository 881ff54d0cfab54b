/** Waiting for pods and following their containers to the end, for builds and runs. Results come from pod status, never from a socket. */
import type { V1ContainerStateTerminated, V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../errors.ts'
import type { Clock } from '../../machines/ports.ts'
import type { Reporter } from '../reporter.ts'
import type { Cluster } from './client.ts'
import { createLogReader } from './logs.ts'
import { containerStatus, podFailure, unschedulableReason } from './pod-failures.ts'

/** The stock Role has no watch on pods, so status is polled: tightly while something is expected any moment. */
const POLL_MS = 100
/** While a log is followed its end says when to look; this is only for a log connection that hangs. */
const POLL_FOLLOWING_MS = 2_000
const LOG_RECONNECT_MS = 250
/** How long a cluster may take to find or make a node; below every stage's own budget, so that the reason is told. */
const SCHEDULING_MS_MAX = 9 * 60_000
/** After the container has ended, how long its log may still take to arrive. */
const LOG_GRACE_MS = 3_000
const LOG_FINAL_READS_MAX = 5

export interface Pods {
  readonly cluster: Cluster
  readonly clock: Clock
  readonly reporter: Reporter
  /** How long a cluster may take to find or make a node; undefined: nine minutes. */
  readonly schedulingMsMax?: number | undefined
}

/** Polls a pod until `check` gives a value. `check` throws to give up; a pod that is gone is `lost`. */
export async function waitForPod<T>(
  { cluster, clock, reporter, schedulingMsMax = SCHEDULING_MS_MAX }: Pods,
  name: string,
  check: (pod: V1Pod) => T | undefined,
  lost: () => StepError,
  signal: AbortSignal,
  pause: () => Promise<unknown> = () => clock.sleep(POLL_MS, signal)
): Promise<T> {
  const startedAtMs = clock.now()
  let saidUnschedulable: string | undefined
  // Bounded by the signal: every stage has a budget.
  for (;;) {
    const pod = await cluster.getPod(name, signal)
    if (pod === undefined) throw lost()
    const result = check(pod)
    if (result !== undefined) return result
    const reason = unschedulableReason(pod)
    if (reason !== undefined && reason !== saidUnschedulable) {
      reporter.line(`Waiting for a node for pod ${name}: ${reason}`)
      saidUnschedulable = reason
    }
    if (reason !== undefined && clock.now() - startedAtMs > schedulingMsMax) {
      throw new StepError('unschedulable', `no node took pod ${name} within ${schedulingMsMax / 1_000} s: ${reason}`)
    }
    await pause()
  }
}

export interface FollowRequest {
  readonly pod: string
  readonly container: string
  readonly write: (chunk: Buffer) => void
  readonly lost: () => StepError
}

/** What a container ended with, and the pod as it was then. */
export interface Ended {
  readonly pod: V1Pod
  readonly terminated: V1ContainerStateTerminated
}

/** Streams a started container's log, whole and in order, and resolves when the pod's status says that it has ended. */
export async function followToEnd(pods: Pods, request: FollowRequest, signal: AbortSignal): Promise<Ended> {
  const { cluster, clock } = pods
  const { pod, container, write, lost } = request
  const source = { access: cluster.access, namespace: cluster.namespace, pod, container }
  const reader = createLogReader(source, write)
  const stopFollowing = new AbortController()
  const logSignal = AbortSignal.any([signal, stopFollowing.signal])
  let isLogAtEnd = false
  let tellLogAtEnd = () => {}
  const logAtEnd = new Promise<void>((resolve) => {
    tellLogAtEnd = resolve
  })
  const following = (async () => {
    while (!logSignal.aborted) {
      isLogAtEnd = await reader.read(true, logSignal)
      if (isLogAtEnd) tellLogAtEnd()
      await clock.sleep(LOG_RECONNECT_MS, logSignal).catch(() => {})
    }
  })()
  // The end of the log says that the container has ended, usually; then the status is due any moment.
  const pause = () =>
    isLogAtEnd
      ? clock.sleep(POLL_MS, signal)
      : Promise.race([logAtEnd, clock.sleep(POLL_FOLLOWING_MS, logSignal).catch(() => signal.throwIfAborted())])
  try {
    const ended = await waitForPod(pods, pod, (current) => endOf(current, container), lost, signal, pause)
    if (!isLogAtEnd) await Promise.race([logAtEnd, clock.sleep(LOG_GRACE_MS, logSignal).catch(() => {})])
    stopFollowing.abort()
    await following
    // What the last connection did not bring.
    for (let reads = 0; reads < LOG_FINAL_READS_MAX && !(await reader.read(false, signal)); reads += 1) {
      await clock.sleep(LOG_RECONNECT_MS, signal)
    }
    return ended
  } finally {
    stopFollowing.abort()
  }
}

/** How a container ended, if it has; throws when its pod failed without saying so for the container. */
export function endOf(pod: V1Pod, container: string): Ended | undefined {
  const terminated = containerStatus(pod, container)?.state?.terminated
  if (terminated !== undefined) return { pod, terminated }
  const failure = podFailure(pod)
  if (failure !== undefined) throw failure
  return undefined
}
