/** What must be true of every run, whatever happened in it: judges recorded histories of scripted, simulated and real ports. */
import { ERROR_CODES } from '../../src/errors.ts'
import { CLEANUP_BUDGET_MS, type StageName } from '../../src/machines/budgets.ts'
import type { History, PortCall } from '../support/history.ts'

/** Says in one line each what is wrong with a history; nothing when all is well. */
type Oracle = (history: History) => readonly string[]

const complain = (wrong: boolean, complaint: string): readonly string[] => (wrong ? [complaint] : [])

const callsOf = ({ calls }: History, stage: StageName) => calls.filter((call) => call.stage === stage)
const entries = ({ facts }: History) => facts.flatMap(({ fact }) => (fact.type === 'entered' ? [fact] : []))
const attemptFailures = ({ facts }: History) =>
  facts.flatMap(({ fact }) => (fact.type === 'attemptFailed' ? [fact] : []))

/** How the action itself ended: undefined when it did not get to its end. */
const ownExitCode = (history: History) =>
  callsOf(history, 'running').find((call) => call.ending === 'succeeded')?.exitCode

/** The way out, when it was a cancel order; later orders only hurry cleanup. */
const wasCancelled = (history: History) =>
  entries(history).find((entry) => entry.state.startsWith('cleaningUp'))?.event === 'CANCEL'

/** The first failure that ended a stage other than cleaning up; running out of time counts as the attempt that failed last. */
function firstFailure({ facts }: History): string | undefined {
  const retried = new Map<string, string>()
  for (const { fact } of facts) {
    if (fact.type === 'attemptFailed') {
      if (fact.retrying) retried.set(fact.stage, fact.code)
      else if (fact.stage !== 'cleaningUp') return fact.code
    } else if (fact.event.endsWith('.budget') && !fact.from.startsWith('cleaningUp')) {
      return retried.get(fact.from.split('.')[0] ?? '') ?? 'stage-timeout'
    }
  }
  return undefined
}

/** Everything created is gone, or listed by an outcome that says so. */
const nothingLeftBehind: Oracle = ({ left, output, calls }) => {
  const told = calls.at(-1)?.remaining
  const unlisted = left.filter((name) => !output.remaining.includes(name))
  return [
    ...complain(unlisted.length > 0, `left behind and not listed: ${unlisted.join(', ')}`),
    ...complain(output.outcome !== 'stuck' && output.remaining.length > 0, `${output.outcome}, yet things remain`),
    ...complain(
      told !== undefined && told.join() !== output.remaining.join(),
      `listed as remaining: ${output.remaining.join(', ')}; cleanup said: ${told?.join(', ')}`
    )
  ]
}

const cleanUpAgainIsANoOp: Oracle = ({ left, removedAgain, output }) => {
  const unlisted = removedAgain.filter((name) => !output.remaining.includes(name))
  const unknown = left.filter((name) => !removedAgain.includes(name))
  return [
    ...complain(unlisted.length > 0, `a second cleanup removed ${unlisted.join(', ')}`),
    ...complain(unknown.length > 0, `the ledger does not know ${unknown.join(', ')}`)
  ]
}

/** Every stage needs the success of the one before it. */
const noStageWithoutItsPredecessor: Oracle = (history) => {
  const needs = { building: 'resolving', pushing: 'building', pulling: 'resolving', running: 'pulling' } as const
  return Object.entries(needs).flatMap(([stage, needed]) => {
    const first = history.calls.findIndex((call) => call.stage === stage)
    const earlier = history.calls.slice(0, Math.max(first, 0))
    const isMet = earlier.some((call) => call.stage === needed && call.ending === 'succeeded')
    return complain(first >= 0 && !isMet, `${stage} without ${needed}`)
  })
}

/** User code is never run twice, not even after a failure to see how it ended. */
const atMostOneRun: Oracle = (history) => {
  const runs = callsOf(history, 'running').length
  return complain(runs > 1, `the action was run ${runs} times`)
}

