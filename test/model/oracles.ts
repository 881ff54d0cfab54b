/** What must be true of every run of every machine: judges recorded histories of scripted, simulated and real ports. */
import { ERROR_CODES } from '../../src/errors.ts'
import { CLEANUP_BUDGET_MS } from '../../src/machines/stages.ts'
import { toRun } from '../../src/visualizer/moves.ts'
import { type Case, firstFailure } from '../../src/visualizer/oracle.ts'
import { RUN_ORACLES } from '../../src/visualizer/oracles.ts'
import { PROMISES } from '../../src/visualizer/promises.ts'
import type { NumberedLine, TraceLine } from '../../src/visualizer/trace.ts'
import type { History, MachineId, PortCall } from '../support/history.ts'

/** Says in one line each what is wrong with a history; nothing when all is well. */
type Oracle = (history: History) => readonly string[]

/** What only a history can show: the calls of the ports, and what is left of what they made. */
interface Expected {
  /** Outcomes after which what was made is meant to stay. */
  readonly staysAfter: readonly string[]
  /** The stage that a user's program runs in. */
  readonly program?: string
  /** Programs that are called once, even where a stage may be attempted again. */
  readonly once: boolean
  /** The stage whose success stands for a program that exits with 0, where there is none: of several the last one that is called. */
  readonly decides?: readonly string[]
  /** Stages without whose success things remain. */
  readonly removes: readonly string[]
  /** Whether the last of `removes` is for images, which may stay. */
  readonly imagesMayStay?: boolean
}

const EXPECTED: Readonly<Record<MachineId, Expected>> = {
  'container-step': { staysAfter: [], program: 'running', once: true, removes: ['cleaningUp'] },
  'job-start': { staysAfter: ['succeeded'], once: false, decides: ['inspecting'], removes: ['cleaningUp'] },
  // An attempt is a connection; that the script runs once is the port's promise.
  'script-step': { staysAfter: [], program: 'executing', once: false, removes: ['cleaningUp'] },
  'job-cleanup': {
    staysAfter: ['failed', 'cancelled'],
    once: false,
    decides: ['confirming'],
    removes: ['removingObjects', 'confirming'],
    imagesMayStay: true
  },
  'ahead-build': {
    staysAfter: [],
    once: false,
    decides: ['resolving', 'building', 'pushing', 'buildingInPlace', 'standing'],
    removes: ['cleaningUp']
  }
}

const complain = (wrong: boolean, complaint: string): readonly string[] => (wrong ? [complaint] : [])

const callsOf = ({ calls }: History, stage: string) => calls.filter((call) => call.stage === stage)

/** The history as the trace of it would be. */
export function linesOf({ facts, output }: History): readonly NumberedLine[] {
  const told = facts.map(({ fact, atMs }) => ({ atMs, ...fact }))
  const lines = [...told, { type: 'ended', ...output }] as readonly TraceLine[]
  return lines.map((line, index) => ({ number: index + 1, line }))
}

function caseOf(history: History): Case {
  const promises = PROMISES[history.machine]
  if (promises === undefined) throw new Error(`nothing is promised of ${history.machine}`)
  const attemptsMax = (stage: string) => history.budgets[stage]?.attemptsMax ?? 1
  return { ...toRun(linesOf(history)), promises, attemptsMax }
}

/** After which something is left to do. */
const BUILDS: readonly string[] = ['building', 'buildingInPlace']

/** How the program itself ended: undefined when it did not get to its end, or there is none. */
function ownExitCode(history: History): number | undefined {
  const { program, decides = [] } = EXPECTED[history.machine]
  const last = history.calls.findLast(({ stage }) => decides.includes(stage))
  if (program === undefined) return !BUILDS.includes(last?.stage ?? '') && last?.ending === 'succeeded' ? 0 : undefined
  return callsOf(history, program).find((call) => call.ending === 'succeeded')?.exitCode
}

/** The way out, when it was a CANCEL; later ones only hurry cleanup. */
const wasCancelled = ({ facts }: History): boolean => {
  const way = facts.find(
    ({ fact }) => fact.type === 'entered' && (fact.state.startsWith('cleaningUp') || fact.at === undefined)
  )
  return way?.fact.type === 'entered' && way.fact.event === 'CANCEL'
}

/** Everything created is gone, or listed by an outcome that says so, or what was asked for. */
const nothingLeftBehind: Oracle = ({ machine, left, output, calls }) => {
  const told = calls.at(-1)?.remaining
  const isMeant = EXPECTED[machine].staysAfter.includes(output.outcome)
  const mayStay = (name: string) =>
    EXPECTED[machine].imagesMayStay === true &&
    name.startsWith('image ') &&
    !calls.some(({ stage, ending }) => stage === 'removingImages' && ending === 'succeeded')
  const unlisted = isMeant ? [] : left.filter((name) => !output.remaining.includes(name) && !mayStay(name))
  return [
    ...complain(unlisted.length > 0, `left behind and not listed: ${unlisted.join(', ')}`),
    ...complain(
      told !== undefined && told.join() !== output.remaining.join(),
      `listed as remaining: ${output.remaining.join(', ')}; cleanup said: ${told?.join(', ')}`
    )
  ]
}

