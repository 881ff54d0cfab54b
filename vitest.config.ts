/** One project per suite, so that `--project model` and the like run one of them. */
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const project = (name: string, testTimeout: number, options: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout, ...options }
})

/** Two also on two cores, where vitest takes one: much of what is tested is waited for. */
const WORKERS = Math.max(2, availableParallelism() - 1)

export default defineConfig({
  test: {
    maxWorkers: WORKERS,
    projects: [
      project('unit', 10_000),
      project('model', 30_000),
      project('sim', 120_000),
      project('contract', 60_000),
      // The visualizer's page in a real browser.
      project('page', 60_000),
      // One node, one registry: the cluster's tests run one after the other. A kubelet on two busy cores may miss a moment
      // once, and vitest then says `retry x1`; what fails twice is a failure.
      project('cluster', 300_000, {
        fileParallelism: false,
        retry: 1,
        setupFiles: ['test/cluster/support/failed-tries.ts']
      }),
      // Ratios mean something only while nothing else runs, so no other suite includes them.
      project('bench', 1_200_000, { fileParallelism: false })
    ]
  }
})