/** What was pushed is what is pulled and run. */
const runsWhatWasPushed: Oracle = (history) => {
  const pushed = callsOf(history, 'pushing').findLast((call) => call.ending === 'succeeded')?.image
  const used = [...callsOf(history, 'pulling'), ...callsOf(history, 'running')]
  if (callsOf(history, 'building').length === 0) return []
  return used.flatMap((call) => complain(call.image !== pushed, `${call.stage} of ${call.image}, but pushed ${pushed}`))
}

/** The action's own exit code whenever there is one; 0 only when the action and everything but cleanup went well. */
const exitCodeIsTrue: Oracle = (history) => {
  const { outcome, exitCode, failure } = history.output
  const own = ownExitCode(history)
  const spoilt = failure !== undefined || wasCancelled(history)
  const expected = own === 0 && !spoilt ? 0 : own || undefined
  return [
    ...complain(expected !== undefined && exitCode !== expected, `exit code ${exitCode} where the action's is ${own}`),
    ...complain(expected === undefined && exitCode === 0, 'exit code 0 of a run that did not succeed'),
    ...complain(outcome === 'succeeded' && exitCode !== 0, `succeeded with exit code ${exitCode}`),
    ...complain((outcome === 'failed' || outcome === 'cancelled') && exitCode === 0, `${outcome} with exit code 0`)
  ]
}

const outcomeIsTrue: Oracle = (history) => {
  const { outcome, failure } = history.output
  const isCleanedUp = history.calls.at(-1)?.ending === 'succeeded'
  const end = failure === undefined && ownExitCode(history) === 0 ? 'succeeded' : 'failed'
  const expected = isCleanedUp ? (wasCancelled(history) ? 'cancelled' : end) : 'stuck'
  const code = firstFailure(history)
  return [
    ...complain(outcome !== expected, `outcome ${outcome} where ${expected} is true`),
    ...complain(failure?.code !== code, `failure ${failure?.code} where ${code} came first`)
  ]
}

/** Once cleanup has begun it is all that happens, and nothing ends without it. */
const cleanUpComesLast: Oracle = ({ calls }) => {
  const first = calls.findIndex((call) => call.stage === 'cleaningUp')
  const late = calls.slice(first).filter((call) => call.stage !== 'cleaningUp')
  return [
    ...complain(first < 0, 'cleanup never ran'),
    ...complain(first >= 0 && late.length > 0, `after cleanup began: ${late.map((call) => call.stage).join(', ')}`)
  ]
}

/** Whatever a run ends with, its files are brought back, unless the step was cancelled. */
const whatRanIsCollected: Oracle = (history) => {
  const ran = callsOf(history, 'running').length > 0
  const isMissing = ran && !wasCancelled(history) && callsOf(history, 'collecting').length === 0
  return complain(isMissing, 'the action ran and nothing was collected')
}

const noCallIsForgotten: Oracle = ({ calls }) =>
  calls.flatMap((call, index) =>
    complain(call.ending === 'open', `call ${index + 1} (${call.stage}) was neither awaited nor aborted`)
  )

/** Each stay in a stage has its bounded attempts, and what fails for good is not tried again. */
const retriesAreBounded: Oracle = (history) =>
  Object.entries(history.budgets).flatMap(([name, { attemptsMax }]) => {
    const calls = callsOf(history, name as StageName)
    const stays = name === 'cleaningUp' ? 1 + Math.min(history.cancelsAtMs.length, CLEANUP_BUDGET_MS.length - 1) : 1
    const retriedForGood = calls.slice(0, -1).filter(isPermanent).length > stays - 1
    return [
      ...complain(calls.length > attemptsMax * stays, `${name} was tried ${calls.length} times`),
      ...complain(retriedForGood, `${name} was tried again after a permanent failure`)
    ]
  })
const isPermanent = ({ errorCode }: PortCall) => errorCode !== undefined && !ERROR_CODES[errorCode].retryable

/** The runner kills the hook some time after each cancel order; the first two leave less and less time. */
const cancelIsPrompt: Oracle = ({ cancelsAtMs, endedAtMs }) => {
  const orders = cancelsAtMs.slice(0, CLEANUP_BUDGET_MS.length - 1)
  const last = orders.at(-1)
  const allowedMs = CLEANUP_BUDGET_MS[orders.length] ?? 0
  if (last === undefined) return []
  return complain(
    endedAtMs - last > allowedMs,
    `ended ${endedAtMs - last} ms after the cancel order; ${allowedMs} allowed`
  )
}

