/**
 * The exceptions to the rule that only the machines try again: all of them, each with a name and bounds, and each says in the log
 * what it does. Everything else in src/effects fails at once, and the stage decides.
 */
import pRetry from 'p-retry'
import type { Clock } from '../machines/ports.ts'

export interface Bounds {
  /** Besides the first try. */
  readonly retriesMax: number
  /** Before the first retry; doubles with each one up to `waitMsMax`, and is shortened at random. */
  readonly waitMs: number
  readonly waitMsMax: number
}

export const EXCEPTIONS = {
  /** One call to the API server, a command in a container included: cheaper to make again than all that its stage has done so far. */
  apiCall: { retriesMax: 4, waitMs: 400, waitMsMax: 10_000 },
  /** The connection that files go through into a pod: likewise, and the pod is waiting for them. */
  copyIn: { retriesMax: 20, waitMs: 50, waitMsMax: 50 }
} as const satisfies Record<string, Bounds>

interface Retried {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Whether the same may succeed when it is simply done again. */
  readonly mayHeal: (error: Error) => boolean
  /** Says that it failed, and that it is tried again. */
  readonly say: (error: Error) => void
  /** How long the other side asks to be left alone; up to `waitMsMax`, that is obeyed. */
  readonly askedForMs?: (error: Error) => number
}

/** Rejects as the last try does, and with the signal's reason once it is aborted. */
export const retry = <T>(exception: keyof typeof EXCEPTIONS, work: () => Promise<T>, retried: Retried): Promise<T> =>
  retryWithin(EXCEPTIONS[exception], work, retried)

/** The same for what a stage leaves to its port, as it does a push: its bounds come with the call. `work` gets its number, from 1. */
export async function retryWithin<T>(
  { retriesMax, waitMs, waitMsMax }: Bounds,
  work: (attempt: number) => Promise<T>,
  { clock, signal, mayHeal, say, askedForMs = () => 0 }: Retried
): Promise<T> {
  const result = pRetry(work, {
    retries: retriesMax,
    // The waits are made below, by the injected clock.
    minTimeout: 0,
    signal,
    shouldRetry: ({ error }) => !signal.aborted && mayHeal(error),
    async onFailedAttempt({ error, attemptNumber, retriesLeft }) {
      if (signal.aborted || retriesLeft === 0 || !mayHeal(error)) return
      say(error)
      const backOffMs = clock.jitter(waitMs * 2 ** (attemptNumber - 1))
      await clock.sleep(Math.min(Math.max(askedForMs(error), backOffMs), waitMsMax), signal)
    }
  })
  return await result.catch((error: unknown) => {
    signal.throwIfAborted()
    throw error
  })
}
