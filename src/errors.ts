/** The one family of failures every stage reports, for the machine (may I retry?), the author (message) and the operator (detail). */

/**
 * Facts about one error code. `retryable`: another attempt can succeed without anyone changing anything.
 * `exitCode`: what the hook exits with when this failure ends the step (an action's own exit code never comes from here).
 */
interface ErrorFacts {
  readonly retryable: boolean
  readonly exitCode: number
}

const permanent: ErrorFacts = { retryable: false, exitCode: 1 }
const transient: ErrorFacts = { retryable: true, exitCode: 1 }

/** The closed list of error codes; docs/errors.md has one entry for each. */
export const ERROR_CODES = {
  // asked for something that cannot be
  'invalid-input': permanent,
  'not-configured': permanent,
  'not-supported': permanent,
  'dockerfile-not-found': permanent,
  'engine-missing': permanent,
  // building
  'dockerfile-failed': permanent,
  'base-image-not-found': permanent,
  'base-image-denied': permanent,
  'base-registry-unreachable': transient,
  'builder-image-unavailable': permanent,
  'builder-out-of-memory': permanent,
  'builder-lost': transient,
  'user-namespace-unavailable': transient,
  'context-delivery-failed': transient,
  // pushing
  'push-denied': permanent,
  'push-failed': transient,
  'registry-unreachable': transient,
  'layout-lost': permanent,
  // pulling
  'image-not-found': permanent,
  'image-denied': permanent,
  'image-invalid': permanent,
  'image-pull-failed': transient,
  'workspace-delivery-failed': transient,
  'start-failed': permanent,
  unschedulable: permanent,
  unstartable: permanent,
  // running: never retried, because user code is never run twice
  'out-of-memory': { retryable: false, exitCode: 137 },
  evicted: permanent,
  'run-lost': permanent,
  'run-deadline-exceeded': permanent,
  // after the run
  'collect-failed': transient,
  'files-refused': permanent,
  'cleanup-failed': transient,
  // the cluster itself
  'cluster-forbidden': permanent,
  'cluster-rejected': permanent,
  'cluster-unreachable': transient,
  // any stage
  'stage-timeout': permanent,
  cancelled: { retryable: false, exitCode: 130 },
  internal: permanent
} as const satisfies Record<string, ErrorFacts>

export type ErrorCode = keyof typeof ERROR_CODES

export interface StepErrorOptions {
  /** Everything the operator needs; may have several lines. Never contains a secret. */
  readonly detail?: string | undefined
  readonly cause?: unknown
  /** Ledger names that are still there (only with `cleanup-failed`). */
  readonly remaining?: readonly string[] | undefined
}

/**
 * A failure of one stage. `message` is one line for the workflow author that says what to do.
 * Recognise it by `code`, never by its text.
 */
export class StepError extends Error {
  override readonly name = 'StepError'
  readonly code: ErrorCode
  readonly detail: string | undefined
  readonly remaining: readonly string[] | undefined

  constructor(code: ErrorCode, message: string, options: StepErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.detail = options.detail
    this.remaining = options.remaining
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable
  }
}

/** The StepError for anything thrown: itself if it is one, else `internal` with the original as cause. */
export function toStepError(thrown: unknown): StepError {
  if (thrown instanceof StepError) return thrown
  const text = textOf(thrown)
  return new StepError('internal', `Slipway failed unexpectedly: ${text}`, {
    detail: thrown instanceof Error ? thrown.stack : undefined,
    cause: thrown
  })
}

/** The words of whatever was thrown; never throws itself, whatever that is. */
function textOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return String(thrown)
  try {
    const { message } = thrown as { message?: unknown }
    return typeof message === 'string' ? message : JSON.stringify(thrown)
  } catch {
    return Object.prototype.toString.call(thrown)
  }
}
