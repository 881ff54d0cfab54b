/** Which error codes a stage is known to end with, for the diagram and the docs. A code that is not listed is still reported as it is. */
import type { ErrorCode } from '../errors.ts'
import type { JobStageName, ScriptStageName, StageName } from './budgets.ts'

/** Codes that every stage may end with: the cluster itself, the stage's own budget, the local engine, and bugs. */
export const COMMON_CODES = [
  'cluster-forbidden',
  'cluster-rejected',
  'cluster-unreachable',
  'engine-missing',
  'stage-timeout',
  'internal'
] as const satisfies readonly ErrorCode[]

const POD_STARTS = [
  'image-not-found',
  'image-denied',
  'image-invalid',
  'image-pull-failed',
  'start-failed',
  'unschedulable'
] as const satisfies readonly ErrorCode[]

const POD_LOST = [
  'out-of-memory',
  'evicted',
  'run-lost',
  'run-deadline-exceeded'
] as const satisfies readonly ErrorCode[]

const CONTAINER_STEP: Readonly<Record<StageName, readonly ErrorCode[]>> = {
  resolving: [
    'invalid-input',
    'not-configured',
    'not-supported',
    'dockerfile-not-found',
    'files-refused',
    'workspace-delivery-failed',
    'registry-unreachable',
    'push-denied'
  ],
  building: [
    'invalid-input',
    'not-configured',
    'dockerfile-failed',
    'base-image-not-found',
    'base-image-denied',
    'base-registry-unreachable',
    'builder-image-unavailable',
    'builder-out-of-memory',
    'builder-lost',
    'context-delivery-failed',
    'files-refused',
    'unschedulable'
  ],
  pushing: [
    'push-denied',
    'push-failed',
    'registry-unreachable',
    'layout-lost',
    'builder-lost',
    'builder-image-unavailable'
  ],
  pulling: [
    'invalid-input',
    'not-configured',
    'not-supported',
    ...POD_STARTS,
    'workspace-delivery-failed',
    'files-refused'
  ],
  running: POD_LOST,
  collecting: ['collect-failed', 'files-refused', 'run-lost'],
  cleaningUp: ['cleanup-failed']
}

const JOB_START: Readonly<Record<JobStageName, readonly ErrorCode[]>> = {
  resolving: ['invalid-input', 'not-configured', 'not-supported'],
  placing: ['unschedulable', 'workspace-delivery-failed', 'files-refused'],
  starting: [...POD_STARTS, 'out-of-memory', 'evicted', 'run-lost', 'workspace-delivery-failed'],
  inspecting: ['run-lost'],
  cleaningUp: CONTAINER_STEP.cleaningUp
}

const SCRIPT_STEP: Readonly<Record<ScriptStageName, readonly ErrorCode[]>> = {
  executing: ['invalid-input', 'not-configured', 'workspace-delivery-failed', 'files-refused', ...POD_LOST],
  cleaningUp: CONTAINER_STEP.cleaningUp
}

/** By the id of the machine, then by the stage; what COMMON_CODES lists comes on top. */
export const STAGE_CODES: Readonly<Record<string, Readonly<Record<string, readonly ErrorCode[]>>>> = {
  'container-step': CONTAINER_STEP,
  'job-start': JOB_START,
  'script-step': SCRIPT_STEP
}
