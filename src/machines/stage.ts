/**
 * The shape every stage has, for all machines: `stage()` makes a compound state attempting <-> backingOff under one time
 * budget, `once()` a state that is attempted a single time.
 *
 * Both invoke two kinds of actors besides their own: `budget` (a sleep that ends the stage) and `backOff` (a sleep between
 * attempts). They are invoked sleeps and not `after` delays, because a pending `after` is lost when a snapshot is restored.
 */
import { assign } from 'xstate'
import { StepError, toStepError } from '../errors.ts'
import { backOffMs, type StageBudget } from './budgets.ts'
import type { StateMeta } from './states.ts'
import type { StageRecord } from './types.ts'

/** What a context must have for its machine to be made of stages. */
export interface StagedContext<Name extends string> {
  readonly budgets: Readonly<Record<Name, StageBudget>>
  readonly now: () => number
  readonly stages: Readonly<Partial<Record<Name, StageRecord>>>
}

/** Input of the `backOff` actor. */
export interface BackOffInput {
  readonly stage: string
  /** The attempt that failed, from 1. */
  readonly attempt: number
  readonly ms: number
}

/** Input of the `budget` actor. */
export interface BudgetInput {
  readonly stage: string
  readonly ms: number
}

type Assignment<Context> = (context: Context) => Partial<Context>

interface DoneBranch<Context, Output> {
  /** Top-level state to go to. */
  readonly target: string
  /** What the guard asks for, in a few words, for the diagram. */
  readonly when?: string
  /** The first branch whose guard holds is taken; a branch without one always holds. */
  readonly guard?: (context: Context, output: Output) => boolean
}

export interface StageOptions<Name extends string, Context extends StagedContext<Name>, Input, Output> {
  /** Id of the machine; targets are addressed below it. */
  readonly machine: string
  /** Key of the state in the machine, and id of its actor. */
  readonly name: Name
  /** Name of the actor in `setup()`. */
  readonly actor: string
  readonly meta: StateMeta
  readonly input: (context: Context) => Input
  readonly done: readonly DoneBranch<Context, Output>[]
  readonly onDone?: (context: Context, output: Output) => Partial<Context>
  /** Where a permanent failure, the last failed attempt or an exhausted budget leads, and what is noted about it. */
  readonly failed: string
  readonly onFailed: (context: Context, error: StepError) => Partial<Context>
  readonly budgetMs?: (context: Context) => number
  /** Transitions that hold during the whole stage, CANCEL for example. */
  readonly on?: Readonly<Record<string, unknown>>
}

/** Attempts of a stage so far, the running one included. */
export function attemptsOf<Name extends string>(context: StagedContext<Name>, name: Name): number {
  return context.stages[name]?.attempts ?? 0
}

// XState's config types cannot be written for a context that is a type parameter. The parts below are checked against
// StageOptions; that they fit a machine is checked by the model suite, which takes every one of their transitions.
type StateConfig = any

/** What becomes of the context's record of one stage at each turn of the stage. */
function bookkeeping<Name extends string, Context extends StagedContext<Name>>(name: Name) {
  const note =
    (change: (record: StageRecord, context: Context) => StageRecord): Assignment<Context> =>
    (context) => {
      const record = context.stages[name] ?? { attempts: 0, startedAtMs: context.now() }
      return { stages: { ...context.stages, [name]: change(record, context) } } as Partial<Context>
    }
  return {
    started: note(({ startedAtMs }) => ({ attempts: 0, startedAtMs })),
    attempted: note((record) => ({ ...record, attempts: record.attempts + 1 })),
    ended: note((record, context) => ({ ...record, endedAtMs: context.now() })),
    willRetry: ({ code, message }: StepError) => note((record) => ({ ...record, lastFailure: { code, message } }))
  }
}

