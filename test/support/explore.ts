/** Looks for a scenario that breaks a promise, for the random suites; what is found comes with the line that replays it. */
import fc from 'fast-check'
import { SEED_ASKED } from './seed.ts'

/** `<seed>` for a whole series, `<seed>:<number>` for one scenario of it, `<seed>:<path>` for what a failure was shrunk to. */
export function parseSeed<T>(text: string, runs: number): fc.Parameters<[T]> {
  const [, seed, path] = /^(-?\d+)(?::([\d:]+))?$/.exec(text) ?? []
  if (seed === undefined) throw new Error(`not a seed: ${text}`)
  return path === undefined
    ? { seed: Number(seed), numRuns: runs }
    : { seed: Number(seed), path, numRuns: 1, endOnFailure: true }
}

/** Says first which seed it is. */
export function chosenSeed<T>(runs: number): fc.Parameters<[T]> {
  const parameters = parseSeed<T>(SEED_ASKED, runs)
  console.log(`seed: ${parameters.seed}${parameters.path === undefined ? '' : `:${parameters.path}`}`)
  return parameters
}

/** Throws when `complaintsOf` has something to say about a scenario. `suite` and `file`: of this test, for the line that replays it. */
export async function explore<T>(
  suite: 'model' | 'sim',
  scenarios: fc.Arbitrary<T>,
  complaintsOf: (scenario: T) => Promise<readonly string[]>,
  parameters: fc.Parameters<[T]>,
  file = 'random'
): Promise<void> {
  const property = fc.asyncProperty(scenarios, async (scenario) => {
    const complaints = await complaintsOf(scenario)
    if (complaints.length > 0) throw new Error(complaints.join('\n'))
  })
  const result = await fc.check(property, parameters)
  if (!result.failed) return
  throw new Error(
    [
      result.errorInstance instanceof Error ? result.errorInstance.message : 'fast-check gave up',
      `scenario: ${JSON.stringify(result.counterexample?.[0])}`,
      `replay: SLIPWAY_SEED=${result.seed}:${result.counterexamplePath} npx vitest run --project ${suite} test/${suite}/${file}.test.ts`
    ].join('\n')
  )
}
