/** What a table of stages says of each: the form that src/machines/stages.ts fills in for every machine. */
import type { ErrorCode } from '../errors.ts'
import type { ResourceKind } from './ledger.ts'
import type { AheadPorts, CleanupPorts, JobPorts, ScriptPorts, StepPorts } from './ports.ts'

/** The bounds of one stage. `attemptsMax` counts the first attempt. */
export interface StageBudget {
  /** Around all attempts and the waits between them. Milliseconds, as all times here. */
  readonly budgetMs: number
  readonly attemptsMax: number
  /** First delay between attempts; doubles with every attempt up to `backOffMsMax`. */
  readonly backOffMs: number
  readonly backOffMsMax: number
}

/** What people are told about a state. */
export interface StateMeta {
  readonly label: string
  readonly purpose: string
}

export interface Stage extends StateMeta {
  /** Which port does the work. */
  readonly port: keyof StepPorts | keyof AheadPorts | keyof JobPorts | keyof ScriptPorts | keyof CleanupPorts
  readonly budget: StageBudget
  /** What it may end with, besides COMMON_CODES; a code that is not listed is still reported as it is. */
  readonly codes: readonly ErrorCode[]
  /** What it creates, whatever the backend is; all of it enters the ledger before the stage begins. */
  readonly creates?: readonly ResourceKind[]
}

/** One machine's. */
export type Stages<Name extends string = string> = Readonly<Record<Name, Stage>>
export type BudgetsOf<Name extends string> = Readonly<Record<Name, StageBudget>>

/** Codes that every stage may end with: the cluster itself, the stage's own budget, the local engine, and bugs. */
export const COMMON_CODES = [
  'cluster-forbidden',
  'cluster-rejected',
  'cluster-unreachable',
  'engine-missing',
  'stage-timeout',
  'internal'
] as const satisfies readonly ErrorCode[]

/** The budgets of a table, which a run is given as they are or with others in their place. */
export const budgetsOf = <Name extends string>(stages: Stages<Name>): BudgetsOf<Name> => {
  const entries = Object.entries<Stage>(stages).map(([name, { budget }]) => [name, budget])
  return Object.fromEntries(entries) as BudgetsOf<Name>
}
