/** How every machine ends: failures and CANCEL lead through cleaningUp, and the outcome is decided in one place. */
import { assign } from 'xstate'
import { ERROR_CODES, type StepError } from '../errors.ts'
import { CLEANUP_BUDGET_MS, type Urgency } from './budgets.ts'
import type { CleanUpInput, PushState } from './inputs.ts'
import { entryName, type Ledger } from './ledger.ts'
import { type StagedContext, stage } from './stage.ts'
import { OUTCOMES, type StateMeta } from './states.ts'
import type { CancelEvent, Failure, Outcome } from './types.ts'

/** What a context must have for its machine to end this way. */
export interface EndingContext<Name extends string> extends StagedContext<Name> {
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

export const NOTHING_ENDED = {
  cancelled: false,
  urgency: 0,
  ledger: [],
  stuck: false,
  remaining: []
} as const satisfies Omit<EndingContext<never>, keyof StagedContext<never>>

/** After SIGTERM; nothing can be faster. */
const URGENCY_MAX: Urgency = 2

type Ended = Pick<EndingContext<never>, 'exitCode' | 'failure' | 'cancelled' | 'stuck' | 'remaining'>

/** The exit code the hook reports: the program's own whenever it ran to its end. */
export function exitCodeOf(context: Ended): number {
  if (context.failure !== undefined) return context.exitCode || ERROR_CODES[context.failure.code].exitCode
  if (context.cancelled) return context.exitCode || ERROR_CODES.cancelled.exitCode
  return context.exitCode ?? ERROR_CODES.internal.exitCode
}

/** How it ended, apart from what cleanup could not remove. */
export function endOf(context: Ended): Exclude<Outcome, 'stuck'> {
  if (context.cancelled) return 'cancelled'
  return context.failure === undefined && context.exitCode === 0 ? 'succeeded' : 'failed'
}

export const outcomeOf = (context: Ended): Outcome => (context.stuck ? 'stuck' : endOf(context))

/** What a stage's failure leaves in the context: the first one counts. */
export const noteFailure =
  (name: Failure['stage']) =>
  (context: { readonly failure?: Failure | undefined }, error: StepError): { failure: Failure } => ({
    failure: context.failure ?? { code: error.code, stage: name, message: error.message, detail: error.detail }
  })

/** What most stages have in common: a failure leads to cleaningUp, and so does CANCEL. */
export const endingIn = (machine: string) => ({
  machine,
  failed: 'cleaningUp',
  on: {
    CANCEL: {
      target: `#${machine}.cleaningUp`,
      actions: assign<EndingContext<never>, CancelEvent, undefined, CancelEvent, never>({ cancelled: true, urgency: 1 })
    }
  }
})

/** The stage that undoes the ledger, and then takes the final state, out of those in `ends`, that fits how it ended. */
export function cleaningUp<Context extends EndingContext<'cleaningUp'>>(
  machine: string,
  meta: StateMeta,
  ends: readonly Exclude<Outcome, 'stuck'>[],
  pushStateOf: (context: Context) => PushState = () => 'none'
) {
  return stage<'cleaningUp', Context, CleanUpInput, void>({
    machine,
    name: 'cleaningUp',
    meta,
    actor: 'cleanUp',
    input: (context) => ({
      ledger: context.ledger,
      hurried: context.urgency === URGENCY_MAX,
      pushState: pushStateOf(context)
    }),
    budgetMs: (context) => Math.min(context.budgets.cleaningUp.budgetMs, CLEANUP_BUDGET_MS[context.urgency]),
    done: ends.map((target) => ({ target, when: target, guard: (context) => endOf(context) === target })),
    failed: 'stuck',
    onFailed: (context, error) =>
      ({ stuck: true, remaining: error.remaining ?? context.ledger.map(entryName) }) as unknown as Partial<Context>,
    on: {
      // Each CANCEL leaves less time: SIGINT, then SIGTERM. A third one cannot make it faster.
      CANCEL: {
        description: 'until it cannot be faster',
        guard: ({ context }: { context: Context }) => context.urgency < URGENCY_MAX,
        target: `#${machine}.cleaningUp`,
        reenter: true,
        actions: assign<EndingContext<never>, CancelEvent, undefined, CancelEvent, never>(({ context }) => ({
          urgency: (context.urgency + 1) as Urgency
        }))
      }
    }
  })
}

/** A final state with its metadata. */
export const finalState = (outcome: Outcome) => ({
  type: 'final' as const,
  meta: OUTCOMES[outcome],
  description: OUTCOMES[outcome].purpose
})
