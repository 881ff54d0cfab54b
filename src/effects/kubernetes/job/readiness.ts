/** Whether all of a job pod is up, and if it cannot get there which container keeps it from it, for prepare_job. */
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { Clock } from '../../../machines/ports.ts'
import { createPatience } from '../pods/grace.ts'
import { failedInit, podFailure, terminationFailure, unschedulableReason, waitingFailure } from '../pods/status.ts'
import type { ExpectedContainer } from '../specs/job-plan.ts'

/** Less than the stage's own budget, so that the reason is told. */
export const MARGIN_MS = 1_000

/** Why the job cannot start. `container`: whose last log lines explain it, if any has. */
export interface NotUp {
  readonly error: StepError
  readonly container?: string | undefined
}

type Verdict = 'up' | NotUp | undefined

export interface ReadinessOptions {
  readonly expected: readonly ExpectedContainer[]
  /** On the clock; `timeoutMs` is counted from then. */
  readonly startedAtMs: number
  readonly timeoutMs: number
  readonly clock: Clock
}

/** Looks at a pod again and again; undefined while there is still something to wait for. Remembers since when what is wrong. */
export function createReadiness(options: ReadinessOptions): (pod: V1Pod) => Verdict {
  const { expected, startedAtMs, timeoutMs, clock } = options
  const isPatient = createPatience(clock)
  const since = new Map<string, number>()
  const hasLasted = (what: string, ms: number): boolean => {
    const start = since.get(what) ?? clock.now()
    since.set(what, start)
    return clock.now() - start > ms
  }
  const verdictOn = (pod: V1Pod, status: V1ContainerStatus): Verdict => {
    const known = expected.find(({ name }) => name === status.name)
    const title = known?.title ?? `the container ${status.name}`
    const waiting = waitingFailure(status)
    if (waiting !== undefined && !isPatient(pod, waiting, status)) {
      return { error: titled(title, waiting) }
    }
    if (known === undefined) return undefined
    if (isReady(known, status)) return 'up'
    if (status.state?.waiting?.reason === 'CrashLoopBackOff') return ended(pod, status, title)
    if (status.state?.terminated !== undefined && pod.spec?.restartPolicy === 'Never') return ended(pod, status, title)
    const isUnhealthy = status.state?.running !== undefined && !status.ready
    if (isUnhealthy && known.unhealthyAfterMs !== undefined && hasLasted(status.name, known.unhealthyAfterMs)) {
      const error = new StepError('start-failed', `${title} is unhealthy: its health check never succeeded`)
      return { error, container: status.name }
    }
    return undefined
  }
  return (pod) => {
    const lost = failedInitOf(pod) ?? podFailure(pod)
    if (lost !== undefined) return 'error' in lost ? lost : { error: lost }
    const { containerStatuses: statuses = [], initContainerStatuses = [] } = pod.status ?? {}
    const verdicts = [...initContainerStatuses.filter(isWaiting), ...statuses].map((status) => verdictOn(pod, status))
    const notUp = verdicts.find((verdict) => typeof verdict === 'object')
    if (notUp !== undefined) return notUp
    const waitedFor = expected.filter(
      (one) =>
        !isReady(
          one,
          statuses.find(({ name }) => name === one.name)
        )
    )
    if (waitedFor.length === 0) return 'up'
    return clock.now() - startedAtMs > timeoutMs - MARGIN_MS ? tooLate(pod, waitedFor, timeoutMs) : undefined
  }
}

/** A service may also be a program with an end, and have reached it. */
const isReady = ({ mayEnd }: ExpectedContainer, status: V1ContainerStatus | undefined): boolean =>
  status?.ready === true || (mayEnd && status?.state?.terminated?.exitCode === 0)

const isWaiting = ({ state }: V1ContainerStatus): boolean => state?.waiting !== undefined

const titled = (title: string, error: StepError): StepError =>
  new StepError(error.code, `${title}: ${error.message}`, { detail: error.detail, cause: error })

function ended(pod: V1Pod, status: V1ContainerStatus, title: string): Verdict {
  const terminated = status.state?.terminated ?? status.lastState?.terminated
  if (terminated === undefined) return undefined
  const { exitCode } = terminated
  const cause = terminationFailure(pod, terminated)
  const error =
    cause === undefined
      ? new StepError('start-failed', `${title} ended with exit code ${exitCode} before the job could start`)
      : titled(title, cause)
  return { error, container: status.name }
}

function failedInitOf(pod: V1Pod): NotUp | undefined {
  const failed = failedInit(pod)
  if (failed === undefined) return undefined
  const verdict = ended(pod, failed, `the init container ${failed.name}`)
  return typeof verdict === 'object' ? verdict : undefined
}

function tooLate(pod: V1Pod, waitedFor: readonly ExpectedContainer[], timeoutMs: number): NotUp {
  const limit = `within ${timeoutMs / 1_000} s`
  const unschedulable = unschedulableReason(pod)
  if (unschedulable !== undefined) {
    return { error: new StepError('unschedulable', `no node took the job pod ${limit}: ${unschedulable}`) }
  }
  const [first] = waitedFor
  const titles = waitedFor.map(({ title }) => title).join(', ')
  return { error: new StepError('start-failed', `not ready ${limit}: ${titles}`), container: first?.name }
}