function parts<Name extends string, Context extends StagedContext<Name>, Input, Output>(
  options: StageOptions<Name, Context, Input, Output>
) {
  const { machine, name, actor, meta } = options
  const target = (state: string) => `#${machine}.${state}`
  const update = (change: (context: Context, event: StateConfig) => Partial<Context>) =>
    assign(({ context, event }: StateConfig) => change(context, event))
  const note = bookkeeping<Name, Context>(name)
  const failedWith = (errorOf: (context: Context, event: StateConfig) => StepError) => ({
    target: target(options.failed),
    actions: update((context, event) => options.onFailed(context, errorOf(context, event)))
  })
  return {
    /** The frame around one or many attempts: bookkeeping, budget, and what holds throughout. */
    frame: {
      meta,
      description: meta.purpose,
      entry: update(note.started),
      exit: update(note.ended),
      on: options.on ?? {},
      invoke: {
        id: `${name}.budget`,
        src: 'budget',
        input: ({ context }: { context: Context }): BudgetInput => ({
          stage: name,
          ms: options.budgetMs?.(context) ?? context.budgets[name].budgetMs
        }),
        onDone: failedWith((context) => timeoutError(context, options))
      }
    },
    attempt: {
      entry: update(note.attempted),
      invoke: {
        id: name,
        src: actor,
        input: ({ context }: { context: Context }) => options.input(context),
        onDone: options.done.map((branch) => ({
          target: target(branch.target),
          ...(branch.when !== undefined && { description: branch.when }),
          ...(branch.guard && {
            guard: ({ context, event }: StateConfig) => branch.guard?.(context, event.output) ?? true
          }),
          ...(options.onDone && { actions: update((context, event) => options.onDone?.(context, event.output) ?? {}) })
        }))
      }
    },
    noteRetry: update((context, event) => note.willRetry(toStepError(event.error))(context)),
    permanent: failedWith((_context, event) => toStepError(event.error))
  }
}

/** What a stage that ran out of time fails with: what its last attempt failed with, if there was one. */
function timeoutError<Name extends string, Context extends StagedContext<Name>>(
  context: Context,
  { name, meta, budgetMs }: { name: Name; meta: StateMeta; budgetMs?: (context: Context) => number }
): StepError {
  const seconds = (budgetMs?.(context) ?? context.budgets[name].budgetMs) / 1_000
  const last = context.stages[name]?.lastFailure
  return last === undefined
    ? new StepError('stage-timeout', `${meta.label} took longer than ${seconds} s`)
    : new StepError(last.code, `${last.message} (given up after ${seconds} s)`)
}

/** A stage of bounded attempts with exponential back-off; permanent failures leave at once. */
export function stage<Name extends string, Context extends StagedContext<Name>, Input, Output>(
  options: StageOptions<Name, Context, Input, Output>
): StateConfig {
  const { name } = options
  const { frame, attempt, noteRetry, permanent } = parts(options)
  const canRetry = ({ context, event }: { context: Context; event: StateConfig }) =>
    toStepError(event.error).retryable && attemptsOf(context, name) < context.budgets[name].attemptsMax
  return {
    ...frame,
    initial: 'attempting',
    states: {
      attempting: {
        ...attempt,
        invoke: {
          ...attempt.invoke,
          onError: [
            { guard: canRetry, description: 'retryable, attempts left', target: 'backingOff', actions: noteRetry },
            { ...permanent, description: 'permanent, or no attempt left' }
          ]
        }
      },
      backingOff: {
        invoke: {
          id: `${name}.backOff`,
          src: 'backOff',
          input: ({ context }: { context: Context }): BackOffInput => ({
            stage: name,
            attempt: attemptsOf(context, name),
            ms: backOffMs(context.budgets[name], attemptsOf(context, name))
          }),
          onDone: { target: 'attempting' }
        }
      }
    }
  }
}

/** A stage that is attempted once, whatever its failure: running, since user code is never run twice. */
export function once<Name extends string, Context extends StagedContext<Name>, Input, Output>(
  options: StageOptions<Name, Context, Input, Output>
): StateConfig {
  const { frame, attempt, permanent } = parts(options)
  return {
    ...frame,
    initial: 'attempting',
    states: { attempting: { ...attempt, invoke: { ...attempt.invoke, onError: permanent } } }
  }
}
