/**
 * With BuildKit as its builder the hook refuses nothing that BuildKit builds, and makes no other image. With `auto` that is so for all that
 * Kaniko refuses, and for what it is known to make otherwise where a text shows it. A few by PARITY_SEED are built by BuildKit in each run,
 * PARITY=all builds all, PARITY_ONLY is a pattern for the names of those to be built.
 */
import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BuildkitDaemon, CLIENT_SECRET, startBuildkitDaemon } from '../cluster/support/buildkit.ts'
import { canBuild, IMAGES } from '../cluster/support/images.ts'
import type { BuilderOptions } from '../cluster/support/kubernetes-backend.ts'
import { createRunnerPod, type RunnerPod } from '../cluster/support/runner-pod.ts'
import { createTestNamespace, type TestNamespace } from '../cluster/support/test-namespace.ts'
import { idOf, type ParityCase } from './case.ts'
import { CASES } from './cases/index.ts'
import { type Bench, openBench } from './support/bench.ts'
import { chosenOf } from './support/choice.ts'
import { readDeviations, readReferences } from './support/expected.ts'
import { isOfOtherFrontend } from './support/frontend.ts'
import { buildOurs } from './support/ours.ts'
import { judge, type Verdict } from './support/outcome.ts'
import { sample } from './support/sample.ts'

const SAMPLE = 15
const SEEDS = 2 ** 31

const isAll = process.env.PARITY === 'all' || process.env.PARITY_ONLY !== undefined
const only = new RegExp(process.env.PARITY_ONLY ?? '')
const seed = Number(process.env.PARITY_SEED ?? randomInt(SEEDS))
const references = readReferences().of
const ofKaniko = readDeviations()
const cases = CASES.filter((given) => only.test(idOf(given)) && !isOfOtherFrontend(given))
const hard = cases.filter((given) => ofKaniko[idOf(given)] !== undefined)

/**
 * What a daemon in a user namespace cannot do: make device nodes, and mount the /sys that a network of its own has. It gives a RUN none at
 * all, because it could not keep it from being written to.
 */
const NOT_IN_USER_NAMESPACES: readonly string[] = [
  'RUN/device node',
  'RUN/--network=none',
  'RUN//proc and /sys are mounted'
]
const chosen = await chosenOf(hard)

/** What BuildKit is given in other words, in each run. */
const REWRITTEN: readonly string[] = ['COPY/setuid, setgid and sticky are kept']
const isRewritten = (given: ParityCase) => REWRITTEN.includes(idOf(given))
const some = [
  ...cases.filter(isRewritten),
  ...sample(
    cases.filter((given) => !isRewritten(given)),
    SAMPLE,
    seed
  )
]

const MODES: readonly (readonly [string, Partial<BuilderOptions>, readonly ParityCase[]])[] = [
  ['buildkit', { builder: 'buildkit', builderImage: IMAGES.buildkit }, isAll ? cases : some],
  ['auto', { builder: 'auto', builderImage: `kaniko=${IMAGES.kaniko},buildkit=${IMAGES.buildkit}` }, hard]
]

function expectedOf(given: ParityCase, builder: BuilderOptions['builder']): Verdict {
  const id = idOf(given)
  if (NOT_IN_USER_NAMESPACES.includes(id)) return 'different'
  // What nothing can tell before the build.
  if (builder === 'auto' && chosen.get(id)?.builder === 'kaniko') return ofKaniko[id]?.verdict ?? 'same'
  return references.get(id) === 'refused' ? 'refused by both' : 'same'
}

describe.skipIf(!(await canBuild()))(`BuildKit, seed ${seed}`, () => {
  let bench: Bench
  let daemon: BuildkitDaemon
  let namespace: TestNamespace
  let runner: RunnerPod
  beforeAll(async () => {
    bench = await openBench()
    daemon = await startBuildkitDaemon()
    namespace = await createTestNamespace()
    await daemon.admit(namespace.name)
    runner = await createRunnerPod(namespace.name, 'copy')
  })
  afterAll(async () => {
    await runner?.remove()
    await namespace?.remove()
    await daemon?.remove()
    await bench?.close()
  })

  describe.each(MODES)('as %s', (_name, options, given) => {
    describe.concurrent('makes the image it should of', () => {
      it.each(given.map((each) => [idOf(each), each] as const))('%s', async (id, each) => {
        const reference = references.get(id)
        if (reference === undefined) throw new Error(`npm run parity:reference has not been run since ${id} is there`)
        const builderDaemon = { address: daemon.address, tlsSecret: CLIENT_SECRET }
        const builder = { pusherImage: IMAGES.kaniko, builderDaemon, ...options }
        const { verdict, why } = judge(await buildOurs(bench, runner, each, builder), reference)
        expect(verdict, [id, each.dockerfile, ...why].join('\n')).toBe(expectedOf(each, options.builder))
      })
    })
  })
})
