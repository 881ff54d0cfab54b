/**
 * The container-step machine: everything that happens to one container action, for the hook, the local engine, the
 * visualizer and the model suite.
 *
 *   resolving -> building -> pushing -> pulling -> running -> collecting -> cleaningUp -> succeeded | failed | cancelled | stuck
 *
 * A prebuilt or already built image goes from resolving to pulling. Failures and CANCEL go to cleaningUp from wherever
 * they happen, except that whatever running ends with, collecting follows. Pure: the ports are provided by effects/wire.
 */
import { assign, fromPromise, setup } from 'xstate'
import { ERROR_CODES, StepError } from '../errors.ts'
import { CLEANUP_BUDGET_MS, type StageName, type Urgency } from './budgets.ts'
import { entryName, type Ledger, record } from './ledger.ts'
import { type BackOffInput, type BudgetInput, once, stage } from './stage.ts'
import { OUTCOMES, STAGES, type StateMeta } from './states.ts'
import type {
  BuildPlan,
  BuiltImage,
  Failure,
  Outcome,
  Resolution,
  RunResult,
  StepContext,
  StepEvent,
  StepInput,
  StepOutput,
  StepRequest
} from './types.ts'

const notProvided = async (): Promise<never> => {
  throw new StepError('internal', 'a port of the container-step machine was not provided')
}

/** Inputs of the actors that stand for ports; effects/wire connects each to one port method. */
export interface ImageInput {
  readonly image: string
  readonly request: StepRequest
}
export interface PushInput {
  readonly plan: BuildPlan
  readonly built: BuiltImage
}
export interface CleanUpInput {
  readonly ledger: Ledger
  readonly hurried: boolean
}

const MACHINE_ID = 'container-step'

/** The exit code the hook reports: the action's own whenever the action ran to its end. */
function exitCodeOf(context: StepContext): number {
  if (context.failure !== undefined) return context.exitCode || ERROR_CODES[context.failure.code].exitCode
  if (context.cancelled) return context.exitCode || ERROR_CODES.cancelled.exitCode
  return context.exitCode ?? ERROR_CODES.internal.exitCode
}

/** How the step ended, apart from what cleanup could not remove. */
function endOf(context: StepContext): Exclude<Outcome, 'stuck'> {
  if (context.cancelled) return 'cancelled'
  return context.failure === undefined && context.exitCode === 0 ? 'succeeded' : 'failed'
}

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new StepError('internal', `${what} is not known in this state`)
  return value
}

const planOf = (context: StepContext): BuildPlan => {
  if (context.resolution?.kind !== 'build') throw new StepError('internal', 'there is nothing to build in this state')
  return context.resolution.plan
}

const noteFailure =
  (name: StageName) =>
  (context: StepContext, error: StepError): Partial<StepContext> => {
    const failure: Failure = { code: error.code, stage: name, message: error.message, detail: error.detail }
    return { failure: context.failure ?? failure }
  }

const imageInput = (context: StepContext): ImageInput => ({
  image: must(context.image, 'the image'),
  request: context.request
})

const isCancelled = (context: StepContext) => endOf(context) === 'cancelled'
const isFailed = (context: StepContext) => endOf(context) === 'failed'

/** What most stages have in common: a failure leads to cleaningUp, and so does CANCEL. */
const common = <Name extends StageName>(name: Name) => ({
  machine: MACHINE_ID,
  name,
  meta: STAGES[name],
  failed: 'cleaningUp',
  onFailed: noteFailure(name),
  on: {
    CANCEL: {
      target: `#${MACHINE_ID}.cleaningUp`,
      actions: assign<StepContext, StepEvent, undefined, StepEvent, never>({ cancelled: true, urgency: 1 })
    }
  }
})

const toLedger = (list: keyof Resolution['creates']) => ({
  entry: assign<StepContext, StepEvent, undefined, StepEvent, never>(({ context }) => ({
    ledger: record(context.ledger, context.resolution?.creates[list] ?? [])
  }))
})

/** Adds what a stage will create to the ledger before the stage's actor starts. */
const recording = (list: keyof Resolution['creates'], config: any) => ({
  ...config,
  entry: [toLedger(list).entry, config.entry]
})

const finalState = (outcome: Outcome) => ({
  type: 'final' as const,
  meta: OUTCOMES[outcome],
  description: OUTCOMES[outcome].purpose
})

