/**
 * The one way in which effects try again by themselves, for what the attempts of a machine cannot repeat. Whatever is repeated has a
 * name and a bound, and tells of every try that failed.
 */
import pRetry from 'p-retry'
import { StepError } from '../errors.ts'
import type { Clock } from '../machines/ports.ts'

export interface Retry {
  /** What is repeated, as a message would call it. */
  readonly name: string
  /** With the first one. */
  readonly attemptsMax: number
  isRetryable(error: Error): boolean
  /** How long to wait after an attempt that failed; attempts count from 1. Milliseconds. */
  backOffMs(attempt: number, error: Error): number
  /** Told of each attempt that failed and is followed by another one, before the wait. */
  onFailed(error: Error, attempt: number): void
}

/** Rejects as the last attempt does, and with `cancelled` once the signal is aborted. */
export async function retried<T>(
  retry: Retry,
  work: (attempt: number) => Promise<T>,
  clock: Clock,
  signal: AbortSignal
): Promise<T> {
  const isAgain = (error: Error) => !signal.aborted && retry.isRetryable(error)
  try {
    return await pRetry(work, {
      retries: retry.attemptsMax - 1,
      // The waits are made below, by the injected clock.
      minTimeout: 0,
      signal,
      shouldRetry: ({ error }) => isAgain(error),
      async onFailedAttempt({ error, attemptNumber, retriesLeft }) {
        if (!isAgain(error) || retriesLeft === 0) return
        retry.onFailed(error, attemptNumber)
        await clock.sleep(retry.backOffMs(attemptNumber, error), signal)
      }
    })
  } catch (error) {
    if (signal.aborted) throw new StepError('cancelled', `${retry.name} was cancelled`, { cause: error })
    throw error
  }
}
