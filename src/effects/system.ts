/** The only place that reads the computer's clock and its randomness, for everything else to be given. */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../machines/ports.ts'

/** Monotonic time, abortable sleep, and jitter between half and all of a delay. */
export const systemClock: Clock = {
  now: () => performance.now(),
  async sleep(ms, signal) {
    await delay(ms, undefined, { signal })
  },
  jitter: (ms) => ms * (0.5 + Math.random() / 2)
}

/** `length` random lowercase hexadecimal digits. */
export const randomHex = (length: number): string =>
  randomBytes(Math.ceil(length / 2))
    .toString('hex')
    .slice(0, length)

/** Aborts after `ms`, and does not keep the process alive for it. */
export const timeoutSignal = (ms: number): AbortSignal => AbortSignal.timeout(ms)

/** Calls `action` every `ms` milliseconds until the returned function is called; does not keep the process alive. */
export function every(ms: number, action: () => void): () => void {
  const timer = setInterval(action, ms)
  timer.unref()
  return () => clearInterval(timer)
}
