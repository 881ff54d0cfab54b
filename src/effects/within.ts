/** Work that may take a limited time on the clock that is given, for what hangs where others fail. */
import type { Clock } from '../machines/ports.ts'

/** Rejects as the work does, whose signal is aborted when the time is over. */
export async function within<T>(
  clock: Clock,
  msMax: number,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal
): Promise<T> {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  clock.sleep(msMax, either).then(
    () => stop.abort(),
    () => {}
  )
  try {
    return await work(either)
  } finally {
    stop.abort()
  }
}
