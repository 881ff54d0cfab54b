/** Reads the trace of a run (JSON lines, src/effects/log/trace.ts), for `slipway replay` and for the page. */

/** The text is no trace; the message is one line. */
export class TraceError extends Error {
  override readonly name = 'TraceError'
  /** Where it is not, when that is one line. */
  readonly line: number | undefined

  constructor(message: string, line?: number) {
    super(message)
    this.line = line
  }
}

/** The formats that say which they are; the first one did not. */
export const FORMATS: readonly string[] = ['slipway-trace-2', 'slipway-trace-3']

/** Which command it is; absent in traces of format 1. */
export interface StartedLine {
  readonly type: 'started'
  /** As the runner calls it: `run_container_step`. */
  readonly command: string
  readonly runnerPod: string
  /** Format 1 has no such line. */
  readonly format?: string
}

export interface EnteredLine {
  readonly type: 'entered'
  readonly atMs: number
  readonly state: string
  /** The state before; '' for the first one. */
  readonly from: string
  readonly event: string
  /** Where in which stage; absent at an end, and in formats 1 and 2. */
  readonly at?: { readonly stage: string; readonly phase: string; readonly attempt: number }
}

export interface AttemptFailedLine {
  readonly type: 'attemptFailed'
  readonly atMs: number
  readonly stage: string
  readonly attempt: number
  readonly code: string
  readonly message: string
  readonly retrying: boolean
  /** Until the next attempt, without jitter; absent in formats 1 and 2. */
  readonly nextInMs?: number
}

/** A stage used up its budget; absent in formats 1 and 2. */
export interface TimedOutLine {
  readonly type: 'timedOut'
  readonly atMs: number
  readonly stage: string
  readonly attempt: number
  readonly afterMs: number
}

/** How the run ended; absent when the hook was killed. */
export interface EndedLine {
  readonly type: 'ended'
  readonly outcome: string
  readonly exitCode: number
  readonly image?: string
  readonly imageSource?: 'prebuilt' | 'cached' | 'build' | 'ahead' | 'in-place' | 'standing'
  readonly failure?: {
    readonly code: string
    /** Absent when the command failed outside of a machine. */
    readonly stage?: string
    readonly message: string
    readonly detail?: string
  }
  readonly remaining?: readonly string[]
  /** Only of cleanup_job. */
  readonly removed?: readonly string[]
  /** By name; only where a machine ran. */
  readonly stages?: Readonly<Record<string, StageTimes>>
}

/** What the end says of one stage. */
export interface StageTimes {
  readonly attempts: number
  readonly startedAtMs: number
  readonly endedAtMs?: number
}

export type TraceLine = StartedLine | EnteredLine | AttemptFailedLine | TimedOutLine | EndedLine

/** A line with its number in the file, from 1. */
export interface NumberedLine {
  readonly number: number
  readonly line: TraceLine
}

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string'
/** Beyond that, and for what is no number, there is no arithmetic. */
const isNumber: Check = (value) => Number.isFinite(value) && Math.abs(value as number) <= Number.MAX_SAFE_INTEGER
const isFlag: Check = (value) => typeof value === 'boolean'
const areTexts: Check = (value) => Array.isArray(value) && value.every(isText)
const isOneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string)
const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const has =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(fields).every(([name, check]) => check((value as Readonly<Record<string, unknown>>)[name]))
const areAll =
  (check: Check): Check =>
  (value) =>
    typeof value === 'object' && value !== null && Object.values(value).every(check)

/** What each type of line has. */
const LINES: Readonly<Record<TraceLine['type'], Check>> = {
  started: has({ command: isText, runnerPod: isText, format: maybe(isText) }),
  entered: has({
    atMs: isNumber,
    state: isText,
    from: isText,
    event: isText,
    at: maybe(has({ stage: isText, phase: isText, attempt: isNumber }))
  }),
  attemptFailed: has({
    atMs: isNumber,
    stage: isText,
    attempt: isNumber,
    code: isText,
    message: isText,
    retrying: isFlag,
    nextInMs: maybe(isNumber)
  }),
  timedOut: has({ atMs: isNumber, stage: isText, attempt: isNumber, afterMs: isNumber }),
  ended: has({
    outcome: isText,
    exitCode: isNumber,
    image: maybe(isText),
    imageSource: maybe(isOneOf('prebuilt', 'cached', 'build', 'ahead', 'in-place', 'standing')),
    failure: maybe(has({ code: isText, stage: maybe(isText), message: isText, detail: maybe(isText) })),
    remaining: maybe(areTexts),
    removed: maybe(areTexts),
    stages: maybe(areAll(has({ attempts: isNumber, startedAtMs: isNumber, endedAtMs: maybe(isNumber) })))
  })
}

function isTraceLine(value: unknown): value is TraceLine {
  const { type = '' } = (value ?? {}) as { type?: unknown }
  return typeof type === 'string' && Object.hasOwn(LINES, type) && LINES[type as TraceLine['type']](value)
}

function parseLine(text: string, number: number): NumberedLine {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new TraceError(`line ${number} is not JSON; a trace has one JSON object on every line`, number)
  }
  if (!isTraceLine(value)) throw new TraceError(`line ${number} is not a line of a trace that Slipway writes`, number)
  return { number, line: value }
}

/** Like parseTrace, with the numbers of the lines. */
export function parseNumbered(text: string): readonly NumberedLine[] {
  const isCutOff = !text.endsWith('\n')
  const lines = text.split('\n').map((line, index) => ({ line, number: index + 1 }))
  const last = lines.at(-1)
  const isWhole = ({ line, number }: { line: string; number: number }) => {
    if (line.trim() === '') return false
    return !(isCutOff && lines.length > 1 && number === last?.number && !line.trimEnd().endsWith('}'))
  }
  const parsed = lines.filter(isWhole).map(({ line, number }) => parseLine(line, number))
  if (!parsed.some(({ line }) => line.type === 'entered' || line.type === 'started'))
    throw new TraceError('this is not a trace: no command is started and no state is entered in it')
  return parsed
}

/**
 * At least one state, or the command that it is of. A last line that was cut off in the middle is left out: a killed hook may
 * leave one.
 */
export const parseTrace = (text: string): readonly TraceLine[] => parseNumbered(text).map(({ line }) => line)
