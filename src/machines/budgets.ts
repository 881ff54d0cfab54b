/** Every bound of the machines in one place, for the stages, the diagram and the docs. Milliseconds unless the name says otherwise. */

const seconds = 1_000
const minutes = 60 * seconds
const days = 24 * 60 * minutes

/** The bounds of one stage. `attemptsMax` counts the first try. */
export interface StageBudget {
  readonly budgetMs: number
  readonly attemptsMax: number
  /** First delay between attempts; doubles with every attempt up to `backOffMsMax`. */
  readonly backOffMs: number
  readonly backOffMsMax: number
}

/** How fast cleanup has to be: by itself, after SIGINT (SIGTERM follows 7.5 s later), after SIGTERM (SIGKILL 2.5 s later). */
export const CLEANUP_BUDGET_MS = [60 * seconds, 5.5 * seconds, 1.5 * seconds] as const
export type Urgency = 0 | 1 | 2

export const BUDGETS = {
  resolving: { budgetMs: 1 * minutes, attemptsMax: 3, backOffMs: 0.5 * seconds, backOffMsMax: 5 * seconds },
  building: { budgetMs: 60 * minutes, attemptsMax: 3, backOffMs: 2 * seconds, backOffMsMax: 30 * seconds },
  pushing: { budgetMs: 5 * minutes, attemptsMax: 5, backOffMs: 1 * seconds, backOffMsMax: 15 * seconds },
  pulling: { budgetMs: 10 * minutes, attemptsMax: 4, backOffMs: 1 * seconds, backOffMsMax: 5 * seconds },
  running: { budgetMs: 5 * days, attemptsMax: 1, backOffMs: 0, backOffMsMax: 0 },
  collecting: { budgetMs: 5 * minutes, attemptsMax: 4, backOffMs: 0.5 * seconds, backOffMsMax: 5 * seconds },
  cleaningUp: { budgetMs: CLEANUP_BUDGET_MS[0], attemptsMax: 5, backOffMs: 0.25 * seconds, backOffMsMax: 5 * seconds }
} as const satisfies Record<string, StageBudget>

export type StageName = keyof typeof BUDGETS
export type Budgets = Readonly<Record<StageName, StageBudget>>

/** The delay before attempt `attempt + 1`, without jitter: exponential, capped. Milliseconds. */
export function backOffMs(budget: StageBudget, attempt: number): number {
  return Math.min(budget.backOffMs * 2 ** Math.max(0, attempt - 1), budget.backOffMsMax)
}
