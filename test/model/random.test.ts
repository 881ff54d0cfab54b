/** Plays random scenarios through the production machine and judges each by every oracle; a failure prints how to replay it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { play, type Scenario, type Tamper } from '../support/scenario.ts'
import { scenarios } from '../support/scenario-arbitrary.ts'
import { judge } from './oracles.ts'
import keptSeeds from './seeds.json' with { type: 'json' }

const RUNS = 300

/** `<seed>` for a whole series, `<seed>:<number>` for one scenario of it, `<seed>:<path>` for what a failure was shrunk to. */
function parseSeed(text: string): fc.Parameters<[Scenario]> {
  const [, seed, path] = /^(-?\d+)(?::([\d:]+))?$/.exec(text) ?? []
  if (seed === undefined) throw new Error(`not a seed: ${text}`)
  return path === undefined
    ? { seed: Number(seed), numRuns: RUNS }
    : { seed: Number(seed), path, numRuns: 1, endOnFailure: true }
}

/** Throws, with the line that replays it, when a scenario breaks a promise. */
async function explore(parameters: fc.Parameters<[Scenario]>, tamper?: Tamper): Promise<void> {
  const property = fc.asyncProperty(scenarios, async (scenario) => {
    const complaints = judge(await play(scenario, tamper))
    if (complaints.length > 0) throw new Error(complaints.join('\n'))
  })
  const result = await fc.check(property, parameters)
  if (!result.failed) return
  throw new Error(
    [
      result.errorInstance instanceof Error ? result.errorInstance.message : 'fast-check gave up',
      `scenario: ${JSON.stringify(result.counterexample?.[0])}`,
      `replay: SLIPWAY_SEED=${result.seed}:${result.counterexamplePath} npx vitest run --project model test/model/random.test.ts`
    ].join('\n')
  )
}

test(`${RUNS} random scenarios keep every promise`, async () => {
  const parameters = parseSeed(process.env.SLIPWAY_SEED ?? String(Math.trunc(Math.random() * 2 ** 31)))
  console.log(`seed: ${parameters.seed}${parameters.path === undefined ? '' : `:${parameters.path}`}`)
  await explore(parameters)
})

describe('kept seeds, each of which would show', () => {
  for (const { seed, why } of keptSeeds) test(`${seed}: ${why}`, () => explore(parseSeed(seed)))
})

describe('the search', () => {
  /** Says that it has removed everything, and removes nothing. */
  const janitorThatLies: Tamper = (ports) => ({ ...ports, janitor: { cleanUp: async () => {} } })

  test('finds a broken port, and its replay line finds the same scenario again', async () => {
    const report = await explore(parseSeed('1'), janitorThatLies).catch((error: Error) => error.message)
    expect(report).toContain('nothing is left behind: left behind and not listed')
    const [, seed = ''] = /SLIPWAY_SEED=(\S+)/.exec(String(report)) ?? []
    const again = await explore(parseSeed(seed), janitorThatLies).catch((error: Error) => error.message)
    expect(/scenario: .*/.exec(String(again))?.[0]).toBe(/scenario: .*/.exec(String(report))?.[0])
  })

  test('gets to every outcome, every stage, and a failure of every stage', async () => {
    const reached = new Set<string>()
    for (const scenario of fc.sample(scenarios, { seed: 1, numRuns: RUNS })) {
      const { output, calls } = await play(scenario)
      reached.add(output.outcome)
      for (const { stage, ending } of calls) reached.add(`${stage} ${ending}`)
    }
    const stages = ['resolving', 'building', 'pushing', 'pulling', 'running', 'collecting', 'cleaningUp']
    const endings = stages.flatMap((stage) =>
      ['succeeded', 'failed', 'abandoned'].map((ending) => `${stage} ${ending}`)
    )
    expect(reached).toEqual(new Set(['succeeded', 'failed', 'cancelled', 'stuck', ...endings]))
  })
})
