/** A trace as the moves of a run from state to state, with why each was made: what the oracles judge. */
import type { AttemptFailedLine, EndedLine, EnteredLine, NumberedLine, TraceLine } from './trace.ts'

/** Why a state was entered. `cancel`: what the runner sends. */
export type Cause = 'start' | 'done' | 'retry' | 'failed' | 'timeout' | 'backOff' | 'cancel' | 'unknown'

export interface Move {
  /** Of its line in the trace. */
  readonly number: number
  readonly atMs: number
  /** `building.attempting`, and '' before the first. */
  readonly from: string
  readonly to: string
  readonly cause: Cause
  /** What failed, when an attempt did. */
  readonly failure?: AttemptFailedLine
}

/** One run of a machine, as far as its trace tells. */
export interface Run {
  readonly moves: readonly Move[]
  /** Of every line that has one. */
  readonly times: readonly Pick<Move, 'number' | 'atMs'>[]
  /** It may have been told to hurry without a word of it: formats 1 and 2 are silent where the state stays the same. */
  readonly mayHurryUnseen: boolean
  /** Undefined when the hook was killed before its end. */
  readonly end?: EndedLine & { readonly number: number }
}

/** The outermost state: `building` of `building.attempting`. */
export const stageOf = (state: string): string => state.split('.')[0] ?? ''

const HURRIED = 'cleaningUp.attempting'

const isStill = ({ from, state }: EnteredLine): boolean => stageOf(from) === stageOf(state)

function causeOf(line: EnteredLine): Cause {
  const { event } = line
  if (event === 'CANCEL') return 'cancel'
  if (event === 'xstate.init') return 'start'
  if (event === 'TRY_STARTED') return 'backOff'
  const [, ending, actor = ''] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(event) ?? []
  if (ending === undefined && event !== 'TRY_FAILED') return 'unknown'
  if (ending !== 'done') return isStill(line) ? 'retry' : 'failed'
  if (actor.endsWith('.budget')) return 'timeout'
  return actor.endsWith('.backOff') ? 'backOff' : 'done'
}

export function toRun(lines: readonly NumberedLine[]): Run {
  const moves = lines.flatMap(({ line, number }, at): Move[] => {
    if (line.type !== 'entered') return []
    const { atMs, from, state: to } = line
    const before: TraceLine | undefined = lines[at - 1]?.line
    const cause = causeOf(line)
    const isFailure = before?.type === 'attemptFailed' && (cause === 'retry' || cause === 'failed')
    return [{ number, atMs, from, to, cause, ...(isFailure && { failure: before }) }]
  })
  const ended = lines.find(({ line }) => line.type === 'ended')
  const mayHurryUnseen = lines.some(
    ({ line }) => line.type === 'entered' && line.state === HURRIED && line.at === undefined
  )
  return {
    moves,
    times: lines.flatMap(({ line, number }) => ('atMs' in line ? [{ number, atMs: line.atMs }] : [])),
    mayHurryUnseen,
    ...(ended?.line.type === 'ended' && { end: { ...ended.line, number: ended.number } })
  }
}
