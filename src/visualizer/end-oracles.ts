/** What must be true of how a run says that it ended, judged by its moves: a part of the oracles. */
import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import { stageOf } from './moves.ts'
import {
  CLEANUP,
  complain,
  firstFailure,
  isAttempt,
  isChange,
  isDone,
  isEnd,
  type Oracle,
  wasCancelled
} from './oracle.ts'
import type { StageTimes } from './trace.ts'

export const outcomeIsTrue: Oracle = (run) => {
  const { moves, end } = run
  if (end === undefined) return []
  const last = moves.at(-1)
  const failure = firstFailure(run)
  const isClean = failure === undefined && !wasCancelled(run)
  return [
    ...complain(last?.to !== end.outcome, end.number, `outcome ${end.outcome} of a run that is in ${last?.to}`),
    ...complain(end.outcome === 'succeeded' && !isClean, end.number, 'succeeded after a failure or a CANCEL'),
    ...complain(
      end.outcome !== 'stuck' && (end.outcome === 'cancelled') !== wasCancelled(run),
      end.number,
      `outcome ${end.outcome} of a run that was ${wasCancelled(run) ? '' : 'not '}cancelled`
    ),
    ...complain(
      end.failure?.code !== failure?.code || end.failure?.stage !== failure?.stage,
      end.number,
      `failure ${named(end.failure)} where ${named(failure)} came first`
    ),
    ...complain(
      end.outcome !== 'stuck' && (end.remaining ?? []).length > 0,
      end.number,
      `${end.outcome}, yet things remain`
    )
  ]
}

const named = (failure: { readonly code: string; readonly stage?: string | undefined } | undefined): string =>
  failure === undefined ? 'none' : `${failure.code} in ${failure.stage}`

/** The program's own code whenever it has ended; else that of the failure or of the CANCEL, which is never 0. */
export const exitCodeIsTrue: Oracle = (run) => {
  const { moves, end, promises } = run
  if (end === undefined) return []
  const { exitCode, outcome, failure } = end
  const hasEnded = promises.decides.some((stage) => moves.some(isDone(stage)))
  const isSpoilt = failure !== undefined || wasCancelled(run)
  const code = failure?.code ?? 'cancelled'
  const given = Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[code as ErrorCode].exitCode : undefined
  const line = end.number
  return [
    ...complain(exitCode < 0 || exitCode > 255 || !Number.isInteger(exitCode), line, `exit code ${exitCode}`),
    ...complain(outcome === 'succeeded' && exitCode !== 0, line, `succeeded with exit code ${exitCode}`),
    ...complain(outcome !== 'stuck' && outcome !== 'succeeded' && exitCode === 0, line, `${outcome} with exit code 0`),
    ...complain(outcome === 'stuck' && isSpoilt && exitCode === 0, line, 'exit code 0 of a run that did not succeed'),
    ...complain(
      !hasEnded && isSpoilt && given !== undefined && exitCode !== given,
      line,
      `exit code ${exitCode} where ${code} gives ${given}`
    )
  ]
}

/** What the end says of each stage is what was told on the way. */
export const stagesAreTrue: Oracle = ({ moves, mayHurryUnseen, end }) => {
  if (end?.stages === undefined) return []
  const { stages, number } = end
  const visited = new Set(moves.map(({ to }) => stageOf(to)).filter((stage) => !isEnd(stage)))
  const unknown = Object.keys(stages).filter((stage) => !visited.has(stage))
  return [
    ...complain(unknown.length > 0, number, `records of ${unknown.join(', ')}, which no state tells of`),
    ...[...visited].flatMap((stage) => {
      const record = stages[stage] as StageTimes | undefined
      if (record === undefined) return complain(true, number, `no record of ${stage}`)
      const into = moves.findIndex(({ to }) => stageOf(to) === stage)
      const out = moves.findIndex((move, at) => at > into && stageOf(move.from) === stage && stageOf(move.to) !== stage)
      const stay = moves.slice(
        moves.findLastIndex((move) => stageOf(move.to) === stage && isChange(move)),
        out
      )
      const attempts = stay.filter(isAttempt).length
      const { startedAtMs, endedAtMs = Number.NaN } = record
      const fits = (ms: number, at: number) => ms >= (moves[at - 1]?.atMs ?? ms) && ms <= (moves[at]?.atMs ?? ms)
      return [
        ...complain(
          record.attempts !== attempts && !(stage === CLEANUP && mayHurryUnseen),
          number,
          `${record.attempts} attempts of ${stage}, and ${attempts} told`
        ),
        ...complain(
          !fits(startedAtMs, into) || !fits(endedAtMs, out),
          number,
          `times of ${stage} that do not fit its states`
        )
      ]
    })
  ]
}
