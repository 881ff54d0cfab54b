/** Takes every transition of the production machines on real actors; an edge that nothing reaches fails the suite. */

import { describe, expect, test } from 'vitest'
import { type AnyEventObject, createMachine, type MachineConfig, type MachineContext } from 'xstate'
import { containerStepModel } from '../support/container-step-model.ts'
import { assertFullCoverage, drive, measureCoverage, walk } from '../support/drive.ts'
import { edgePaths, edgesOf, type MachineModel, titleOf } from '../support/machine-graph.ts'
import { playPath } from '../support/path-history.ts'
import { ALL_SCRIPTED } from '../support/scripted-machines.ts'
import { judge } from './oracles.ts'

for (const scripted of ALL_SCRIPTED) {
  const { model } = scripted
  describe(model.machine.id, () => {
    const paths = edgePaths(model)

    for (const path of paths) {
      test(titleOf(path), async () => {
        const driven = await walk(model, path)
        expect(model.keyOf(driven.snapshot())).toBe(model.keyOf(path.state))
        expect(judge(await playPath(scripted, path))).toEqual([])
      })
    }

    test('every transition and every state is reached', async () => {
      const coverage = await measureCoverage(model, paths)
      const { transitions, states } = coverage
      console.log(
        `${model.machine.id}\ntransitions: ${transitions.taken} of ${transitions.all}\nstates: ${states.taken} of ${states.all}`
      )
      assertFullCoverage(coverage)
      expect(transitions.taken).toBe(transitions.all)
    })

    test('without its last path, coverage is not full', async () => {
      expect(paths.length).toBeGreaterThan(1)
      const coverage = await measureCoverage(model, paths.slice(0, -1))
      expect(() => assertFullCoverage(coverage)).toThrow('never reached')
    })
  })
}

describe('the graph of container-step', () => {
  const { keyOf } = containerStepModel
  const edges = edgesOf(containerStepModel)

  test('every situation that is not an end leads on', () => {
    const leadOn = new Set(
      edges.filter((edge) => keyOf(edge.nextState) !== keyOf(edge.state)).map((edge) => keyOf(edge.state))
    )
    const active = edges.map((edge) => edge.nextState).filter((state) => state.status === 'active')
    expect(active.length).toBeGreaterThan(0)
    expect(active.map(keyOf).filter((key) => !leadOn.has(key))).toEqual([])
  })

  test('running is entered once, from pulling or handingOver, and nothing leads back to an earlier stage', () => {
    const sourcesOf = (stage: string) =>
      new Set(edges.filter((edge) => edge.nextState.matches(stage)).map((edge) => Object.keys(edge.state.value)[0]))
    expect(sourcesOf('joining')).toEqual(new Set(['resolving', 'joining']))
    expect(sourcesOf('building')).toEqual(new Set(['resolving', 'joining', 'building']))
    expect(sourcesOf('pushing')).toEqual(new Set(['building', 'pushing']))
    expect(sourcesOf('pulling')).toEqual(new Set(['resolving', 'joining', 'pushing', 'pulling']))
    expect(sourcesOf('taking')).toEqual(new Set(['resolving', 'taking']))
    expect(sourcesOf('buildingInPlace')).toEqual(new Set(['resolving', 'taking', 'buildingInPlace']))
    expect(sourcesOf('handingOver')).toEqual(new Set(['taking', 'buildingInPlace', 'handingOver']))
    expect(sourcesOf('running')).toEqual(new Set(['pulling', 'handingOver']))
    expect(sourcesOf('collecting')).toEqual(new Set(['running', 'collecting']))
  })
})

/** The container-step machine with one more thing in it. */
function altered(change: (config: MachineConfig<MachineContext, AnyEventObject>) => void): MachineModel {
  const { machine } = containerStepModel
  const config = { ...machine.config, states: { ...machine.config.states } }
  change(config)
  return { ...containerStepModel, machine: createMachine(config, machine.implementations as never) as never }
}

describe('the coverage check', () => {
  test('fails for an edge whose guard never holds', async () => {
    const model = altered((config) => {
      const pushing = config.states?.pushing
      config.states = {
        ...config.states,
        pushing: { ...pushing, on: { ...pushing?.on, SKIP: { target: 'pulling', guard: () => false } } }
      }
    })
    const coverage = await measureCoverage(model)
    expect(coverage.transitions.missing).toEqual(['container-step.pushing|SKIP|0'])
    expect(() => assertFullCoverage(coverage)).toThrow('container-step.pushing|SKIP|0')
  })

  test('fails for a state that nothing leads to', async () => {
    const model = altered((config) => {
      config.states = { ...config.states, forgotten: { on: { CANCEL: 'cleaningUp' } } }
    })
    const coverage = await measureCoverage(model)
    expect(coverage.states.missing).toEqual(['container-step.forgotten'])
    expect(() => assertFullCoverage(coverage)).toThrow('container-step.forgotten|CANCEL|0')
  })

  test('passes for the same copy with nothing added', async () => {
    assertFullCoverage(await measureCoverage(altered(() => {})))
  })
})

describe('a driven actor', () => {
  test('refuses the answer of an actor that is not running', async () => {
    const driven = drive(containerStepModel.machine, containerStepModel.input)
    await driven.apply({ type: 'xstate.init', says: 'starts' })
    await expect(driven.apply({ type: 'xstate.done.actor.pushing', says: 'pushed' })).rejects.toThrow(
      'pushing is not running'
    )
    driven.stop()
  })
})
