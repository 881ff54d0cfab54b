/**
 * The tests that `npm run mutants` asks: all that look at what the product does, without a cluster. Those that look at its text or its
 * pages are left out: a picture that differs says that something changed, not that it is wrong. So are those that measure how long
 * hostile input takes, since code with a switch for every mutant is slow.
 */
import { defineConfig } from 'vitest/config'
import type { Reporter, TestModule } from 'vitest/node'

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

/** Folders below test/; set by scripts/mutants.mjs. */
const asked = (process.env.SLIPWAY_MUTANTS_TESTS ?? 'unit,model,sim').split(',')

/** Stryker looks at tests alone: without this one, a mutant with which a file of tests cannot even be loaded would have survived. */
const loadFailures: Reporter = {
  onTestModuleEnd(module: TestModule) {
    if (module.errors().length === 0 || [...module.children.allTests()].length > 0) return
    const { task } = module as unknown as { task: { tasks: object[]; result: object } }
    task.tasks.push({
      type: 'test',
      name: 'loads',
      file: task,
      suite: task,
      result: task.result,
      mode: 'run',
      meta: {}
    })
  }
}

export default defineConfig({
  test: {
    reporters: [loadFailures],
    include: asked.map((folder) => `test/${folder}/**/*.test.ts`),
    exclude: [
      ...TEXT_OF_THE_PROJECT,
      'test/unit/visualizer/**',
      'test/unit/fuzz/**',
      'test/unit/cli/**',
      'test/model/coverage-report.test.ts'
    ],
    // A test that hangs is ended by Stryker; one that only takes its time on a busy machine is not.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env
  }
})
