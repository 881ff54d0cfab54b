/** What one run of any machine is given, knows, tells while it goes on, and ends with. */
import type { ErrorCode } from '../errors.ts'
import type { TryEvent } from './inputs.ts'
import type { Ledger } from './ledger.ts'
import type { AnyStageName, Urgency } from './stages.ts'
import type { BudgetsOf, StateMeta } from './table.ts'

export type Outcome = 'succeeded' | 'failed' | 'cancelled' | 'stuck'

export const OUTCOMES: Readonly<Record<Outcome, StateMeta>> = {
  succeeded: { label: 'Succeeded', purpose: 'All went well, and what was run exited with 0.' },
  failed: { label: 'Failed', purpose: 'A stage failed, or what was run exited with another code.' },
  cancelled: { label: 'Cancelled', purpose: 'The runner cancelled it.' },
  stuck: { label: 'Stuck', purpose: 'Cleanup could not finish; the output lists what remains.' }
}

/** CANCEL is the only event from outside; everything else comes from an actor. */
export type CancelEvent = { readonly type: 'CANCEL' }

/** All that is sent to a machine, besides the answers of its actors. */
export type RunEvent = CancelEvent | TryEvent

/** A failure as data, for the output, the trace and the log. */
export interface Failure {
  readonly code: ErrorCode
  readonly stage: AnyStageName
  readonly message: string
  readonly detail?: string | undefined
}

interface LastFailure extends Pick<Failure, 'code' | 'message'> {
  /** What it could not remove, where it says so. */
  readonly remaining?: readonly string[] | undefined
}

export interface StageRecord {
  readonly attempts: number
  /** Milliseconds on the injected clock. */
  readonly startedAtMs: number
  readonly endedAtMs?: number | undefined
  /** Why the last attempt failed that was tried again: a stage that runs out of time says so. */
  readonly lastFailure?: LastFailure | undefined
}

export interface RunInput<Request, Name extends string> {
  readonly request: Request
  readonly budgets: BudgetsOf<Name>
  /** Milliseconds of a monotonic clock; injected so that the machine reads none. */
  readonly now: () => number
}

/** What every context has, besides what its own machine adds. */
export interface RunContext<Request, Name extends string> extends RunInput<Request, Name> {
  readonly stages: Readonly<Partial<Record<Name, StageRecord>>>
  /** Of the program that was run, when it ran to its end. */
  readonly exitCode?: number | undefined
  /** The first failure; later ones (collecting, say) never replace it. */
  readonly failure?: Failure | undefined
  readonly cancelled: boolean
  readonly urgency: Urgency
  readonly ledger: Ledger
  /** Cleanup gave up. */
  readonly stuck: boolean
  /** What cleanup could not remove. */
  readonly remaining: readonly string[]
}

/** What every output has, besides what its own machine adds. */
export interface RunOutput<Name extends string> {
  readonly outcome: Outcome
  readonly exitCode: number
  readonly failure?: Failure | undefined
  readonly remaining: readonly string[]
  readonly stages: Readonly<Partial<Record<Name, StageRecord>>>
}

/** Where in a stage: in an attempt, or waiting for the next one. */
export type Phase = 'attempting' | 'backingOff'

/** What a machine tells as it happens; every one is a fact about something that has happened. */
export type Fact =
  | {
      readonly type: 'entered'
      /** Path of the state in the machine. */
      readonly state: string
      /** XState's name of the event that led there, as the graph of the machine has it. */
      readonly event: string
      /** Where in which stage; undefined at an end. */
      readonly at?: { readonly stage: AnyStageName; readonly phase: Phase; readonly attempt: number } | undefined
    }
  | {
      readonly type: 'attemptFailed'
      readonly stage: AnyStageName
      readonly attempt: number
      readonly code: ErrorCode
      readonly message: string
      readonly retrying: boolean
      /** Until the next attempt, without jitter; only when there is one. Milliseconds. */
      readonly nextInMs?: number | undefined
    }
  | { readonly type: 'timedOut'; readonly stage: AnyStageName; readonly attempt: number; readonly afterMs: number }
