/** Plays random scenarios through the production machine and judges each by every oracle; a failure prints how to replay it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chosenSeed, explore, parseSeed } from '../support/explore.ts'
import { play, type Scenario, type Tamper } from '../support/scenario.ts'
import { scenariosOf } from '../support/scenario-arbitrary.ts'
import { ALL_SCRIPTED, SCRIPTED, type ScriptedMachine } from '../support/scripted-machines.ts'
import { judge } from './oracles.ts'
import keptSeeds from './seeds.json' with { type: 'json' }
import { straysOf } from './walk.ts'

const RUNS = 200

const playedBy = (tamper?: Tamper) => async (scenario: Scenario) => {
  const history = await play(scenario, tamper)
  return [...judge(history), ...straysOf(history, scenario.script)]
}
const exploreAll = (machine: ScriptedMachine, parameters: fc.Parameters<[Scenario]>, tamper?: Tamper) =>
  explore('model', scenariosOf(machine), playedBy(tamper), parameters)

const containerStep = SCRIPTED['container-step']

for (const machine of ALL_SCRIPTED) {
  test(`${machine.id}: ${RUNS} random scenarios keep every promise, and go where the reference does`, async () => {
    await exploreAll(machine, chosenSeed(RUNS))
  })
}

describe('kept seeds, each of which would show', () => {
  for (const { seed, why } of keptSeeds) test(`${seed}: ${why}`, () => exploreAll(containerStep, parseSeed(seed, RUNS)))
})

describe('the search', () => {
  /** Says that it has removed everything, and removes nothing. */
  const janitorThatLies: Tamper = (ports) => ({ ...ports, janitor: { cleanUp: async () => {} } })

  test('finds a broken port, and its replay line finds the same scenario again', async () => {
    const report = await exploreAll(containerStep, parseSeed('1', RUNS), janitorThatLies).catch(
      (error: Error) => error.message
    )
    expect(report).toContain('nothing is left behind: left behind and not listed')
    const [, seed = ''] = /SLIPWAY_SEED=(\S+)/.exec(String(report)) ?? []
    const again = await exploreAll(containerStep, parseSeed(seed, RUNS), janitorThatLies).catch(
      (error: Error) => error.message
    )
    expect(/scenario: .*/.exec(String(again))?.[0]).toBe(/scenario: .*/.exec(String(report))?.[0])
  })

  for (const machine of ALL_SCRIPTED) {
    test(`gets to every outcome of ${machine.id}, every stage, and a failure of every stage`, async () => {
      const reached = new Set<string>()
      for (const scenario of fc.sample(scenariosOf(machine), { seed: 1, numRuns: 2 * RUNS })) {
        const { output, calls } = await play(scenario)
        reached.add(output.outcome)
        for (const { stage, ending } of calls) reached.add(`${stage} ${ending}`)
      }
      const endings = machine.stages.flatMap((stage) =>
        ['succeeded', 'failed', 'abandoned'].map((ending) => `${stage} ${ending}`)
      )
      expect(reached).toEqual(new Set(['succeeded', 'failed', 'cancelled', 'stuck', ...endings]))
    })
  }
})

test('a run that went elsewhere than the reference is noticed', async () => {
  const script = { resolution: 'prebuilt', exitCode: 0, calls: {} } as const
  const { budgets } = containerStep.model.input as Pick<Scenario, 'budgets'>
  const history = await play({ machine: 'container-step', script, budgets, cancelAtTicks: [], jitter: 1 })
  expect(straysOf(history, script)).toEqual([])
  expect(straysOf(history, { ...script, resolution: 'build' })).toEqual([
    'in pulling.attempting by xstate.done.actor.resolving where the reference is in building.attempting'
  ])
  expect(straysOf({ ...history, facts: history.facts.slice(0, -1) }, script)).toEqual([
    'ended as succeeded in cleaningUp'
  ])
})
