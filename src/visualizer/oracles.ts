/** What must be true of every run whatever happened in it, judged by its moves: for `slipway replay --check` and the tests. */
import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import { CLEANUP_BUDGET_MS } from '../machines/budgets.ts'
import { type Move, type Run, stageOf } from './moves.ts'
import type { Promises } from './promises.ts'
import type { StageTimes } from './trace.ts'

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

type Oracle = (run: Case) => readonly Offence[]

const CLEANUP = 'cleaningUp'

const complain = (wrong: boolean, line: number, says: string): readonly Offence[] => (wrong ? [{ line, says }] : [])

/** It goes from one stage to another, or into a stage anew. */
const isChange = ({ from, to, cause }: Move): boolean => stageOf(from) !== stageOf(to) || cause === 'cancel'

/** An attempt of a stage begins. */
const isAttempt = (move: Move): boolean => isChange(move) || move.cause === 'backOff'

const isDone = (stage: string) => (move: Move) => stageOf(move.from) === stage && move.cause === 'done'

const isEnd = (state: string): boolean => ['succeeded', 'failed', 'cancelled', 'stuck'].includes(state)

/** The way out was a CANCEL; later orders only hurry cleanup. */
const wasCancelled = ({ moves }: Run): boolean => moves.find(({ to }) => stageOf(to) === CLEANUP)?.cause === 'cancel'

/** The first failure that ended a stage other than cleaning up; running out of time counts as the attempt that failed last. */
export function firstFailure({ moves }: Run): { readonly code: string; readonly stage: string } | undefined {
  const retried = new Map<string, string>()
  for (const { from, cause, failure } of moves) {
    const stage = stageOf(from)
    if (cause === 'retry' && failure !== undefined) retried.set(stage, failure.code)
    if (stage === CLEANUP || (cause !== 'failed' && cause !== 'timeout')) continue
    if (cause === 'failed') return failure && { code: failure.code, stage }
    return { code: retried.get(stage) ?? 'stage-timeout', stage }
  }
  return undefined
}

/** Every end is come to from cleaning up, but for those that a machine names; and nothing is after cleaning up but the end. */
const cleanUpComesLast: Oracle = ({ moves, promises }) => {
  const begun = moves.findIndex(({ to }) => stageOf(to) === CLEANUP)
  return moves.flatMap(({ number, from, to, cause }, at) => [
    ...complain(
      isEnd(to) && stageOf(from) !== CLEANUP && !promises.waysOut.includes(`${stageOf(from)} ${cause} ${to}`),
      number,
      `${to} is entered from ${from} without cleaning up`
    ),
    ...complain(
      begun >= 0 && at > begun && stageOf(to) !== CLEANUP && !isEnd(to),
      number,
      `${to} is entered after cleanup began`
    )
  ])
}

const noStageWithoutItsPredecessor: Oracle = ({ moves, promises }) =>
  Object.entries(promises.needs).flatMap(([stage, needed]) => {
    const first = moves.findIndex(({ to }) => stageOf(to) === stage)
    const isMet = moves.slice(0, first + 1).some(isDone(needed))
    return complain(first >= 0 && !isMet, moves[first]?.number ?? 0, `${stage} without ${needed}`)
  })

/** No stage is come back to: a stay is one entry and its attempts. */
const noWayBack: Oracle = ({ moves }) => {
  const left = new Set<string>()
  return moves.flatMap(({ number, from, to }) => {
    if (stageOf(from) === stageOf(to)) return []
    left.add(stageOf(from))
    return complain(left.has(stageOf(to)), number, `${stageOf(to)} is entered again`)
  })
}

/** Each stay in a stage has its bounded attempts, and what fails for good is not tried again. */
const retriesAreBounded: Oracle = ({ moves, mayHurryUnseen, promises, attemptsMax }) => {
  const bound = (stage: string) => {
    if (promises.once.includes(stage)) return 1
    return attemptsMax(stage) * (stage === CLEANUP && mayHurryUnseen ? CLEANUP_BUDGET_MS.length : 1)
  }
  const attempts = new Map<string, number>()
  return moves.flatMap((move) => {
    const stage = stageOf(move.to)
    const { number, cause, failure } = move
    if (isChange(move)) attempts.set(stage, 0)
    if (isAttempt(move)) attempts.set(stage, (attempts.get(stage) ?? 0) + 1)
    const count = attempts.get(stage) ?? 0
    const most = bound(stage)
    const code = failure?.code ?? ''
    const isForGood = Object.hasOwn(ERROR_CODES, code) && !ERROR_CODES[code as ErrorCode].retryable
    return [
      ...complain(
        isAttempt(move) && count > most && !isEnd(move.to),
        number,
        `attempt ${count} of ${stage}, which has ${most}`
      ),
      ...complain(cause === 'retry' && isForGood, number, `${stage} is tried again after ${code}, which is for good`)
    ]
  })
}

/** Each order leaves cleanup less time, and then it cannot be faster. */
const cancelsAreBounded: Oracle = ({ moves }) => {
  const cancels = moves.filter(({ cause }) => cause === 'cancel')
  const most = CLEANUP_BUDGET_MS.length - 1
  return complain(cancels.length > most, cancels[most]?.number ?? 0, `the run is cancelled ${cancels.length} times`)
}

/** Whatever the program ended with, its files are brought back, unless the step was cancelled. */
const whatRanIsCollected: Oracle = ({ moves, promises: { decides, collects } }) => {
  if (collects === undefined) return []
  const wasLeft = (move: Move) => stageOf(move.from) === decides && move.cause !== 'cancel'
  return moves.flatMap((move) =>
    complain(
      wasLeft(move) && stageOf(move.to) !== collects,
      move.number,
      `${decides} ended and ${collects} does not follow`
    )
  )
}

const timesAreInOrder: Oracle = ({ moves }) =>
  moves.flatMap(({ number, atMs, failure }, at) => {
    const before = moves[at - 1]?.atMs ?? Number.NEGATIVE_INFINITY
    return complain(atMs < (failure?.atMs ?? before) || (failure?.atMs ?? before) < before, number, 'time goes back')
  })

/** The facts are an unbroken walk from the first state on. */
const theWalkIsUnbroken: Oracle = ({ moves }) =>
  moves.flatMap(({ number, from }, at) => {
    const before = moves[at - 1]?.to ?? ''
    return complain(
      from !== before,
      number,
      `comes from ${from || 'nowhere'} where the run was in ${before || 'nothing'}`
    )
  })

const outcomeIsTrue: Oracle = (run) => {
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
const exitCodeIsTrue: Oracle = (run) => {
  const { moves, end, promises } = run
  if (end === undefined) return []
  const { exitCode, outcome, failure } = end
  const hasEnded = moves.some(isDone(promises.decides))
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
const stagesAreTrue: Oracle = ({ moves, mayHurryUnseen, end }) => {
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

/** All oracles, by the promise each one guards. */
export const RUN_ORACLES = {
  'cleanup comes last, on every way out': cleanUpComesLast,
  'no stage without the one it needs': noStageWithoutItsPredecessor,
  'no way leads back': noWayBack,
  'retries are bounded': retriesAreBounded,
  'CANCELs are bounded': cancelsAreBounded,
  'what ran is collected': whatRanIsCollected,
  'every state change is told': theWalkIsUnbroken,
  'times are in order': timesAreInOrder,
  'the outcome is true': outcomeIsTrue,
  'the exit code is true': exitCodeIsTrue,
  'the records are true': stagesAreTrue
} as const satisfies Record<string, Oracle>
