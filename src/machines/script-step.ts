/**
 * The script-step machine: run_script_step, one script in the job container that survives lost connections, for the hook.
 *
 *   executing -> succeeded | failed
 *
 * A script that ended by itself has nothing left to clean up; failures and CANCEL go through cleaningUp, which ends its processes.
 */
import { assign, fromPromise, setup } from 'xstate'
import { StepError } from '../errors.ts'
import type { ScriptBudgets, ScriptStageName } from './budgets.ts'
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
import { SCRIPT_STAGES, type StateMeta } from './states.ts'
import type { CancelEvent, Failure, Outcome, RunResult, StageRecord } from './types.ts'

/** One script or JavaScript action, as the runner asks for it (hook-protocol section 2). */
export interface ScriptRequest {
  /** Distinguishes this script from every other in the job pod; names its process and its files there. */
  readonly id: string
  readonly entryPoint: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Directories to put before PATH, the first one foremost. */
  readonly prependPath: readonly string[]
  readonly workingDirectory: string
}

export interface ScriptInput {
  readonly request: ScriptRequest
  readonly budgets: ScriptBudgets
  readonly now: () => number
}

export interface ScriptContext extends ScriptInput, EndingContext<ScriptStageName> {}

export interface ScriptOutput {
  readonly outcome: Outcome
  readonly exitCode: number
  readonly failure?: Failure | undefined
  readonly remaining: readonly string[]
  readonly stages: Readonly<Partial<Record<ScriptStageName, StageRecord>>>
}

const MACHINE_ID = 'script-step'

const notProvided = async (): Promise<never> => {
  throw new StepError('internal', 'a port of the script-step machine was not provided')
}

const processOf = (request: ScriptRequest): Ledger => [{ kind: 'process', name: request.id }]

const executing = stage<'executing', ScriptContext, ScriptRequest, RunResult>({
  ...endingIn(MACHINE_ID),
  name: 'executing',
  meta: SCRIPT_STAGES.executing,
  actor: 'execute',
  input: (context) => context.request,
  onDone: (_context, { exitCode }) => ({ exitCode }),
  done: [
    { target: 'succeeded', when: 'exit code 0', guard: (_context, { exitCode }) => exitCode === 0 },
    { target: 'failed', when: 'another exit code' }
  ],
  onFailed: noteFailure('executing')
})

export const scriptStep = setup({
  types: {
    context: {} as ScriptContext,
    events: {} as CancelEvent,
    input: {} as ScriptInput,
    output: {} as ScriptOutput,
    meta: {} as StateMeta
  },
  actors: {
    execute: fromPromise<RunResult, ScriptRequest>(notProvided),
    cleanUp: fromPromise<void, CleanUpInput>(notProvided),
    budget: fromPromise<void, BudgetInput>(notProvided),
    backOff: fromPromise<void, BackOffInput>(notProvided)
  }
}).createMachine({
  id: MACHINE_ID,
  context: ({ input }) => ({ ...input, ...NOTHING_ENDED, stages: {} }),
  initial: 'executing',
  output: ({ context }): ScriptOutput => ({
    outcome: outcomeOf(context),
    exitCode: exitCodeOf(context),
    failure: context.failure,
    remaining: context.remaining,
    stages: context.stages
  }),
  states: {
    executing: {
      ...executing,
      // The ledger knows before the call that starts it.
      entry: [
        assign(({ context }) => ({ ledger: record(context.ledger, processOf(context.request)) })),
        executing.entry
      ]
    },
    cleaningUp: cleaningUp<ScriptContext>(MACHINE_ID, SCRIPT_STAGES.cleaningUp, ['cancelled', 'failed']),
    succeeded: finalState('succeeded'),
    failed: finalState('failed'),
    cancelled: finalState('cancelled'),
    stuck: finalState('stuck')
  }
})
