/** Waiting for pods and following their containers to the end, for builds and runs. Results come from pod status, never from a socket. */
import type { V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { Clock } from '../../../machines/ports.ts'
import { within } from '../../within.ts'
import { containerIn } from '../api/container.ts'
import { createLogReader, type LogReader } from '../api/logs.ts'
import { createNodeWatch } from './node-watch.ts'
import { type Pods, watchStart } from './start-watch.ts'
import { type Ended, verdictOn } from './status.ts'

/**
 * The stock Role has no watch on pods, so status is polled: tightly at first, because most pods start or end within the kubelet's
 * second, then less (docs/adr/0007-status-is-polled-tightly.md).
 */
const TIGHT_POLL_MS = 20
const TIGHT_MS_MAX = 3_000
const POLL_MS = 150
/**
 * Most programs print something right before they end, and a kubelet ends a log a second after its last line: so long after a line
 * the status is read often, and may be first; and so long after the beginning.
 */
const LOG_SILENCE_MS = 1_200
/** In a longer silence the end of the log says when to look; this is only for a log connection that hangs. */
const POLL_FOLLOWING_MS = 2_000
const LOG_RECONNECT_MS = 250
const LOG_FINAL_READS_MAX = 5
/** How long the rest of a log is asked for when nobody answers. */
const LOG_FINAL_MS_MAX = 60_000
/** Of one of these readings. */
const LOG_FINAL_READ_MS_MAX = 10_000
/** A program that runs is not given up because the API server is restarted. */
const OUTAGE_MS_MAX = 10 * 60_000

/** Polls a pod until `check` gives a value. `check` throws to give up; a pod that is gone is `lost`. */
export async function waitForPod<T>(
  pods: Pods,
  name: string,
  check: (pod: V1Pod) => T | undefined,
  lost: () => StepError,
  signal: AbortSignal,
  pause: () => Promise<unknown> = createPause(pods.clock, signal)
): Promise<T> {
  const watch = watchStart(pods, name, signal)
  // Bounded by the signal: every stage has a budget.
  for (;;) {
    const pod = await pods.cluster.getPod(name, signal)
    if (pod === undefined) throw lost()
    const result = check(pod)
    if (result !== undefined) return result
    await watch(pod)
    await pause()
  }
}

/** Pauses between polls of something that is expected any moment, from now on. */
export function createPause(clock: Clock, signal: AbortSignal): () => Promise<void> {
  const pauseMs = pausesFromNow(clock)
  return () => clock.sleep(pauseMs(), signal)
}

function pausesFromNow(clock: Clock, tightMsMax = TIGHT_MS_MAX): () => number {
  const startedAtMs = clock.now()
  return () => (clock.now() - startedAtMs < tightMsMax ? TIGHT_POLL_MS : POLL_MS)
}

export interface FollowRequest {
  readonly pod: string
  readonly container: string
  readonly write: (chunk: Buffer) => void
  readonly lost: () => StepError
  /** Where the log begins that is asked for; undefined: at its beginning. */
  readonly since?: string | undefined
  /** Whether what was written is all that is waited for, although the container goes on. */
  readonly isEnough?: () => boolean
}

/** Streams a started container's log, whole and in order, and resolves when the pod's status says that it has ended. */
export async function followToEnd(
  pods: Pods,
  request: Omit<FollowRequest, 'isEnough'>,
  signal: AbortSignal
): Promise<Ended> {
  return requireEnd(await follow(pods, request, signal))
}

export function requireEnd(ended: Ended | 'enough'): Ended {
  if (ended === 'enough') throw new StepError('internal', 'a log was taken for whole before its end')
  return ended
}

/** The same, unless its log says before that there is nothing more to wait for. */
export async function follow(pods: Pods, request: FollowRequest, signal: AbortSignal): Promise<Ended | 'enough'> {
  const { cluster, clock } = pods
  const { pod, container, write, lost, since, isEnough = () => false } = request
  const source = containerIn(cluster, pod, container)
  const stopFollowing = new AbortController()
  const logSignal = AbortSignal.any([signal, stopFollowing.signal])
  let isLogAtEnd = false
  let heardAtMs = clock.now()
  const isSilent = () => clock.now() - heardAtMs > LOG_SILENCE_MS
  // Many are over by now, or in a moment: so their end is seen within the kubelet's second.
  const soonMs = pausesFromNow(clock, LOG_SILENCE_MS)
  let pauseAtEnd: (() => Promise<void>) | undefined
  let look = () => {}
  const hear = (chunk: Buffer) => {
    if (isSilent()) look()
    heardAtMs = clock.now()
    write(chunk)
    if (isEnough()) look()
  }
  const reader = createLogReader(source, hear, since)
  const followLog = async () => {
    while (!logSignal.aborted) {
      isLogAtEnd = (await reader.read(true, logSignal)) === 'whole'
      if (isLogAtEnd) look()
      await clock.sleep(LOG_RECONNECT_MS, logSignal).catch(() => {})
    }
  }
  // Not before the first look: many programs have ended by then, and their log is read once.
  let following: Promise<void> | undefined
  const pause = () => {
    following ??= followLog()
    if (isLogAtEnd) {
      // The container has ended, usually: the status is due any moment.
      pauseAtEnd ??= createPause(clock, signal)
      return pauseAtEnd()
    }
    // Anew each time: a log that was at its end once may be cut when it is asked for again.
    const hint = new Promise<void>((resolve) => {
      look = resolve
    })
    const pauseMs = isSilent() ? POLL_FOLLOWING_MS : soonMs()
    return Promise.race([hint, clock.sleep(pauseMs, logSignal).catch(() => signal.throwIfAborted())])
  }
  void createNodeWatch(pods, source)(logSignal)
  try {
    const check = (current: V1Pod) => endOf(current, container) ?? (isEnough() ? 'enough' : undefined)
    const wait = (checkOnce: typeof check) => waitForPod(pods, pod, checkOnce, lost, signal, pause)
    const ended = await throughOutages(clock, wait, check, signal)
    // All of the log is there by now, and is not waited for on a connection that may hang.
    stopFollowing.abort()
    await following
    await readRest(reader, pods, signal)
    return ended
  } finally {
    stopFollowing.abort()
  }
}

/** What the last connection did not bring. */
async function readRest(reader: LogReader, { clock, reporter }: Pods, signal: AbortSignal): Promise<void> {
  const startedAtMs = clock.now()
  for (let refusals = 0; refusals < LOG_FINAL_READS_MAX; ) {
    // A connection may be silent for ever; a reading goes on where the one before was left.
    const reading = await within(clock, LOG_FINAL_READ_MS_MAX, (timed) => reader.read(false, timed), signal)
    if (reading === 'whole') return
    if (reading === 'refused') refusals += 1
    else if (clock.now() - startedAtMs > LOG_FINAL_MS_MAX) {
      return reporter.warning('The end of the log is missing: the Kubernetes API did not give it')
    }
    await clock.sleep(LOG_RECONNECT_MS, signal)
  }
}

/** Goes on waiting while the API server does not answer, which tells nothing about what runs on the node. */
export async function throughOutages<T>(
  clock: Clock,
  wait: (check: (pod: V1Pod) => T | undefined) => Promise<T>,
  check: (pod: V1Pod) => T | undefined,
  signal: AbortSignal
): Promise<T> {
  let unreachableSinceMs: number | undefined
  for (;;) {
    try {
      return await wait((pod) => {
        unreachableSinceMs = undefined
        return check(pod)
      })
    } catch (error) {
      if (!(error instanceof StepError && error.code === 'cluster-unreachable')) throw error
      unreachableSinceMs ??= clock.now()
      if (clock.now() - unreachableSinceMs > OUTAGE_MS_MAX) throw error
      await clock.sleep(LOG_RECONNECT_MS, signal)
    }
  }
}

/** How a container that was started has ended, if it has; throws when its pod failed without saying so for the container. */
function endOf(pod: V1Pod, container: string): Ended | undefined {
  const verdict = verdictOn(pod, container)
  if (verdict.is === 'lost') throw verdict.failure
  return verdict.is === 'ended' ? verdict : undefined
}
