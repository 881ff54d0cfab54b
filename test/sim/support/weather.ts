/** What goes wrong between the hooks of a scenario and the cluster: which call meets which trouble, counted over all of them. */
import type { Clock } from '../../../src/machines/ports.ts'
import type { CallName, Fault, Outage, Trouble } from './story.ts'

export interface Weather {
  /** What this call meets; every call is asked about once. */
  troubleOf(call: CallName): Trouble | undefined
  readonly outage?: Outage | undefined
}

export const FAIR: Weather = { troubleOf: () => undefined }

/** `endsMs`: when all is well again, on the clock. */
export function createWeather(
  clock: Clock,
  faults: readonly Fault[],
  outage: Outage | undefined,
  endsMs = Number.POSITIVE_INFINITY
): Weather {
  const counts = new Map<CallName, number>()
  const isAway = () => {
    const passedMs = clock.now() - (outage?.fromMs ?? Number.POSITIVE_INFINITY)
    return passedMs >= 0 && passedMs < (outage?.forMs ?? 0)
  }
  return {
    outage,
    troubleOf(call) {
      const count = counts.get(call) ?? 0
      counts.set(call, count + 1)
      if (clock.now() >= endsMs) return undefined
      if (call !== 'registry' && isAway()) return { does: 'reset', after: false }
      const met = faults.find((fault) => fault.call === call && count >= fault.nth && count < fault.nth + fault.times)
      return met?.trouble
    }
  }
}
