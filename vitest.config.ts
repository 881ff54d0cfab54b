/** One project per suite, so that `--project model` and the like run one of them. */
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'

const project = (name: string, testTimeout: number, options: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout, ...options }
})

const seeded = { setupFiles: ['test/support/seed.ts'] }

/** Two also on two cores, where vitest takes one: much of what is tested is waited for. */
const WORKERS = Math.max(2, availableParallelism() - 1)

/**
 * A kubelet on two busy cores may miss a moment once, and vitest then says `retry x1`; what fails twice is a failure.
 */
const cluster = { retry: 1, setupFiles: ['test/cluster/support/failed-tries.ts'] }

const filesOf = (...names: readonly string[]) => names.map((name) => `test/cluster/${name}.test.ts`)
/** What has names that are there once in a cluster, as pages give them: one after the other, and beside all others where .ci/run runs them. */
const ONCE = filesOf('arc', 'deploy', 'gc', 'quickstart')
/** What takes something from all others while it runs: the registry, a node, the node ports. One after the other, at the end. */
const ALONE = filesOf('nftables', 'registry-outage', 'two-nodes')

export default defineConfig({
  test: {
    maxWorkers: WORKERS,
    sequence: { sequencer: LongestFirst },
    projects: [
      // Its many small files need less time than a process of its own for each.
      project('unit', 30_000, { isolate: false, ...seeded }),
      project('model', 120_000, seeded),
      project('sim', 120_000),
      project('contract', 60_000),
      // The visualizer's page in a real browser.
      project('page', 60_000, { globalSetup: ['test/page/support/install.ts'] }),
      project('cluster', 300_000, {
        ...cluster,
        include: ['test/cluster/**/*.test.ts', 'test/parity/**/*.test.ts'],
        exclude: [...ONCE, ...ALONE],
        // What they do is done by kubelets, once a second.
        maxWorkers: WORKERS + 1,
        sequence: { groupOrder: 1 }
      }),
      project('cluster-once', 300_000, {
        ...cluster,
        include: ONCE,
        fileParallelism: false,
        sequence: { groupOrder: 2 }
      }),
      project('cluster-alone', 300_000, {
        ...cluster,
        include: ALONE,
        fileParallelism: false,
        sequence: { groupOrder: 3 }
      }),
      // Ratios mean something only while nothing else runs, so no other suite includes them.
      project('bench', 1_200_000, { fileParallelism: false })
    ]
  }
})
