/** Follows a trace through the graph of its machine, line by line: where it is no path, and why; a part of the check. */
import { isRetryable } from './codes.ts'
import type { MachineGraph } from './graph-format.ts'
import { stageOf } from './moves.ts'
import { complain, type Offence } from './oracle.ts'
import { attemptsOf, choicesOf, leavingOf, outerOf, type Stand, standIn, start, take } from './simulation.ts'
import type { AttemptFailedLine, EnteredLine, NumberedLine, TimedOutLine } from './trace.ts'

/**
 * Where the run may stand. It is more than one place only in formats 1 and 2, which say nothing of a CANCEL that begins an
 * attempt of cleaning up anew. None: a state was named that the machine does not have.
 */
type Stands = readonly Stand[]

interface Followed {
  readonly stands: Stands
  readonly offences: readonly Offence[]
}

const keyOf = ({ state, visits, cancels, isCancelled, failedIn }: Stand): string =>
  JSON.stringify([state, visits.at(-1), cancels, isCancelled, failedIn])

const distinct = (stands: Stands): Stands => [...new Map(stands.map((stand) => [keyOf(stand), stand])).values()]

/** With those after a CANCEL that leaves the state what it is. */
function withUnseenCancels(graph: MachineGraph, stands: Stands): Stands {
  const more = stands.flatMap((stand) =>
    choicesOf(graph, stand)
      .filter(({ kind }) => kind === 'cancel')
      .map(({ id }) => take(graph, stand, id))
      .filter(({ state }) => state === stand.state)
  )
  const all = distinct([...stands, ...more])
  return all.length === stands.length ? stands : withUnseenCancels(graph, all)
}

const nameOf = (graph: MachineGraph, id: string): string => id.slice(graph.id.length + 1)

/** The first state: it has to be the one that the machine begins in. */
function begin(graph: MachineGraph, { state, event }: EnteredLine, number: number): Followed {
  const first = start(graph)
  const begun = nameOf(graph, first.state)
  const isRight = state === begun && event === 'xstate.init'
  const stand = isRight ? first : standIn(graph, `${graph.id}.${state}`, undefined)
  return {
    stands: stand === undefined ? [] : [stand],
    offences: complain(!isRight, number, `the run begins in ${state} by ${event}, and not in ${begun}`)
  }
}

/** Why a state cannot be entered from where the run stands. */
function refusal(graph: MachineGraph, stand: Stand, { from, state, event }: EnteredLine): string {
  const leads = leavingOf(graph, stand).filter((transition) => transition.event === event)
  const target = `${graph.id}.${state}`
  if (!leads.some(({ to }) => target === to || target.startsWith(`${to}.`))) {
    return `no transition leads from ${from} to ${state} by ${event}`
  }
  const failed = stand.failedIn === undefined ? '' : `, after a failure of ${nameOf(graph, stand.failedIn)}`
  const cancelled = stand.cancels === 0 ? '' : `, after ${stand.cancels} of CANCEL`
  return `${state} cannot follow there: attempt ${attemptsOf(stand)} of ${outerOf(graph, stand).attemptsMax ?? 1}${failed}${cancelled}`
}

function enter(graph: MachineGraph, stands: Stands, line: EnteredLine, number: number): Followed {
  const [first] = stands
  const target = `${graph.id}.${line.state}`
  const jump = standIn(graph, target, first)
  if (jump === undefined) {
    return { stands: [], offences: [{ line: number, says: `${graph.id} has no state ${line.state} in this version` }] }
  }
  // What came before is not known, or is no place that leads here; the oracles say when the walk is broken.
  const here = stands.filter(({ state }) => state === `${graph.id}.${line.from}`)
  if (first === undefined || here.length === 0) return { stands: [jump], offences: [] }
  const reached = here.flatMap((stand) =>
    choicesOf(graph, stand)
      .filter(({ event }) => event === line.event)
      .map(({ id }) => take(graph, stand, id))
      .filter(({ state }) => state === target)
  )
  if (reached.length > 0) return { stands: distinct(reached), offences: [] }
  return { stands: [jump], offences: [{ line: number, says: refusal(graph, here[0] ?? first, line) }] }
}

/** What a line of format 3 says of the attempt that it is in. */
function placeOf(stands: Stands, { at, state }: EnteredLine, number: number): readonly Offence[] {
  if (at === undefined || stands.length === 0) return []
  const attempts = stands.map(attemptsOf)
  return [
    ...complain(at.stage !== stageOf(state), number, `${state} is said to be in ${at.stage}`),
    ...complain(
      stands.every(({ isBackOff }) => isBackOff !== (at.phase === 'backingOff')),
      number,
      `${state} is said to be ${at.phase}`
    ),
    ...complain(
      !attempts.includes(at.attempt),
      number,
      `attempt ${at.attempt} is told where ${attempts.join()} is made`
    )
  ]
}

