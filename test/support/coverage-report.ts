/** What every path of the model suite takes, walked on real actors, for the page of the machines. */
import type { Coverage, CoveredPath } from '../../src/visualizer/coverage.ts'
import { walk } from './drive.ts'
import { edgePaths, type MachineModel, titleOf } from './machine-graph.ts'
import { ALL_SCRIPTED } from './scripted-machines.ts'

async function coverageOf(model: MachineModel): Promise<readonly CoveredPath[]> {
  const covered: CoveredPath[] = []
  for (const path of edgePaths(model)) {
    const driven = await walk(model, path)
    // The machine itself is no state of the graph.
    const states = [...driven.entered].filter((id) => id !== model.machine.id)
    covered.push({ title: titleOf(path), transitions: [...driven.taken], states })
  }
  return covered
}

export async function measureModelCoverage(): Promise<Coverage> {
  const entries: [string, readonly CoveredPath[]][] = []
  for (const { model } of ALL_SCRIPTED) entries.push([model.machine.id, await coverageOf(model)])
  return Object.fromEntries(entries)
}
