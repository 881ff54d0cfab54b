/** The page as the bundled command line writes it, and other versions of the machines, for the page's tests. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { currentMachines } from '../../../src/visualizer/graph.ts'
import type { MachineGraph, MachineSet } from '../../../src/visualizer/graph-format.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
export const CLI = `${root}dist/slipway.js`
export const DOCUMENT = `${root}docs/machines/index.html`

export const traceFile = (name: string): string => `${root}test/page/traces/${name}.jsonl`

/** What a command of the bundle prints; throws when it fails. */
export function slipway(...args: readonly string[]): string {
  if (!existsSync(CLI)) throw new Error('there is no dist/slipway.js: npm run build')
  return execFileSync(process.execPath, [CLI, ...args], { cwd: root, encoding: 'utf8' })
}

const withContainerStep = (change: (graph: MachineGraph) => MachineGraph): MachineSet => {
  const set = currentMachines()
  return { ...set, machines: set.machines.map((graph) => (graph.id === 'container-step' ? change(graph) : graph)) }
}

const isOfCollecting = (id: string): boolean => id.includes('.collecting')

/** A version that did not collect, had a state to scan in, and gave a build one minute. */
export const olderMachines = (): MachineSet =>
  withContainerStep((graph) => ({
    ...graph,
    states: [
      ...graph.states
        .filter(({ id }) => !isOfCollecting(id))
        .map((state) => (state.id === 'container-step.building' ? { ...state, budgetMs: 60_000 } : state)),
      { id: 'container-step.scanning', kind: 'stage', label: 'Scan', initial: false, purpose: 'Look for known flaws.' }
    ],
    transitions: [
      ...graph.transitions
        .filter(({ from }) => !isOfCollecting(from))
        .map((transition) =>
          isOfCollecting(transition.to) ? { ...transition, to: 'container-step.cleaningUp' } : transition
        ),
      {
        id: 'container-step.pushing|SCAN|0',
        from: 'container-step.pushing',
        to: 'container-step.scanning',
        event: 'SCAN',
        kind: 'cancel',
        label: 'SCAN'
      }
    ]
  }))