/** An attempt failed: of the stage that was running, by an event that may fail it there, and it is tried again exactly when it may be. */
function fail(
  graph: MachineGraph,
  stands: Stands,
  line: AttemptFailedLine,
  number: number,
  next: EnteredLine | undefined
): Followed {
  const { stage, attempt, code, retrying } = line
  const failuresOf = (stand: Stand) =>
    choicesOf(graph, stand).filter(
      ({ kind, event }) => (kind === 'retry' || kind === 'failed') && (next === undefined || event === next.event)
    )
  const failed = stands.filter(
    (stand) =>
      outerOf(graph, stand).id === `${graph.id}.${stage}` &&
      attemptsOf(stand) === attempt &&
      failuresOf(stand).length > 0
  )
  const mayRetry = isRetryable(code) && failed.some((stand) => failuresOf(stand).some(({ kind }) => kind === 'retry'))
  const isJudged = failed.length > 0 && next !== undefined
  return {
    stands: failed.length === 0 ? stands : failed,
    offences: [
      ...complain(
        failed.length === 0,
        number,
        `attempt ${attempt} of ${stage} cannot fail there${next === undefined ? '' : ` by ${next.event}`}`
      ),
      ...complain(
        isJudged && retrying !== mayRetry,
        number,
        `${code} in attempt ${attempt} of ${stage} is ${retrying ? '' : 'not '}tried again`
      ),
      ...complain(
        next !== undefined && retrying !== (stageOf(next.state) === stage),
        number,
        `attempt ${attempt} of ${stage} is ${retrying ? '' : 'not '}tried again, and ${next?.state} follows`
      )
    ]
  }
}

function timeOut(
  stands: Stands,
  line: TimedOutLine,
  number: number,
  next: EnteredLine | undefined
): readonly Offence[] {
  const { stage, attempt } = line
  return [
    ...complain(
      stands.length > 0 &&
        !stands.some((stand) => stageOf(next?.from ?? '') !== stage || attemptsOf(stand) === attempt),
      number,
      `${stage} runs out of time in attempt ${attempt}, which is not what was running`
    ),
    ...complain(
      next !== undefined && next.event !== `xstate.done.actor.${stage}.budget`,
      number,
      `${stage} runs out of time, and ${next?.state} is entered by ${next?.event}`
    )
  ]
}

/** Failures and time-outs are told before the states that they lead to. */
function unexplained(
  line: EnteredLine,
  before: NumberedLine | undefined,
  number: number,
  tellsTimeouts: boolean
): readonly Offence[] {
  const isFailure = line.event === 'TRY_FAILED' || line.event.startsWith('xstate.error.actor.')
  const isTimeout = tellsTimeouts && line.event.endsWith('.budget')
  return [
    ...complain(isFailure && before?.line.type !== 'attemptFailed', number, 'no attempt failed before this'),
    ...complain(isTimeout && before?.line.type !== 'timedOut', number, 'nothing ran out of time before this')
  ]
}

export function followPath(graph: MachineGraph, lines: readonly NumberedLine[]): readonly Offence[] {
  const offences: Offence[] = []
  const isNew = lines.some(({ line }) => line.type === 'entered' && line.at !== undefined)
  let stands: Stands | undefined
  for (const [at, { line, number }] of lines.entries()) {
    const after = lines[at + 1]?.line
    const next = after?.type === 'entered' ? after : undefined
    const before: Stands = isNew ? (stands ?? []) : withUnseenCancels(graph, stands ?? [])
    if (line.type === 'entered') {
      const entered = stands === undefined ? begin(graph, line, number) : enter(graph, before, line, number)
      stands = entered.stands
      offences.push(...entered.offences, ...placeOf(stands, line, number))
      offences.push(...unexplained(line, lines[at - 1], number, isNew))
    } else if (line.type === 'attemptFailed') {
      const failed = fail(graph, before, line, number, next)
      stands = failed.stands
      offences.push(...failed.offences)
    } else if (line.type === 'timedOut') {
      offences.push(...timeOut(before, line, number, next))
    }
    if ((line.type === 'attemptFailed' || line.type === 'timedOut') && after !== undefined && next === undefined) {
      offences.push({ line: number, says: `nothing follows from ${line.type}` })
    }
  }
  return offences
}
