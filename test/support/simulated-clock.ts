/** The Clock port without a clock: time stands still until a test lets the next sleep end, one at a time. */
import type { Clock } from '../../src/machines/ports.ts'

interface Timer {
  readonly dueMs: number
  readonly end: () => void
}

export interface SimulatedClock extends Clock {
  /** Moves to the earliest sleep and ends it (of equal ones the oldest). False when none is left; endless ones do not count. */
  tick(): boolean
}

/** Lets everything happen that does not wait for time. */
export const settle = (): Promise<void> => new Promise(setImmediate)

/** A clock that starts at 0; `jitter` is the share of a delay that is kept, 0.5 to 1. */
export function createSimulatedClock(jitter = 1): SimulatedClock {
  const timers = new Set<Timer>()
  let nowMs = 0
  return {
    now: () => nowMs,
    // Whole milliseconds, so that sums of delays are exact.
    jitter: (ms) => Math.round(ms * jitter),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const abort = () => {
          timers.delete(timer)
          reject(signal.reason)
        }
        const timer = {
          dueMs: nowMs + ms,
          end() {
            signal.removeEventListener('abort', abort)
            resolve()
          }
        }
        timers.add(timer)
        signal.addEventListener('abort', abort)
      }),
    tick() {
      const [next] = [...timers].toSorted((one, other) => one.dueMs - other.dueMs)
      if (next === undefined || next.dueMs === Number.POSITIVE_INFINITY) return false
      timers.delete(next)
      nowMs = Math.max(nowMs, next.dueMs)
      next.end()
      return true
    }
  }
}
