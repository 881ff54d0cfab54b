/** Whether all of a job pod is up, and if it cannot get there which container keeps it from it, for prepare_job. */
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { Clock } from '../../../machines/ports.ts'
import { isNotSetUp, notSetUp } from '../pods/set-up.ts'
import { createJudge, titled, unschedulableReason } from '../pods/status.ts'
import type { ExpectedContainer } from '../specs/job-plan.ts'

/** Less than the stage's own budget, so that the reason is told. */
export const MARGIN_MS = 1_000

/** Why the job cannot start. `container`: whose last log lines explain it, if any has. */
export interface NotUp {
  readonly error: StepError
  readonly container?: string | undefined
}

export interface ReadinessOptions {
  readonly expected: readonly ExpectedContainer[]
  /** On the clock; `timeoutMs` is counted from then. */
  readonly startedAtMs: number
  readonly timeoutMs: number
  readonly clock: Clock
}

/** Looks at a pod again and again; undefined while there is still something to wait for. Remembers since when what is wrong. */
export function createReadiness(options: ReadinessOptions): (pod: V1Pod) => 'up' | NotUp | undefined {
  const { expected, startedAtMs, timeoutMs, clock } = options
  const judge = createJudge(clock)
  const unhealthySinceMs = new Map<string, number>()
  /** Docker gives up a service whose health check has failed for as long. */
  const isUnhealthy = ({ name, unhealthyAfterMs }: ExpectedContainer): boolean => {
    const sinceMs = unhealthySinceMs.get(name) ?? clock.now()
    unhealthySinceMs.set(name, sinceMs)
    return unhealthyAfterMs !== undefined && clock.now() - sinceMs > unhealthyAfterMs
  }
  /** What keeps one container from being ready. One that nobody expects, a side-car of a template, may end as it likes. */
  const faultOf = (pod: V1Pod, name: string, statuses: readonly V1ContainerStatus[]): NotUp | undefined => {
    const known = expected.find((one) => one.name === name)
    const title = known?.title ?? `the container ${name}`
    const verdict = judge(pod, name)
    if (verdict.is === 'lost') return { error: verdict.failure }
    if (verdict.is === 'blocked') {
      const { by, failure, hasRun } = verdict
      return { error: by === name ? titled(title, failure) : failure, container: hasRun ? by : undefined }
    }
    if (known === undefined || isReady(known, statuses)) return undefined
    if (verdict.is === 'ended') {
      const { failure, terminated } = verdict
      const message = `${title} ended with exit code ${terminated.exitCode} before the job could start`
      return { error: failure ? titled(title, failure) : new StepError('start-failed', message), container: name }
    }
    if (verdict.is === 'running' && isUnhealthy(known)) {
      const error = new StepError('start-failed', `${title} is unhealthy: its health check never succeeded`)
      return { error, container: name }
    }
    return undefined
  }
  return (pod) => {
    const statuses = pod.status?.containerStatuses ?? []
    const names = new Set([...statuses, ...expected].map(({ name }) => name))
    for (const name of names) {
      const fault = faultOf(pod, name, statuses)
      if (fault !== undefined) return fault
    }
    const waitedFor = expected.filter((one) => !isReady(one, statuses))
    if (waitedFor.length === 0) return 'up'
    return clock.now() - startedAtMs > timeoutMs - MARGIN_MS ? tooLate(pod, waitedFor, timeoutMs) : undefined
  }
}

/** A service may also be a program with an end, and have reached it. */
function isReady({ name, mayEnd }: ExpectedContainer, statuses: readonly V1ContainerStatus[]): boolean {
  const status = statuses.find((one) => one.name === name)
  return status?.ready === true || (mayEnd && status?.state?.terminated?.exitCode === 0)
}

function tooLate(pod: V1Pod, waitedFor: readonly ExpectedContainer[], timeoutMs: number): NotUp {
  const limit = `within ${timeoutMs / 1_000} s`
  const unschedulable = unschedulableReason(pod)
  if (unschedulable !== undefined) {
    return { error: new StepError('unschedulable', `no node took the job pod ${limit}: ${unschedulable}`) }
  }
  if (isNotSetUp(pod)) return { error: notSetUp(pod, timeoutMs / 1_000, undefined) }
  const [first] = waitedFor
  const titles = waitedFor.map(({ title }) => title).join(', ')
  return { error: new StepError('start-failed', `not ready ${limit}: ${titles}`), container: first?.name }
}
