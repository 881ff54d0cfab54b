/**
 * The job-start machine: prepare_job, from what the workflow asks for to a job pod that is up, for the hook.
 *
 *   resolving -> placing -> starting -> inspecting -> succeeded
 *
 * Failures and CANCEL go through cleaningUp to failed | cancelled | stuck. After success the pod stays: cleanup_job removes it.
 */
import { assign, fromPromise, setup } from 'xstate'
import { StepError } from '../errors.ts'
import type { JobBudgets, JobStageName } from './budgets.ts'
import {
  cleaningUp,
  type EndingContext,
  endingIn,
  exitCodeOf,
  finalState,
  NOTHING_ENDED,
  noteFailure,
  outcomeOf
} from './ending.ts'
import type { CleanUpInput } from './inputs.ts'
import { type Ledger, record } from './ledger.ts'
import { type BackOffInput, type BudgetInput, stage } from './stage.ts'
import { JOB_STAGES, type StateMeta } from './states.ts'
import type { CancelEvent, Failure, Mount, Outcome, StageRecord } from './types.ts'

/** Credentials for pulling one image (hook-protocol section 2, Registry). */
export interface RegistryCredentials {
  readonly username: string
  readonly password: string
  /** Host of the registry; empty for Docker Hub. */
  readonly server: string
}

/** The job container or a service, as the workflow describes it. */
export interface ContainerRequest {
  readonly image: string
  /** Replaces the image's ENTRYPOINT; undefined keeps it. */
  readonly entryPoint?: string | undefined
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly workingDirectory?: string | undefined
  /** `docker create` options, as one string. */
  readonly createOptions?: string | undefined
  /** `[host:]port[/protocol]`. */
  readonly ports: readonly string[]
  /** The workflow's own volumes. */
  readonly volumes: readonly Mount[]
  readonly credentials?: RegistryCredentials | undefined
}

export interface JobRequest {
  /** Undefined: services only. */
  readonly container?: ContainerRequest | undefined
  readonly services: readonly ContainerRequest[]
  /** What the runner mounts into the job container (hook-protocol section 2, system mounts). */
  readonly mounts: readonly Mount[]
}

/** What the runner is told about a job that is up. */
export interface JobFacts {
  readonly pod: string
  /** Where the pod's files are: its own copies, or the runner's volume. */
  readonly storage: 'copy' | 'volume'
  readonly isAlpine: boolean
}

export interface JobInput {
  readonly request: JobRequest
  readonly budgets: JobBudgets
  readonly now: () => number
}

export interface JobContext extends JobInput, EndingContext<JobStageName> {
  readonly planned: Ledger
  readonly facts?: JobFacts | undefined
}

export interface JobOutput {
  readonly outcome: Outcome
  readonly exitCode: number
  readonly facts?: JobFacts | undefined
  readonly failure?: Failure | undefined
  readonly remaining: readonly string[]
  readonly stages: Readonly<Partial<Record<JobStageName, StageRecord>>>
}

const MACHINE_ID = 'job-start'

const notProvided = async (): Promise<never> => {
  throw new StepError('internal', 'a port of the job-start machine was not provided')
}

const common = <Name extends JobStageName>(name: Name) => ({
  ...endingIn(MACHINE_ID),
  name,
  meta: JOB_STAGES[name],
  input: (context: JobContext) => context.request,
  onFailed: noteFailure(name)
})

const placing = stage<'placing', JobContext, JobRequest, void>({
  ...common('placing'),
  actor: 'place',
  done: [{ target: 'starting' }]
})

export const jobStart = setup({
  types: {
    context: {} as JobContext,
    events: {} as CancelEvent,
    input: {} as JobInput,
    output: {} as JobOutput,
    meta: {} as StateMeta
  },
  actors: {
    plan: fromPromise<Ledger, JobRequest>(notProvided),
    place: fromPromise<void, JobRequest>(notProvided),
    start: fromPromise<void, JobRequest>(notProvided),
    inspect: fromPromise<JobFacts, JobRequest>(notProvided),
    cleanUp: fromPromise<void, CleanUpInput>(notProvided),
    budget: fromPromise<void, BudgetInput>(notProvided),
    backOff: fromPromise<void, BackOffInput>(notProvided)
  }
}).createMachine({
  id: MACHINE_ID,
  context: ({ input }) => ({ ...input, ...NOTHING_ENDED, planned: [], stages: {} }),
  initial: 'resolving',
  output: ({ context }): JobOutput => ({
    outcome: outcomeOf(context),
    exitCode: exitCodeOf(context),
    facts: context.facts,
    failure: context.failure,
    remaining: context.remaining,
    stages: context.stages
  }),
  states: {
    resolving: stage<'resolving', JobContext, JobRequest, Ledger>({
      ...common('resolving'),
      actor: 'plan',
      onDone: (_context, planned) => ({ planned }),
      done: [{ target: 'placing' }]
    }),
    placing: {
      ...placing,
      // The ledger knows before the call that creates.
      entry: [assign(({ context }) => ({ ledger: record(context.ledger, context.planned) })), placing.entry]
    },
    starting: stage<'starting', JobContext, JobRequest, void>({
      ...common('starting'),
      actor: 'start',
      done: [{ target: 'inspecting' }]
    }),
    inspecting: stage<'inspecting', JobContext, JobRequest, JobFacts>({
      ...common('inspecting'),
      actor: 'inspect',
      onDone: (_context, facts) => ({ facts, exitCode: 0 }),
      done: [{ target: 'succeeded' }]
    }),
    cleaningUp: cleaningUp<JobContext>(MACHINE_ID, JOB_STAGES.cleaningUp, ['cancelled', 'failed']),
    succeeded: finalState('succeeded'),
    failed: finalState('failed'),
    cancelled: finalState('cancelled'),
    stuck: finalState('stuck')
  }
})
