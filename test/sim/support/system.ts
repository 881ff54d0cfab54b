/**
 * `src/effects/system.ts` on the simulated clock, for the suites that mock it: what the product counts by the computer's clock (the
 * bound of a call, the pings of a connection) is then part of the story, and a connection that says nothing costs no real time.
 */
import type { Clock } from '../../../src/machines/ports.ts'

let clock: Clock | undefined
/** Bounds of calls that end in the same second; one sleep for all of them. */
let bounds = new Map<number, Set<AbortController>>()

/** Whose time it is from now on. */
export function useClock(simulated: Clock): void {
  clock = simulated
  bounds = new Map()
}

const current = (): Clock => {
  if (clock === undefined) throw new Error('no simulated clock was chosen')
  return clock
}

const forEver = (): AbortSignal => new AbortController().signal

export const systemClock: Clock = {
  now: () => current().now(),
  sleep: (ms, signal) => current().sleep(ms, signal),
  jitter: (ms) => current().jitter(ms)
}

const SECOND_MS = 1_000

/** Up to a second later than the product asked for: hundreds of calls have a bound, and hardly any reaches it. */
export function timeoutSignal(ms: number): AbortSignal {
  const controller = new AbortController()
  const own = current()
  const dueMs = Math.ceil((own.now() + ms) / SECOND_MS) * SECOND_MS
  const together = bounds.get(dueMs) ?? new Set()
  together.add(controller)
  if (together.size === 1) {
    bounds.set(dueMs, together)
    void own.sleep(dueMs - own.now(), forEver()).then(() => {
      for (const one of together)
        one.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))
    })
  }
  return controller.signal
}

export function every(ms: number, action: () => void): () => void {
  const stop = new AbortController()
  const own = current()
  const again = (): void => {
    own.sleep(ms, stop.signal).then(
      () => {
        action()
        again()
      },
      () => {}
    )
  }
  again()
  return () => stop.abort()
}
