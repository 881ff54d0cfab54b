/**
 * Every Dockerfile of the suite, built as the hook builds it, is the image that BuildKit makes of it; the exceptions stand in
 * expected/kaniko.json, and one that is none any more has to leave it. PARITY=write writes that file. All are built in storage
 * mode copy, every tenth in mode volume as well.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canBuild } from '../cluster/support/images.ts'
import { createRunnerPod, type RunnerPod, type StorageMode } from '../cluster/support/runner-pod.ts'
import { createTestNamespace, type TestNamespace } from '../cluster/support/test-namespace.ts'
import { idOf, type ParityCase } from './case.ts'
import { CASES } from './cases/index.ts'
import { type Bench, openBench } from './support/bench.ts'
import { type Deviation, readDeviations, readReferences, writeDeviations } from './support/expected.ts'
import { buildOurs } from './support/ours.ts'
import { judge } from './support/outcome.ts'

const isWriting = process.env.PARITY === 'write'
const WHY_MAX = 6
const EVERY = 10

const MODES: readonly (readonly [StorageMode, readonly ParityCase[]])[] = [
  ['copy', CASES],
  ['volume', CASES.filter((_, at) => at % EVERY === 0)]
]

const references = readReferences().of
const known = readDeviations()
const seen = new Map<string, Deviation | undefined>()

/** What was not looked at now stays. */
function withSeen() {
  const ids = new Set(CASES.map(idOf))
  const kept = Object.entries(known).filter(([id]) => ids.has(id) && !seen.has(id))
  const found = [...seen].flatMap(([id, deviation]) => (deviation === undefined ? [] : [[id, deviation] as const]))
  return Object.fromEntries([...kept, ...found])
}

describe.skipIf(!(await canBuild())).each(MODES)('with Kaniko, storage mode %s', (mode, cases) => {
  let bench: Bench
  let namespace: TestNamespace
  let runner: RunnerPod
  beforeAll(async () => {
    bench = await openBench()
    namespace = await createTestNamespace()
    runner = await createRunnerPod(namespace.name, mode)
  })
  afterAll(async () => {
    await runner?.remove()
    await namespace?.remove()
    await bench?.close()
  })

  describe.concurrent('the image is the same:', () => {
    it.each(cases.map((given) => [idOf(given), given] as const))('%s', async (id, given) => {
      const reference = references.get(id)
      if (reference === undefined) throw new Error(`npm run parity:reference has not been run since ${id} is there`)
      const { verdict, why } = judge(await buildOurs(bench, runner, given), reference)
      const isRight = verdict === 'same' || verdict === 'refused by both'
      const words = why.slice(0, WHY_MAX).map((line) => line.replaceAll(bench.registry, 'registry'))
      seen.set(id, isRight ? undefined : { verdict, why: words })
      // At once: a run that is ended early has shown something.
      if (isWriting) return writeDeviations(withSeen())
      const expected = known[id]?.verdict ?? (reference === 'refused' ? 'refused by both' : 'same')
      expect(verdict, [id, given.dockerfile, ...why].join('\n')).toBe(expected)
    })
  })
})
