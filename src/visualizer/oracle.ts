/** What an oracle is, and what all of them ask of a run. */
import { type Move, type Run, stageOf } from './moves.ts'
import type { Promises } from './promises.ts'

export interface Offence {
  /** Of the line in the trace. */
  readonly line: number
  readonly says: string
}

/** A run with all that it is held to. */
export interface Case extends Run {
  readonly promises: Promises
  /** How often a stage may be attempted in one stay. */
  readonly attemptsMax: (stage: string) => number
}

export type Oracle = (run: Case) => readonly Offence[]

export const CLEANUP = 'cleaningUp'

export const complain = (wrong: boolean, line: number, says: string): readonly Offence[] =>
  wrong ? [{ line, says }] : []

/** It goes from one stage to another, or into a stage anew. */
export const isChange = ({ from, to, cause }: Move): boolean => stageOf(from) !== stageOf(to) || cause === 'cancel'

/** An attempt of a stage begins. */
export const isAttempt = (move: Move): boolean => isChange(move) || move.cause === 'backOff'

export const isDone = (stage: string) => (move: Move) => stageOf(move.from) === stage && move.cause === 'done'

export const isEnd = (state: string): boolean => ['succeeded', 'failed', 'cancelled', 'stuck'].includes(state)

/** The way out was a CANCEL; later ones only hurry cleanup. */
export const wasCancelled = ({ moves }: Run): boolean =>
  moves.find(({ to }) => stageOf(to) === CLEANUP || isEnd(to))?.cause === 'cancel'

/** The first failure that ended a stage other than cleaning up; running out of time counts as the attempt that failed last. */
export function firstFailure({
  moves,
  promises
}: Pick<Case, 'moves' | 'promises'>): { readonly code: string; readonly stage: string } | undefined {
  const retried = new Map<string, string>()
  for (const { from, cause, failure } of moves) {
    const stage = stageOf(from)
    if (cause === 'retry' && failure !== undefined) retried.set(stage, failure.code)
    if (stage === CLEANUP || promises.pardoned?.includes(stage)) continue
    if (cause !== 'failed' && cause !== 'timeout') continue
    if (cause === 'failed') return failure && { code: failure.code, stage }
    return { code: retried.get(stage) ?? 'stage-timeout', stage }
  }
  return undefined
}
