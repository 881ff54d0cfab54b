/**
 * Every Dockerfile of the suite, built as the hook builds it, is the image that BuildKit makes of it; the exceptions stand in
 * expected/kaniko.json, and one that is none any more has to leave it. PARITY=write writes that file, PARITY_ONLY is a pattern for the
 * names of those to be built, and with neither a share is built, by PARITY_SEED: one in ten of what Kaniko is given as it is written, three
 * in ten of what it is given in other words or would only be given where there is no BuildKit, and all that is known to differ; PARITY=all
 * builds all. All are built in storage mode copy, a tenth in mode volume as well: what .dockerignore does, and some more.
 */
import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canBuild } from '../cluster/support/images.ts'
import { createRunnerPod, type RunnerPod, type StorageMode } from '../cluster/support/runner-pod.ts'
import { createTestNamespace, type TestNamespace } from '../cluster/support/test-namespace.ts'
import { idOf, type ParityCase } from './case.ts'
import { CASES } from './cases/index.ts'
import { type Bench, openBench } from './support/bench.ts'
import { chosenOf } from './support/choice.ts'
import { type Deviation, readDeviations, readReferences, writeDeviations } from './support/expected.ts'
import { buildOurs } from './support/ours.ts'
import { judge } from './support/outcome.ts'
import { sample } from './support/sample.ts'

const isWriting = process.env.PARITY === 'write'
const WHY_MAX = 6
const EVERY = 20
/** Shares; with them the suite takes some nine minutes. */
const LEFT_OUT = { asWritten: 0.9, others: 0.7 }
const SEEDS = 2 ** 31

const only = new RegExp(process.env.PARITY_ONLY ?? '')
const isAll = isWriting || process.env.PARITY_ONLY !== undefined || process.env.PARITY === 'all'
const seed = Number(process.env.PARITY_SEED ?? randomInt(SEEDS))
const choice = await chosenOf(CASES)
const known = readDeviations()
const right = CASES.filter((given) => known[idOf(given)] === undefined)
const isPlain = (given: ParityCase) => {
  const { builder, isAsWritten } = choice.get(idOf(given)) ?? {}
  return builder === 'kaniko' && isAsWritten === true
}
const shareOf = (cases: readonly ParityCase[], leftOut: number) =>
  sample(cases, Math.floor(cases.length * leftOut), seed)
/** Some in one run, others in the next. */
const left = new Set(
  isAll
    ? []
    : [
        ...shareOf(right.filter(isPlain), LEFT_OUT.asWritten),
        ...shareOf(
          right.filter((given) => !isPlain(given)),
          LEFT_OUT.others
        )
      ]
)
const chosen = CASES.filter((given) => only.test(idOf(given)) && !left.has(given))

const MODES: readonly (readonly [StorageMode, readonly ParityCase[]])[] = [
  ['copy', chosen],
  ['volume', chosen.filter(({ group }, at) => group === '.dockerignore' || at % EVERY === 0)]
]

const references = readReferences().of
const seen = new Map<string, Deviation | undefined>()

/** What was not looked at now stays. */
function withSeen() {
  const ids = new Set(CASES.map(idOf))
  const kept = Object.entries(known).filter(([id]) => ids.has(id) && !seen.has(id))
  const found = [...seen].flatMap(([id, deviation]) => (deviation === undefined ? [] : [[id, deviation] as const]))
  return Object.fromEntries([...kept, ...found])
}

describe.skipIf(!(await canBuild())).each(MODES)(`with Kaniko, storage mode %s, seed ${seed}`, (mode, cases) => {
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
