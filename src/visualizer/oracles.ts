/** What must be true of every run whatever happened in it, judged by its moves: for `slipway replay --check` and the tests. */
import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import { CLEANUP_BUDGET_MS } from '../machines/stages.ts'
import { exitCodeIsTrue, outcomeIsTrue, stagesAreTrue } from './end-oracles.ts'
import { type Move, stageOf } from './moves.ts'
import { CLEANUP, complain, isAttempt, isChange, isDone, isEnd, type Oracle } from './oracle.ts'

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
    const isMet = needed.some((one) => moves.slice(0, first + 1).some(isDone(one)))
    return complain(first >= 0 && !isMet, moves[first]?.number ?? 0, `${stage} without ${needed.join(' or ')}`)
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

/** Each CANCEL leaves cleanup less time, and then it cannot be faster. */
const cancelsAreBounded: Oracle = ({ moves }) => {
  const cancels = moves.filter(({ cause }) => cause === 'cancel')
  const most = CLEANUP_BUDGET_MS.length - 1
  return complain(cancels.length > most, cancels[most]?.number ?? 0, `the run is cancelled ${cancels.length} times`)
}

/** Whatever the program ended with, its files are brought back, unless the step was cancelled. */
const whatRanIsCollected: Oracle = ({ moves, promises: { decides, collects } }) => {
  if (collects === undefined) return []
  const wasLeft = (move: Move) => decides.includes(stageOf(move.from)) && move.cause !== 'cancel'
  return moves.flatMap((move) =>
    complain(
      wasLeft(move) && stageOf(move.to) !== collects,
      move.number,
      `${stageOf(move.from)} ended and ${collects} does not follow`
    )
  )
}

const timesAreInOrder: Oracle = ({ times }) =>
  times.flatMap(({ number, atMs }, at) => complain(atMs < (times[at - 1]?.atMs ?? atMs), number, 'time goes back'))

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
