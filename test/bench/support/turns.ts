/** Takes measurements of several contenders in turn, for benchmarks: what changes on the machine meanwhile meets them all. */
import { setTimeout as delay } from 'node:timers/promises'
import { untilIdle } from './idle.ts'

/** The kubelet looks at containers once a second: what starts right after something ended would always be lucky. */
const KUBELET_PERIOD_MS = 1_000

/** Resolves after a random part of the kubelet's period. */
export const anyMoment = () => delay(Math.random() * KUBELET_PERIOD_MS)

/** What the runs of each contender resolved with, in the order of the rounds. */
type Results<Measured> = { readonly [Name in keyof Measured]: readonly Measured[Name][] }

/**
 * Runs every contender once per round, each on an idle machine and at a random moment, and each round begins with another one.
 * `isTidy`: they leave the machine nothing to do, so it is not waited for.
 */
export async function takeTurns<Measured extends object>(
  rounds: number,
  contenders: { readonly [Name in keyof Measured]: (round: number) => Promise<Measured[Name]> },
  { isTidy = false } = {}
): Promise<Results<Measured>> {
  const names = Object.keys(contenders) as (keyof Measured)[]
  const results = {} as { [Name in keyof Measured]: Measured[Name][] }
  for (const name of names) results[name] = []
  for (let round = 0; round < rounds; round += 1) {
    const first = round % names.length
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      if (!isTidy) await untilIdle()
      await anyMoment()
      results[name].push(await contenders[name](round))
    }
  }
  return results
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
