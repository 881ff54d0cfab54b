/**
 * The tests that `npm run mutants` asks: all that look at what the product does, without a cluster. Those that look at its text or its
 * pages are left out: a picture that differs says that something changed, not that it is wrong. So are those that measure how long
 * hostile input takes, since code with a switch for every mutant is slow.
 */
import { defineConfig } from 'vitest/config'

const TEXT_OF_THE_PROJECT = ['tidy', 'docs', 'documented-commands', 'benchmarks', 'shell-scripts'].map(
  (name) => `test/unit/${name}.test.ts`
)

// Always the same cases, and few of them: a mutant that only the hundredth of them notices is not tested.
const env = {
  SLIPWAY_SEED: '1',
  SLIPWAY_SIM_RUNS: '8',
  SLIPWAY_HOSTILE_RUNS: '10',
  IGNORE_RUNS: '500',
  SLIPWAY_TIMES_SLOWER: '100'
}

const project = (names: readonly string[], testTimeout: number) => ({
  test: {
    name: names.join(),
    include: names.map((name) => `test/${name}/**/*.test.ts`),
    exclude: [
      ...TEXT_OF_THE_PROJECT,
      'test/unit/visualizer/**',
      'test/unit/fuzz/**',
      'test/unit/cli/**',
      'test/model/coverage-report.test.ts'
    ],
    testTimeout,
    hookTimeout: testTimeout,
    env
  }
})

export default defineConfig({ test: { projects: [project(['unit', 'model'], 15_000), project(['sim'], 60_000)] } })
