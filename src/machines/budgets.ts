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
  resolving: { budgetMs: 1 * minutes, attemptsMax: 5, backOffMs: 0.5 * seconds, backOffMsMax: 5 * seconds },
  building: { budgetMs: 60 * minutes, attemptsMax: 3, backOffMs: 2 * seconds, backOffMsMax: 30 * seconds },
  pushing: { budgetMs: 5 * minutes, attemptsMax: 7, backOffMs: 1 * seconds, backOffMsMax: 30 * seconds },
  pulling: { budgetMs: 10 * minutes, attemptsMax: 3, backOffMs: 1 * seconds, backOffMsMax: 5 * seconds },
  running: { budgetMs: 5 * days, attemptsMax: 1, backOffMs: 0, backOffMsMax: 0 },
  collecting: { budgetMs: 5 * minutes, attemptsMax: 12, backOffMs: 0.5 * seconds, backOffMsMax: 5 * seconds },
  cleaningUp: { budgetMs: CLEANUP_BUDGET_MS[0], attemptsMax: 5, backOffMs: 0.25 * seconds, backOffMsMax: 5 * seconds }
} as const satisfies Record<string, StageBudget>

export type StageName = keyof typeof BUDGETS
export type Budgets = Readonly<Record<StageName, StageBudget>>

/** prepare_job. `starting` is bounded by ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS, 600 by default. */
export const JOB_BUDGETS = {
  resolving: BUDGETS.resolving,
  placing: { budgetMs: 10 * minutes, attemptsMax: 3, backOffMs: 0.5 * seconds, backOffMsMax: 5 * seconds },
  starting: { budgetMs: 10 * minutes, attemptsMax: 4, backOffMs: 1 * seconds, backOffMsMax: 5 * seconds },
  inspecting: { budgetMs: 1 * minutes, attemptsMax: 10, backOffMs: 0.25 * seconds, backOffMsMax: 5 * seconds },
  cleaningUp: BUDGETS.cleaningUp
} as const satisfies Record<string, StageBudget>

export type JobStageName = keyof typeof JOB_BUDGETS
export type JobBudgets = Readonly<Record<JobStageName, StageBudget>>

/** run_script_step. An attempt of `executing` is one connection: a long step may lose many and still end well. */
export const SCRIPT_BUDGETS = {
  executing: { budgetMs: 5 * days, attemptsMax: 500, backOffMs: 0.1 * seconds, backOffMsMax: 5 * seconds },
  cleaningUp: BUDGETS.cleaningUp
} as const satisfies Record<string, StageBudget>

export type ScriptStageName = keyof typeof SCRIPT_BUDGETS
export type ScriptBudgets = Readonly<Record<ScriptStageName, StageBudget>>

/** A stage of any machine. */
export type AnyStageName = StageName | JobStageName | ScriptStageName

/** The delay before attempt `attempt + 1`, without jitter: exponential, capped. Milliseconds. */
export function backOffMs(budget: StageBudget, attempt: number): number {
  return Math.min(budget.backOffMs * 2 ** Math.max(0, attempt - 1), budget.backOffMsMax)
}

/** Budgets of a stage of whichever machine, for those who only know its name. */
export const ANY_BUDGET: Readonly<Record<AnyStageName, StageBudget>> = { ...JOB_BUDGETS, ...SCRIPT_BUDGETS, ...BUDGETS }
