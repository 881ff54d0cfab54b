/** Durations and counts in words, the same in the documents, the page and the terminal. */

const UNITS = [
  { name: 'day', ms: 86_400_000 },
  { name: 'hour', ms: 3_600_000 },
  { name: 'minute', ms: 60_000 }
] as const

/** `1 file`, `2 files`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`

/** A bound, exactly: `5 days`, `1 hour`, `10 minutes`, `90 s`. */
export function budgetInWords(ms: number): string {
  const unit = UNITS.find((candidate) => ms % candidate.ms === 0)
  return unit === undefined ? `${ms / 1_000} s` : count(ms / unit.ms, unit.name)
}

/** A measured time: `35 ms`, `1.53 s`, `2 min 5 s`. */
export function timeInWords(ms: number): string {
  if (ms < 100) return `${Math.round(ms)} ms`
  if (ms < 59_995) return `${(ms / 1_000).toFixed(2)} s`
  const seconds = Math.round(ms / 1_000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