const cleanUpAgainIsANoOp: Oracle = ({ machine, budgets, left, removedAgain, output }) => {
  if (!('cleaningUp' in budgets)) return []
  const unlisted = removedAgain.filter((name) => !output.remaining.includes(name))
  const isMeant = EXPECTED[machine].staysAfter.includes(output.outcome)
  const unknown = isMeant ? [] : left.filter((name) => !removedAgain.includes(name))
  return [
    ...complain(unlisted.length > 0, `a second cleanup removed ${unlisted.join(', ')}`),
    ...complain(unknown.length > 0, `the ledger does not know ${unknown.join(', ')}`)
  ]
}

/** User code is never run twice, not even after a failure to see how it ended. */
const atMostOneRun: Oracle = (history) => {
  const { program, once } = EXPECTED[history.machine]
  const runs = program === undefined ? [] : callsOf(history, program)
  const ended = runs.filter(({ ending }) => ending === 'succeeded').length
  return complain(once ? runs.length > 1 : ended > 1, `the program was run ${runs.length} times`)
}

/** What was pushed is what is pulled and run. */
const runsWhatWasPushed: Oracle = (history) => {
  const pushed = callsOf(history, 'pushing').findLast((call) => call.ending === 'succeeded')?.image
  const used = [...callsOf(history, 'pulling'), ...callsOf(history, 'running')]
  if (callsOf(history, 'building').length === 0) return []
  return used.flatMap((call) => complain(call.image !== pushed, `${call.stage} of ${call.image}, but pushed ${pushed}`))
}

/** The program's own exit code whenever there is one; 0 only when the program and everything but cleanup went well. */
const exitCodeIsTheProgram: Oracle = (history) => {
  const { exitCode, failure } = history.output
  const own = ownExitCode(history)
  const spoilt = failure !== undefined || wasCancelled(history)
  const expected = own === 0 && !spoilt ? 0 : own || undefined
  return [
    ...complain(expected !== undefined && exitCode !== expected, `exit code ${exitCode} where the program's is ${own}`),
    ...complain(expected === undefined && exitCode === 0, 'exit code 0 of a run that did not succeed')
  ]
}

/** What the calls came to decides how the run ends. */
const outcomeFitsTheCalls: Oracle = (history) => {
  const { outcome, failure } = history.output
  const isCleaning = 'cleaningUp' in history.budgets
  const isStuck =
    (isCleaning || !wasCancelled(history)) &&
    EXPECTED[history.machine].removes.some((stage) => {
      const calls = callsOf(history, stage)
      return calls.length > 0 && calls.at(-1)?.ending !== 'succeeded'
    })
  const end = failure === undefined && ownExitCode(history) === 0 ? 'succeeded' : 'failed'
  const expected = isStuck ? 'stuck' : wasCancelled(history) ? 'cancelled' : end
  const code = firstFailure(caseOf(history))?.code
  return [
    ...complain(outcome !== expected, `outcome ${outcome} where ${expected} is true`),
    ...complain(failure?.code !== code, `failure ${failure?.code} where ${code} came first`)
  ]
}

/** Once cleanup has begun it is all that is called, and no failure and no CANCEL ends without it. */
const nothingIsCalledAfterCleanUp: Oracle = (history) => {
  const { calls, output } = history
  if (!('cleaningUp' in history.budgets)) return []
  const first = calls.findIndex((call) => call.stage === 'cleaningUp')
  const late = first < 0 ? [] : calls.slice(first).filter((call) => call.stage !== 'cleaningUp')
  const isNeeded = output.failure !== undefined || history.left.length > 0
  const isMeant = EXPECTED[history.machine].staysAfter.includes(output.outcome)
  return [
    ...complain(first < 0 && isNeeded && !isMeant, 'cleanup never ran'),
    ...complain(late.length > 0, `after cleanup began: ${late.map((call) => call.stage).join(', ')}`)
  ]
}

const noCallIsForgotten: Oracle = ({ calls }) =>
  calls.flatMap((call, index) =>
    complain(call.ending === 'open', `call ${index + 1} (${call.stage}) was neither awaited nor aborted`)
  )

