/**
 * The shape every stage has, for all machines: attempting <-> backingOff under one time budget, or a single attempt.
 *
 * Both invoke two kinds of actors besides their own: `budget` (a sleep that ends the stage) and `backOff` (a sleep between
 * attempts). They are invoked sleeps and not `after` delays, because a pending `after` is lost when a snapshot is restored.
 */
import { assign, type EventObject, emit } from 'xstate'
import { StepError, toStepError } from '../errors.ts'
import { type Ledger, record } from './ledger.ts'
import type { Fact, Phase, RunContext, RunEvent, StageRecord } from './run.ts'
import type { AnyStageName } from './stages.ts'
import type { Stage, StageBudget } from './table.ts'

/** A context of whichever machine. */
export type AnyContext = RunContext<unknown, string>

/** An event as a transition sees it: an actor's answer has one of both. */
export interface Answer extends EventObject {
  readonly output?: unknown
  readonly error?: unknown
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

// Members with parameters are methods, so that the options of one machine fit what is asked of any.
export interface DoneBranch<Context, Output, State extends string> {
  readonly target: State
  /** What the guard asks for, in a few words, for the diagram. */
  readonly when?: string
  /** The first branch whose guard holds is taken; a branch without one always holds. */
  guard?(context: Context, output: Output): boolean
}

export interface StageOptions<Context, Input, Output, State extends string> {
  /** Name of the actor in the machine. */
  readonly actor: string
  input(context: Context): Input
  readonly done: readonly DoneBranch<Context, Output, State>[]
  onDone?(context: Context, output: Output): Partial<Context>
  /** What the stage is going to create. The ledger knows it before the call that does. */
  creates?(context: Context): Ledger
  /** Where a permanent failure, the last failed attempt or a budget that is used up leads, and what is noted about it. */
  readonly failed: State
  onFailed(context: Context, error: StepError): Partial<Context>
  budgetMs?(context: Context): number
  /** A CANCEL while the stage goes on. */
  readonly cancel: object
}

/** A stage, and which machine it is a part of. */
export interface StageInMachine {
  /** Id of the machine; targets are addressed below it. */
  readonly machine: string
  /** Key of the state in the machine, and id of its actor. */
  readonly name: AnyStageName
  readonly stage: Stage
}

export type Options = StageOptions<AnyContext, unknown, unknown, string>
type Change = (context: AnyContext, event: Answer) => Partial<AnyContext>

/** Attempts of a stage so far, the running one included. */
export const attemptsOf = (context: Pick<AnyContext, 'stages'>, name: string): number =>
  context.stages[name]?.attempts ?? 0

const budgetOf = (context: AnyContext, name: string): StageBudget => {
  const budget = context.budgets[name]
  if (budget === undefined) throw new StepError('internal', `the stage ${name} has no budget`)
  return budget
}

/** The delay before attempt `attempt + 1`, without jitter: exponential, capped. Milliseconds. */
export const backOffMs = (budget: Pick<StageBudget, 'backOffMs' | 'backOffMsMax'>, attempt: number): number =>
  Math.min(budget.backOffMs * 2 ** Math.max(0, attempt - 1), budget.backOffMsMax)

export const update = (change: Change) =>
  assign<AnyContext, Answer, undefined, RunEvent, never>(({ context, event }) => change(context, event))

export const tell = (fact: (context: AnyContext, event: Answer) => Fact) =>
  emit<AnyContext, Answer, undefined, RunEvent, Fact>(({ context, event }) => fact(context, event))

/** What becomes of the context's record of one stage at each turn of the stage. */
function bookkeeping(name: string) {
  const note =
    (change: (record: StageRecord, context: AnyContext, event: Answer) => StageRecord): Change =>
    (context, event) => {
      const before = context.stages[name] ?? { attempts: 0, startedAtMs: context.now() }
      return { stages: { ...context.stages, [name]: change(before, context, event) } }
    }
  return {
    started: note(({ startedAtMs }) => ({ attempts: 0, startedAtMs })),
    attempted: note((before) => ({ ...before, attempts: before.attempts + 1 })),
    ended: note((before, context) => ({ ...before, endedAtMs: context.now() })),
    willRetry: note((before, _context, event) => {
      const { code, message, remaining } = toStepError(event.error)
      return { ...before, lastFailure: { code, message, ...(remaining !== undefined && { remaining }) } }
    })
  }
}

/** `part`: the state inside the stage, where it is not called as its phase is. */
export const tellEntered = (stage: AnyStageName, phase: Phase, part: string = phase) =>
  tell((context, { type }) => ({
    type: 'entered',
    state: `${stage}.${part}`,
    event: type,
    at: { stage, phase, attempt: attemptsOf(context, stage) }
  }))

const tellFailed = (stage: AnyStageName, retrying: boolean) =>
  tell((context, event) => {
    const { code, message } = toStepError(event.error)
    const attempt = attemptsOf(context, stage)
    const nextInMs = retrying ? backOffMs(budgetOf(context, stage), attempt) : undefined
    return { type: 'attemptFailed', stage, attempt, code, message, retrying, nextInMs }
  })

const tellTimedOut = (stage: AnyStageName, budgetMs: (context: AnyContext) => number) =>
  tell((context) => ({
    type: 'timedOut',
    stage,
    attempt: attemptsOf(context, stage),
    afterMs: budgetMs(context)
  }))

/** What all kinds of stages are made of. */
export function parts({ machine, name, stage }: StageInMachine, options: Options) {
  const target = (state: string) => `#${machine}.${state}`
  const note = bookkeeping(name)
  const budgetMs = (context: AnyContext) => options.budgetMs?.(context) ?? budgetOf(context, name).budgetMs
  const failedWith = (errorOf: (context: AnyContext, event: Answer) => StepError) =>
    update((context, event) => options.onFailed(context, errorOf(context, event)))
  const canRetry = ({ context, event }: { context: AnyContext; event: Answer }) =>
    toStepError(event.error).retryable && attemptsOf(context, name) < budgetOf(context, name).attemptsMax
  return {
    /** The frame around one or many attempts: bookkeeping, budget, and what holds throughout. */
    frame: {
      meta: stage,
      description: stage.purpose,
      entry: [
        update((context) => ({ ledger: record(context.ledger, options.creates?.(context) ?? []) })),
        update(note.started)
      ],
      exit: update(note.ended),
      on: { CANCEL: options.cancel },
      invoke: {
        id: `${name}.budget`,
        src: 'budget',
        input: ({ context }: { context: AnyContext }): BudgetInput => ({ stage: name, ms: budgetMs(context) }),
        onDone: {
          target: target(options.failed),
          actions: [
            tellTimedOut(name, budgetMs),
            failedWith((context) => timeoutError(stage.label, context.stages[name], budgetMs(context)))
          ]
        }
      }
    },
    begun: update(note.attempted),
    /** The actor that does the work; what its failure leads to is the stage's own. */
    invoke: {
      id: name,
      src: options.actor,
      input: ({ context }: { context: AnyContext }) => options.input(context),
      onDone: options.done.map((branch) => ({
        target: target(branch.target),
        ...(branch.when !== undefined && { description: branch.when }),
        ...(branch.guard && {
          guard: ({ context, event }: { context: AnyContext; event: Answer }) =>
            branch.guard?.(context, event.output) ?? true
        }),
        ...(options.onDone && { actions: update((context, event) => options.onDone?.(context, event.output) ?? {}) })
      }))
    },
    canRetry,
    retry: [tellFailed(name, true), update(note.willRetry)],
    permanent: {
      target: target(options.failed),
      actions: [tellFailed(name, false), failedWith((_context, event) => toStepError(event.error))]
    }
  }
}

/** What a stage that ran out of time fails with: what its last attempt failed with, if there was one. */
function timeoutError(label: string, stage: StageRecord | undefined, ms: number): StepError {
  const last = stage?.lastFailure
  return last === undefined
    ? new StepError('stage-timeout', `${label} took longer than ${ms / 1_000} s`)
    : new StepError(last.code, `${last.message} (given up after ${ms / 1_000} s)`, { remaining: last.remaining })
}

/** A stage of bounded attempts with exponential back-off; permanent failures leave at once. */
export function attempts(stageInMachine: StageInMachine, options: Options) {
  const { name } = stageInMachine
  const { frame, begun, invoke, canRetry, retry, permanent } = parts(stageInMachine, options)
  return {
    ...frame,
    initial: 'attempting',
    states: {
      attempting: {
        entry: [begun, tellEntered(name, 'attempting')],
        invoke: {
          ...invoke,
          onError: [
            { guard: canRetry, description: 'retryable, attempts left', target: 'backingOff', actions: retry },
            { ...permanent, description: 'permanent, or no attempt left' }
          ]
        }
      },
      backingOff: {
        entry: tellEntered(name, 'backingOff'),
        invoke: {
          id: `${name}.backOff`,
          src: 'backOff',
          input: ({ context }: { context: AnyContext }): BackOffInput => ({
            stage: name,
            attempt: attemptsOf(context, name),
            ms: backOffMs(budgetOf(context, name), attemptsOf(context, name))
          }),
          onDone: { target: 'attempting' }
        }
      }
    }
  }
}

/** A stage that is attempted once, whatever its failure: running, since user code is never run twice. */
export function oneAttempt(stageInMachine: StageInMachine, options: Options) {
  const { frame, begun, invoke, permanent } = parts(stageInMachine, options)
  const entry = [begun, tellEntered(stageInMachine.name, 'attempting')]
  return {
    ...frame,
    initial: 'attempting',
    states: { attempting: { entry, invoke: { ...invoke, onError: permanent } } }
  }
}
