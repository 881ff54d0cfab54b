/**
 * How the tries of a push went, for the builder: the container that pushes tries again by itself, so that a failed try is a line
 * of its log, and its end is the end of all of them (docs/adr/0014).
 */
import { StepError } from '../../../errors.ts'
import type { Clock } from '../../../machines/ports.ts'
import type { BuilderDefinition } from '../../builders/definition.ts'

/** How often the log of a push that goes on is looked at; most have ended by then. */
const LOOK_MS = 1_000
/** How often the log of a push that has ended is asked for before it is taken for empty, and how long apart. */
const LAST_LOOKS_MAX = 5
const LAST_LOOK_MS = 250

/** Gives the whole log, or an empty text when there is none or it cannot be had now. */
type ReadLog = (signal: AbortSignal) => Promise<string>

export interface PushTries {
  /** The next failed try that has not been told yet, if there is one. */
  next(): StepError | undefined
  /** Looks at the log of a push that goes on, once a second at most. */
  look(signal: AbortSignal): Promise<void>
  /** For a push that has ended without success: why its next try failed that has not been told yet, or why it gave up. */
  ended(signal: AbortSignal): Promise<StepError>
  /** For a push that has ended well: the digest it says it pushed; undefined when its log does not say, or cannot be had now. */
  pushed(signal: AbortSignal): Promise<string | undefined>
}

/** `told`: how many of the failures the machine knows. One failure is told for each attempt of the machine, so that its attempts and the tries of the container are the same. */
export function watchPushTries(
  clock: Clock,
  definition: BuilderDefinition,
  tries: { readonly told: number; readonly max: number },
  readLog: ReadLog
): PushTries {
  let failed: readonly StepError[] = []
  let { told } = tries
  let lookedAtMs = clock.now()
  const next = () => {
    const failure = failed[told]
    if (failure !== undefined) told += 1
    return failure
  }
  return {
    next,
    async look(signal) {
      if (clock.now() - lookedAtMs < LOOK_MS) return
      failed = definition.failedPushes(await readLog(signal))
      lookedAtMs = clock.now()
    },
    async ended(signal) {
      const log = await lastLog(clock, readLog, signal)
      failed = definition.failedPushes(log)
      return next() ?? finalFailure(definition.classifyPushFailure(log), told + 1 >= tries.max)
    },
    pushed: async (signal) => definition.pushedDigest(await lastLog(clock, readLog, signal))
  }
}

async function lastLog(clock: Clock, readLog: ReadLog, signal: AbortSignal): Promise<string> {
  for (let looks = 1; ; looks += 1) {
    const log = await readLog(signal)
    if (log !== '' || looks === LAST_LOOKS_MAX) return log
    await clock.sleep(LAST_LOOK_MS, signal)
  }
}

/** A push that gave up before its last try gave up for good, whatever the reason would mean while it went on. */
function finalFailure(failure: StepError, isLastTry: boolean): StepError {
  if (isLastTry || !failure.retryable) return failure
  const message = `the push has ended, and its image with it: ${failure.message}`
  return new StepError('layout-lost', message, { detail: failure.detail, cause: failure })
}