/** After SIGTERM there is no time to wait for anything, and before it there is. */
const cancelHurriesCleanUp: Oracle = (history) => {
  const [, secondMs = Number.POSITIVE_INFINITY] = history.cancelsAtMs
  const wrong = callsOf(history, 'cleaningUp').filter(
    ({ startedAtMs, hurried }) => (startedAtMs > secondMs && hurried !== true) || (startedAtMs < secondMs && hurried)
  )
  return complain(wrong.length > 0, 'cleanup is not in a hurry when it has to be, or is when it need not be')
}

/** The facts are an unbroken walk from the first state to the outcome, and tell of every call and every failure. */
const everyStateChangeIsObserved: Oracle = (history) => {
  const walk = entries(history)
  const broken = walk.filter((entry, index) => entry.from !== (walk[index - 1]?.state ?? ''))
  const unseen = Object.keys(history.budgets).flatMap((name) => {
    const calls = callsOf(history, name as StageName)
    const failed = calls.filter((call) => call.ending === 'failed').length
    const told = attemptFailures(history).filter((fact) => fact.stage === name).length
    const attempts = walk.filter((entry) => entry.state === `${name}.attempting`).length
    // A cancel order during cleanup starts it again without leaving its state.
    const restarts = name === 'cleaningUp' ? history.cancelsAtMs.length : 0
    return [
      ...complain(
        calls.length < attempts || calls.length > attempts + restarts,
        `${name}: ${calls.length} calls, ${attempts} told`
      ),
      ...complain(failed !== told, `${name}: ${failed} failed attempts, ${told} told`)
    ]
  })
  return [
    ...complain(walk[0]?.state !== 'resolving.attempting', `the first state told is ${walk[0]?.state}`),
    ...complain(walk.at(-1)?.state !== history.output.outcome, `the last state told is ${walk.at(-1)?.state}`),
    ...complain(broken.length > 0, `the walk is broken before ${broken[0]?.state}`),
    ...unseen
  ]
}

const timesAreInOrder: Oracle = ({ facts, output }) => {
  const times = facts.map(({ atMs }) => atMs)
  const records = Object.entries(output.stages).filter(([, stage]) => (stage.endedAtMs ?? -1) < stage.startedAtMs)
  return [
    ...complain(
      times.some((atMs, index) => atMs < (times[index - 1] ?? 0)),
      'facts are told out of order'
    ),
    ...complain(records.length > 0, `ended before it started, or never: ${records.map(([name]) => name).join(', ')}`)
  ]
}

const noSecretIsTold: Oracle = ({ facts, output, secrets }) => {
  const told = JSON.stringify([facts, output])
  return complain(
    secrets.some((secret) => told.includes(secret)),
    'a secret is in the facts or the output'
  )
}

/** All oracles, by the promise each one guards. */
export const ORACLES = {
  'nothing is left behind': nothingLeftBehind,
  'cleanup once more is a no-op': cleanUpAgainIsANoOp,
  'no push without build, no run without pull': noStageWithoutItsPredecessor,
  'the action is run at most once': atMostOneRun,
  'what runs is what was pushed': runsWhatWasPushed,
  'the exit code is true': exitCodeIsTrue,
  'the outcome is true': outcomeIsTrue,
  'cleanup comes last, on every way out': cleanUpComesLast,
  'what ran is collected': whatRanIsCollected,
  'no call is forgotten': noCallIsForgotten,
  'retries are bounded': retriesAreBounded,
  'a cancelled step ends in time': cancelIsPrompt,
  'a step that is cancelled again cleans up in a hurry': cancelHurriesCleanUp,
  'every state change is observed': everyStateChangeIsObserved,
  'times are in order': timesAreInOrder,
  'no secret is told': noSecretIsTold
} as const satisfies Record<string, Oracle>

/** Every complaint of every oracle, as `promise: complaint`; empty when all promises are kept. */
export function judge(history: History): readonly string[] {
  return Object.entries(ORACLES).flatMap(([promise, oracle]) =>
    oracle(history).map((complaint) => `${promise}: ${complaint}`)
  )
}