/** What fails for good is not called again, and no stage more often than its budget has attempts. */
const callsAreBounded: Oracle = (history) =>
  Object.entries(history.budgets).flatMap(([name, { attemptsMax }]) => {
    const calls = callsOf(history, name)
    const stays = name === 'cleaningUp' ? 1 + Math.min(history.cancelsAtMs.length, CLEANUP_BUDGET_MS.length - 1) : 1
    const retriedForGood = calls.slice(0, -1).filter(isPermanent).length > stays - 1
    return [
      ...complain(calls.length > attemptsMax * stays, `${name} was tried ${calls.length} times`),
      ...complain(retriedForGood, `${name} was tried again after a permanent failure`)
    ]
  })
const isPermanent = ({ errorCode }: PortCall) => errorCode !== undefined && !ERROR_CODES[errorCode].retryable

/** The runner kills the hook some time after each CANCEL; the first two leave less and less time. */
const cancelIsPrompt: Oracle = ({ cancelsAtMs, endedAtMs }) => {
  const cancels = cancelsAtMs.slice(0, CLEANUP_BUDGET_MS.length - 1)
  const last = cancels.at(-1)
  const allowedMs = CLEANUP_BUDGET_MS[cancels.length] ?? 0
  if (last === undefined) return []
  return complain(endedAtMs - last > allowedMs, `ended ${endedAtMs - last} ms after CANCEL; ${allowedMs} allowed`)
}

/** After SIGTERM there is no time to wait for anything, and before it there is. */
const cancelHurriesCleanUp: Oracle = (history) => {
  const [, secondMs = Number.POSITIVE_INFINITY] = history.cancelsAtMs
  const wrong = callsOf(history, 'cleaningUp').filter(
    ({ startedAtMs, hurried }) => (startedAtMs > secondMs && hurried !== true) || (startedAtMs < secondMs && hurried)
  )
  return complain(wrong.length > 0, 'cleanup is not in a hurry when it has to be, or is when it need not be')
}

/** The facts tell of every call and of every failure. */
const everyCallIsTold: Oracle = (history) =>
  Object.keys(history.budgets).flatMap((name) => {
    const calls = callsOf(history, name)
    const sum = (count: (call: PortCall) => number) => calls.reduce((all, call) => all + count(call), 0)
    const failed = sum((call) => (call.triesFailed ?? 0) + (call.ending === 'failed' ? 1 : 0))
    const begun = sum((call) => 1 + (call.triesStarted ?? 0))
    const told = history.facts.filter(({ fact }) => fact.type === 'attemptFailed' && fact.stage === name).length
    const attempts = history.facts.filter(
      ({ fact }) => fact.type === 'entered' && fact.at?.stage === name && fact.at.phase === 'attempting'
    ).length
    // A CANCEL during cleanup starts it again without leaving its state.
    const restarts = name === 'cleaningUp' ? history.cancelsAtMs.length : 0
    return [
      ...complain(
        begun < attempts || begun > attempts + restarts,
        `${name}: ${begun} attempts begun, ${attempts} told`
      ),
      ...complain(failed !== told, `${name}: ${failed} failed attempts, ${told} told`)
    ]
  })

const noSecretIsTold: Oracle = ({ facts, output, secrets }) => {
  const told = JSON.stringify([facts, output])
  return complain(
    secrets.some((secret) => told.includes(secret)),
    'a secret is in the facts or the output'
  )
}

/** The oracles that need more than what a trace tells, by the promise each one guards. */
export const ORACLES = {
  'nothing is left behind': nothingLeftBehind,
  'cleanup once more is a no-op': cleanUpAgainIsANoOp,
  'the program is run at most once': atMostOneRun,
  'what runs is what was pushed': runsWhatWasPushed,
  "the exit code is the program's": exitCodeIsTheProgram,
  'the outcome fits the calls': outcomeFitsTheCalls,
  'nothing is called after cleanup': nothingIsCalledAfterCleanUp,
  'no call is forgotten': noCallIsForgotten,
  'calls are bounded': callsAreBounded,
  'a cancelled run ends in time': cancelIsPrompt,
  'a run that is cancelled again cleans up in a hurry': cancelHurriesCleanUp,
  'every call is told': everyCallIsTold,
  'no secret is told': noSecretIsTold
} as const satisfies Record<string, Oracle>

/** Every complaint of every oracle, as `promise: complaint`; empty when all promises are kept. */
export function judge(history: History): readonly string[] {
  const run = caseOf(history)
  const ofRun = Object.entries(RUN_ORACLES).flatMap(([promise, oracle]) =>
    oracle(run).map(({ says }) => `${promise}: ${says}`)
  )
  const ofHistory = Object.entries(ORACLES).flatMap(([promise, oracle]) =>
    oracle(history).map((complaint) => `${promise}: ${complaint}`)
  )
  return [...ofRun, ...ofHistory]
}