export const containerStep = setup({
  types: {
    context: {} as StepContext,
    events: {} as StepEvent,
    input: {} as StepInput,
    output: {} as StepOutput,
    meta: {} as StateMeta
  },
  actors: {
    resolve: fromPromise<Resolution, StepRequest>(notProvided),
    build: fromPromise<BuiltImage, BuildPlan>(notProvided),
    push: fromPromise<string, PushInput>(notProvided),
    pull: fromPromise<void, ImageInput>(notProvided),
    run: fromPromise<RunResult, ImageInput>(notProvided),
    collect: fromPromise<void, StepRequest>(notProvided),
    cleanUp: fromPromise<void, CleanUpInput>(notProvided),
    budget: fromPromise<void, BudgetInput>(notProvided),
    backOff: fromPromise<void, BackOffInput>(notProvided)
  }
}).createMachine({
  id: MACHINE_ID,
  context: ({ input }) => ({
    ...input,
    cancelled: false,
    urgency: 0,
    ledger: [],
    stuck: false,
    remaining: [],
    stages: {}
  }),
  initial: 'resolving',
  output: ({ context }): StepOutput => ({
    outcome: context.stuck ? 'stuck' : endOf(context),
    exitCode: exitCodeOf(context),
    image: context.image,
    failure: context.failure,
    remaining: context.remaining,
    stages: context.stages
  }),
  states: {
    resolving: once<'resolving', StepContext, StepRequest, Resolution>({
      ...common('resolving'),
      actor: 'resolve',
      input: (context) => context.request,
      onDone: (_context, resolution) => ({
        resolution,
        image: resolution.kind === 'build' ? undefined : resolution.image
      }),
      done: [
        { target: 'building', guard: (_context, resolution) => resolution.kind === 'build' },
        { target: 'pulling' }
      ]
    }),
    building: recording(
      'building',
      stage<'building', StepContext, BuildPlan, BuiltImage>({
        ...common('building'),
        actor: 'build',
        input: planOf,
        onDone: (_context, built) => ({ built }),
        done: [{ target: 'pushing' }]
      })
    ),
    pushing: stage<'pushing', StepContext, PushInput, string>({
      ...common('pushing'),
      actor: 'push',
      input: (context) => ({ plan: planOf(context), built: must(context.built, 'the built image') }),
      onDone: (_context, image) => ({ image }),
      done: [{ target: 'pulling' }]
    }),
    pulling: recording(
      'pulling',
      stage<'pulling', StepContext, ImageInput, void>({
        ...common('pulling'),
        actor: 'pull',
        input: imageInput,
        done: [{ target: 'running' }]
      })
    ),
    running: once<'running', StepContext, ImageInput, RunResult>({
      ...common('running'),
      actor: 'run',
      input: imageInput,
      onDone: (_context, result) => ({ exitCode: result.exitCode }),
      done: [{ target: 'collecting' }],
      failed: 'collecting'
    }),
    collecting: stage<'collecting', StepContext, StepRequest, void>({
      ...common('collecting'),
      actor: 'collect',
      input: (context) => context.request,
      done: [{ target: 'cleaningUp' }]
    }),
    cleaningUp: stage<'cleaningUp', StepContext, CleanUpInput, void>({
      ...common('cleaningUp'),
      actor: 'cleanUp',
      input: (context) => ({ ledger: context.ledger, hurried: context.urgency > 0 }),
      budgetMs: (context) => Math.min(context.budgets.cleaningUp.budgetMs, CLEANUP_BUDGET_MS[context.urgency]),
      done: [
        { target: 'cancelled', guard: isCancelled },
        { target: 'failed', guard: isFailed },
        { target: 'succeeded' }
      ],
      failed: 'stuck',
      onFailed: (context, error) => ({ stuck: true, remaining: error.remaining ?? context.ledger.map(entryName) }),
      on: {
        // Each CANCEL leaves less time: SIGINT, then SIGTERM. A third one cannot make it faster.
        CANCEL: {
          guard: ({ context }: { context: StepContext }) => context.urgency < 2,
          target: `#${MACHINE_ID}.cleaningUp`,
          reenter: true,
          actions: assign<StepContext, StepEvent, undefined, StepEvent, never>(({ context }) => ({
            urgency: (context.urgency + 1) as Urgency
          }))
        }
      }
    }),
    succeeded: finalState('succeeded'),
    failed: finalState('failed'),
    cancelled: finalState('cancelled'),
    stuck: finalState('stuck')
  }
})
