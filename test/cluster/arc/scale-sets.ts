/** What GitHub knows of scale sets, their runners and their jobs. */
import { randomUUID } from 'node:crypto'
import { createMessageQueue, type MessageQueue } from './message-queue.ts'

export interface Runner {
  readonly id: number
  readonly name: string
  readonly runnerScaleSetId: number
  /** A runner with a job cannot be removed. */
  isBusy: boolean
}

export interface ScaleSet {
  readonly id: number
  readonly name: string
  /** All that ARC said of it, which it wants to hear again. */
  readonly given: object
  readonly queue: MessageQueue
  assignedJobs: number
}

export const scaleSets = new Map<number, ScaleSet>()
export const runners = new Map<number, Runner>()
let nextId = 100

export function addScaleSet(given: { readonly name: string }): ScaleSet {
  const added = { id: nextId++, name: given.name, given, queue: createMessageQueue(), assignedJobs: 0 }
  scaleSets.set(added.id, added)
  return added
}

export function addRunner(name: string, runnerScaleSetId: number): Runner {
  const added = { id: nextId++, name, runnerScaleSetId, isBusy: false }
  runners.set(added.id, added)
  return added
}

export const statisticsOf = ({ assignedJobs }: ScaleSet) => ({
  totalAvailableJobs: 0,
  totalAcquiredJobs: 0,
  totalAssignedJobs: assignedJobs,
  totalRunningJobs: 0,
  totalRegisteredRunners: 0,
  totalBusyRunners: 0,
  totalIdleRunners: 0
})

/** A job waits for a runner of this scale set: ARC makes one more. */
export function assignJob(scaleSet: ScaleSet): void {
  scaleSet.assignedJobs += 1
  scaleSet.queue.push([], statisticsOf(scaleSet))
}

/** The job of a runner has begun. */
export function startJob(runner: Runner): void {
  runner.isBusy = true
  tell(runner, {
    messageType: 'JobStarted',
    repositoryName: 'repo',
    ownerName: 'org',
    jobWorkflowRef: 'org/repo/.github/workflows/try.yml@refs/heads/main',
    jobDisplayName: 'try',
    workflowRunId: 1,
    eventName: 'push',
    requestLabels: ['self-hosted']
  })
}

/** The job of a runner has ended, or GitHub has given it up. */
export function completeJob(runner: Runner): void {
  runner.isBusy = false
  const scaleSet = scaleSets.get(runner.runnerScaleSetId)
  if (scaleSet !== undefined) scaleSet.assignedJobs -= 1
  tell(runner, { messageType: 'JobCompleted', result: 'succeeded' })
}

function tell(runner: Runner, happened: object): void {
  const scaleSet = scaleSets.get(runner.runnerScaleSetId)
  const now = new Date().toISOString()
  const times = { queueTime: now, scaleSetAssignTime: now, runnerAssignTime: now, finishTime: now }
  const job = { runnerId: runner.id, runnerName: runner.name, runnerRequestId: nextId++, jobId: randomUUID() }
  scaleSet?.queue.push([{ ...happened, ...job, ...times }], statisticsOf(scaleSet))
}
