/** How every machine ends: failures and CANCEL lead through cleaningUp, and the outcome is decided in one place. */
import { ERROR_CODES, type StepError } from '../errors.ts'
import type { CleanUpInput, PushState } from './inputs.ts'
import { entryName } from './ledger.ts'
import { OUTCOMES, type Outcome } from './run.ts'
import { type AnyContext, attempts, type StageInMachine, tell, update } from './stage.ts'
import { CLEANUP_BUDGET_MS, type Urgency } from './stages.ts'

/** What a context knows of its end before anything has happened. */
export const NOTHING_ENDED = {
  stages: {},
  cancelled: false,
  urgency: 0,
  ledger: [],
  stuck: false,
  remaining: []
} as const satisfies Partial<AnyContext>

/** After SIGTERM; nothing can be faster. */
const URGENCY_MAX: Urgency = 2

type Ended = Pick<AnyContext, 'exitCode' | 'failure' | 'cancelled' | 'stuck'>

/** The exit code the hook reports: the program's own whenever it ran to its end. */
export function exitCodeOf(context: Ended): number {
  if (context.failure !== undefined) return context.exitCode || ERROR_CODES[context.failure.code].exitCode
  if (context.cancelled) return context.exitCode || ERROR_CODES.cancelled.exitCode
  return context.exitCode ?? ERROR_CODES.internal.exitCode
}

/** How it ended, apart from what cleanup could not remove. */
function endOf(context: Ended): Exclude<Outcome, 'stuck'> {
  if (context.cancelled) return 'cancelled'
  return context.failure === undefined && context.exitCode === 0 ? 'succeeded' : 'failed'
}

export const outcomeOf = (context: Ended): Outcome => (context.stuck ? 'stuck' : endOf(context))

/** What cleanup could not do. */
const gaveUp = ({ ledger }: AnyContext, { remaining }: StepError) => ({
  stuck: true,
  remaining: remaining ?? ledger.map(entryName)
})

/**
 * What stages have in common: of several failures the first one counts, and what fails leads to cleaningUp, as CANCEL does. In
 * a machine without that stage, which does nothing but clean up, both lead to an end.
 */
export function endingOf(
  stageInMachine: StageInMachine,
  cleansUp: boolean,
  failed: string = cleansUp ? 'cleaningUp' : 'failed'
) {
  const { machine, name } = stageInMachine
  const onFailed = (context: AnyContext, error: StepError): Partial<AnyContext> => ({
    failure: context.failure ?? { code: error.code, stage: name, message: error.message, detail: error.detail },
    ...(failed === 'stuck' && gaveUp(context, error))
  })
  const cancel = {
    target: `#${machine}.${cleansUp ? 'cleaningUp' : 'cancelled'}`,
    actions: update(() => ({ cancelled: true, urgency: 1 }))
  }
  return { failed, onFailed, cancel }
}

/** The stage that undoes the ledger, and then takes the final state, out of those in `ends`, that fits how it ended. */
export const cleanUp = (
  stageInMachine: StageInMachine,
  ends: readonly Exclude<Outcome, 'stuck'>[],
  pushStateOf: (context: AnyContext) => PushState
) =>
  attempts(stageInMachine, {
    actor: 'cleanUp',
    input: (context): CleanUpInput => ({
      ledger: context.ledger,
      hurried: context.urgency === URGENCY_MAX,
      pushState: pushStateOf(context)
    }),
    budgetMs: ({ budgets, urgency }) =>
      Math.min(budgets[stageInMachine.name]?.budgetMs ?? Number.POSITIVE_INFINITY, CLEANUP_BUDGET_MS[urgency]),
    done: ends.map((target) => ({ target, when: target, guard: (context) => endOf(context) === target })),
    failed: 'stuck',
    onFailed: gaveUp,
    // Each CANCEL leaves less time: SIGINT, then SIGTERM. A third one cannot make it faster.
    cancel: {
      description: 'until it cannot be faster',
      guard: ({ context }: { context: AnyContext }) => context.urgency < URGENCY_MAX,
      target: `#${stageInMachine.machine}.cleaningUp`,
      reenter: true,
      actions: update(({ urgency }) => ({ urgency: (urgency + 1) as Urgency }))
    }
  })

/** A final state with its metadata. */
const finalState = (outcome: Outcome) => ({
  type: 'final' as const,
  meta: OUTCOMES[outcome],
  description: OUTCOMES[outcome].purpose,
  entry: tell((_context, { type }) => ({ type: 'entered', state: outcome, event: type }))
})

export const FINAL_STATES = {
  succeeded: finalState('succeeded'),
  failed: finalState('failed'),
  cancelled: finalState('cancelled'),
  stuck: finalState('stuck')
} as const satisfies Record<Outcome, object>
