/** Whether a run has waited as long as its trace says: between attempts, and before it ran out of time; a part of the check. */
import { stageOf } from './moves.ts'
import { complain, type Offence } from './oracle.ts'
import type { NumberedLine } from './trace.ts'

/** A timer may ring this much before its time by the clock that the trace is written by. */
const EARLY_MS_MAX = 20
/** A wait between attempts is cut by up to a half. */
const JITTER_MIN = 0.5

/** Only for format 3: the formats before do not say how long a wait is to be. */
export function checkWaits(lines: readonly NumberedLine[]): readonly Offence[] {
  const offences: Offence[] = []
  let stageSinceMs = 0
  let stateSinceMs = 0
  let waitMs: number | undefined
  for (const { line, number } of lines) {
    if (line.type === 'attemptFailed') waitMs = line.nextInMs
    if (line.type === 'timedOut') {
      const tookMs = line.atMs - stageSinceMs
      const isEarly = tookMs < line.afterMs - EARLY_MS_MAX
      offences.push(...complain(isEarly, number, `out of time after ${tookMs} ms, and not ${line.afterMs}`))
    }
    if (line.type !== 'entered') continue
    if (line.event.endsWith('.backOff') && waitMs !== undefined) {
      const waitedMs = line.atMs - stateSinceMs
      const isShort = waitedMs < JITTER_MIN * waitMs - EARLY_MS_MAX
      offences.push(...complain(isShort, number, `the wait took ${waitedMs} ms of ${waitMs}`))
    }
    if (stageOf(line.from) !== stageOf(line.state) || line.event === 'CANCEL') stageSinceMs = line.atMs
    stateSinceMs = line.atMs
  }
  return offences
}
