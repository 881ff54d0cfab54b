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
import { StepError } from '../errors.ts'
import type { StageName } from './budgets.ts'
import { cleaningUp, endingIn, exitCodeOf, finalState, NOTHING_ENDED, noteFailure, outcomeOf } from './ending.ts'
import type { BuildInput, CleanUpInput, CollectInput, PushInput, ResolveInput, RunInput } from './inputs.ts'
import { record } from './ledger.ts'
import { pushStateOf } from './push-state.ts'
import { attemptsOf, type BackOffInput, type BudgetInput, once, stage } from './stage.ts'
import { STAGES, type StateMeta } from './states.ts'
import type {
  BuildPlan,
  BuiltImage,
  CancelEvent,
  Resolution,
  RunResult,
  StepContext,
  StepInput,
  StepOutput
} from './types.ts'

const notProvided = async (): Promise<never> => {
  throw new StepError('internal', 'a port of the container-step machine was not provided')
}

const MACHINE_ID = 'container-step'

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new StepError('internal', `${what} is not known in this state`)
  return value
}

const resolutionOf = (context: StepContext): Resolution => must(context.resolution, 'what was resolved')

const planOf = (context: StepContext): BuildPlan => {
  if (context.resolution?.kind !== 'build') throw new StepError('internal', 'there is nothing to build in this state')
  return context.resolution.plan
}

const buildInput = (context: StepContext): BuildInput => {
  const { building, pushing } = context.budgets
  return {
    plan: planOf(context),
    nonce: resolutionOf(context).nonce,
    attempt: attemptsOf(context, 'building'),
    pushTriesMax: pushing.attemptsMax,
    deadlineMs: building.budgetMs + pushing.budgetMs
  }
}

const pushInput = (context: StepContext): PushInput => ({
  plan: planOf(context),
  built: must(context.built, 'the built image'),
  attempt: attemptsOf(context, 'pushing'),
  budget: context.budgets.pushing
})

const collectInput = (context: StepContext): CollectInput => ({
  nonce: resolutionOf(context).nonce,
  request: context.request
})

const runInput = (context: StepContext): RunInput => ({
  ...collectInput(context),
  image: must(context.image, 'the image'),
  isBuilt: resolutionOf(context).kind !== 'prebuilt'
})

/** What the stages of this machine have in common. */
const common = <Name extends StageName>(name: Name) => ({
  ...endingIn(MACHINE_ID),
  name,
  meta: STAGES[name],
  onFailed: noteFailure(name)
})

const toLedger = (list: keyof Resolution['creates']) => ({
  entry: assign<StepContext, CancelEvent, undefined, CancelEvent, never>(({ context }) => ({
    ledger: record(context.ledger, context.resolution?.creates[list] ?? [])
  }))
})

/** Adds what a stage will create to the ledger before the stage's actor starts. */
const recording = (list: keyof Resolution['creates'], config: any) => ({
  ...config,
  entry: [toLedger(list).entry, config.entry]
})

export const containerStep = setup({
  types: {
    context: {} as StepContext,
    events: {} as CancelEvent,
    input: {} as StepInput,
    output: {} as StepOutput,
    meta: {} as StateMeta
  },
  actors: {
    resolve: fromPromise<Resolution, ResolveInput>(notProvided),
    build: fromPromise<BuiltImage, BuildInput>(notProvided),
    push: fromPromise<string, PushInput>(notProvided),
    pull: fromPromise<void, RunInput>(notProvided),
    run: fromPromise<RunResult, RunInput>(notProvided),
    collect: fromPromise<void, CollectInput>(notProvided),
    cleanUp: fromPromise<void, CleanUpInput>(notProvided),
    budget: fromPromise<void, BudgetInput>(notProvided),
    backOff: fromPromise<void, BackOffInput>(notProvided)
  }
}).createMachine({
  id: MACHINE_ID,
  context: ({ input }) => ({
    ...input,
    ...NOTHING_ENDED,
    stages: {}
  }),
  initial: 'resolving',
  output: ({ context }): StepOutput => ({
    outcome: outcomeOf(context),
    exitCode: exitCodeOf(context),
    image: context.image,
    imageSource: context.resolution?.kind,
    failure: context.failure,
    remaining: context.remaining,
    stages: context.stages
  }),
  states: {
    resolving: stage<'resolving', StepContext, ResolveInput, Resolution>({
      ...common('resolving'),
      actor: 'resolve',
      input: ({ request, budgets }) => ({ request, buildAttemptsMax: budgets.building.attemptsMax }),
      onDone: (_context, resolution) => ({
        resolution,
        image: resolution.kind === 'build' ? undefined : resolution.image
      }),
      done: [
        { target: 'building', when: 'to build', guard: (_context, resolution) => resolution.kind === 'build' },
        { target: 'pulling', when: 'prebuilt or already built' }
      ]
    }),
    building: recording(
      'building',
      stage<'building', StepContext, BuildInput, BuiltImage>({
        ...common('building'),
        actor: 'build',
        input: buildInput,
        onDone: (_context, built) => ({ built }),
        done: [{ target: 'pushing' }]
      })
    ),
    pushing: stage<'pushing', StepContext, PushInput, string>({
      ...common('pushing'),
      actor: 'push',
      input: pushInput,
      onDone: (_context, image) => ({ image }),
      done: [{ target: 'pulling' }]
    }),
    pulling: recording(
      'pulling',
      stage<'pulling', StepContext, RunInput, void>({
        ...common('pulling'),
        actor: 'pull',
        input: runInput,
        done: [{ target: 'running' }]
      })
    ),
    running: once<'running', StepContext, RunInput, RunResult>({
      ...common('running'),
      actor: 'run',
      input: runInput,
      onDone: (_context, result) => ({ exitCode: result.exitCode }),
      done: [{ target: 'collecting' }],
      failed: 'collecting'
    }),
    collecting: stage<'collecting', StepContext, CollectInput, void>({
      ...common('collecting'),
      actor: 'collect',
      input: collectInput,
      done: [{ target: 'cleaningUp' }]
    }),
    cleaningUp: cleaningUp<StepContext>(
      MACHINE_ID,
      STAGES.cleaningUp,
      ['cancelled', 'failed', 'succeeded'],
      pushStateOf
    ),
    succeeded: finalState('succeeded'),
    failed: finalState('failed'),
    cancelled: finalState('cancelled'),
    stuck: finalState('stuck')
  }
})
