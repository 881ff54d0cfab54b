/**
 * How the tries of a push go, for the builder to tell: the container that pushes tries again by itself, so that a failed try is a
 * line of its log, and its end is the end of all of them (docs/adr/0014).
 */
import { StepError } from '../../../errors.ts'
import type { TryEvent } from '../../../machines/inputs.ts'
import type { Clock } from '../../../machines/ports.ts'
import type { BuilderDefinition } from '../../builders/definition.ts'

/** How often the log of a push that goes on is looked at; most have ended by then. */
const LOOK_MS = 1_000
/** How often the log of a push that has ended is asked for, and how long apart at first and at most. */
const LAST_LOOKS_MAX = 10
const LAST_LOOK_MS = 250
const LAST_LOOK_MS_MAX = 5_000

/** Gives the log; less of it, or an empty text, when there is none or it cannot be had now. */
type ReadLog = (signal: AbortSignal) => Promise<string>

export interface PushTries {
  /** Tells what is new of a push that goes on. Its log is looked at once a second at most. */
  look(signal: AbortSignal): Promise<void>
  /** For a push that has ended without success: tells what is new of its tries, and returns why there is no other one. */
  ended(signal: AbortSignal): Promise<StepError>
  /** For a push that has ended well: the digest it says it pushed; undefined when its log does not say, or cannot be had now. */
  pushed(signal: AbortSignal): Promise<string | undefined>
}

/**
 * The log says that a try has failed and how long the container waits then, but not that the next one has begun: it has when that
 * time is over, and at the latest when it has failed as well.
 */
export function watchPushTries(
  clock: Clock,
  definition: BuilderDefinition,
  triesMax: number,
  tell: (event: TryEvent) => void,
  readLog: ReadLog
): PushTries {
  let told = 0
  let lookedAtMs = clock.now()
  let waitsUntilMs: number | undefined
  const tellStarted = () => {
    if (waitsUntilMs === undefined) return
    waitsUntilMs = undefined
    tell({ type: 'TRY_STARTED' })
  }
  const tellFailed = (log: string) => {
    for (const { failure, pauseMs } of definition.failedPushes(log).slice(told)) {
      tellStarted()
      told += 1
      waitsUntilMs = clock.now() + pauseMs
      tell({ type: 'TRY_FAILED', error: failure })
    }
  }
  /** What comes of an answer may be less than the log: an API server that goes away cuts it. */
  const lastLook = async <T>(find: (log: string) => T | undefined, signal: AbortSignal): Promise<T | undefined> => {
    for (let looks = 1; ; looks += 1) {
      const found = find(await readLog(signal))
      if (found !== undefined || looks === LAST_LOOKS_MAX) return found
      await clock.sleep(Math.min(LAST_LOOK_MS * 2 ** (looks - 1), LAST_LOOK_MS_MAX), signal)
    }
  }
  return {
    async look(signal) {
      if (clock.now() >= (waitsUntilMs ?? Number.POSITIVE_INFINITY)) tellStarted()
      if (clock.now() - lookedAtMs < LOOK_MS) return
      tellFailed(await readLog(signal))
      lookedAtMs = clock.now()
    },
    async ended(signal) {
      const log = (await lastLook((text) => text || undefined, signal)) ?? ''
      tellFailed(log)
      tellStarted()
      return finalFailure(definition.classifyPushFailure(log), told + 1 >= triesMax)
    },
    pushed: (signal) => lastLook(definition.pushedDigest, signal)
  }
}

/** A push that gave up before its last try gave up for good, whatever the reason would mean while it went on. */
function finalFailure(failure: StepError, isLastTry: boolean): StepError {
  if (isLastTry || !failure.retryable) return failure
  const message = `the push has ended, and its image with it: ${failure.message}`
  return new StepError('layout-lost', message, { detail: failure.detail, cause: failure })
}
