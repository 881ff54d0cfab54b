/** Reads the trace of a run (JSON lines, src/effects/trace.ts), for `slipway replay` and for the page. */

/** The text is no trace; the message is one line. */
export class TraceError extends Error {
  override readonly name = 'TraceError'
}

/** Which order it is; absent in traces of format 1. */
export interface StartedLine {
  readonly type: 'started'
  /** As the runner calls it: `run_container_step`. */
  readonly command: string
  readonly runnerPod: string
}

export interface EnteredLine {
  readonly type: 'entered'
  readonly atMs: number
  readonly state: string
  readonly from: string
  readonly event: string
}

export interface AttemptFailedLine {
  readonly type: 'attemptFailed'
  readonly atMs: number
  readonly stage: string
  readonly attempt: number
  readonly code: string
  readonly message: string
  readonly retrying: boolean
}

/** How the run ended; absent when the hook was killed. */
export interface EndedLine {
  readonly type: 'ended'
  readonly outcome: string
  readonly exitCode: number
  readonly image?: string
  readonly imageSource?: 'prebuilt' | 'cached' | 'build'
  readonly failure?: {
    readonly code: string
    /** Absent when the order failed outside of a machine. */
    readonly stage?: string
    readonly message: string
    readonly detail?: string
  }
  readonly remaining?: readonly string[]
  /** Only of cleanup_job. */
  readonly removed?: readonly string[]
}

export type TraceLine = StartedLine | EnteredLine | AttemptFailedLine | EndedLine

/** What each type of line has at least, by JavaScript type. */
const FIELDS: Readonly<Record<TraceLine['type'], Readonly<Record<string, string>>>> = {
  started: { command: 'string', runnerPod: 'string' },
  entered: { atMs: 'number', state: 'string', from: 'string', event: 'string' },
  attemptFailed: {
    atMs: 'number',
    stage: 'string',
    attempt: 'number',
    code: 'string',
    message: 'string',
    retrying: 'boolean'
  },
  ended: { outcome: 'string', exitCode: 'number' }
}

const isTraceLine = (value: unknown): value is TraceLine => {
  if (typeof value !== 'object' || value === null) return false
  const record = value as Readonly<Record<string, unknown>>
  const fields = Object.hasOwn(FIELDS, String(record['type'])) ? FIELDS[record['type'] as TraceLine['type']] : undefined
  return fields !== undefined && Object.entries(fields).every(([name, type]) => typeof record[name] === type)
}

function parseLine(text: string, number: number): TraceLine {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new TraceError(`line ${number} is not JSON; a trace has one JSON object on every line`)
  }
  if (!isTraceLine(value)) throw new TraceError(`line ${number} is not a line of a trace that Slipway writes`)
  return value
}

/** At least one state, or the order that it is of. A last line that was cut off in the middle is left out: a killed hook may leave one. */
export function parseTrace(text: string): readonly TraceLine[] {
  const isCutOff = !text.endsWith('\n')
  const lines = text.split('\n').map((line, index) => ({ line, number: index + 1 }))
  const last = lines.at(-1)
  const isWhole = ({ line, number }: { line: string; number: number }) => {
    if (line.trim() === '') return false
    return !(isCutOff && lines.length > 1 && number === last?.number && !line.trimEnd().endsWith('}'))
  }
  const parsed = lines.filter(isWhole).map(({ line, number }) => parseLine(line, number))
  if (!parsed.some(({ type }) => type === 'entered' || type === 'started'))
    throw new TraceError('this is not a trace: no order is started and no state is entered in it')
  return parsed
}
