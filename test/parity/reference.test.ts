/**
 * What BuildKit makes of the cases, as expected/buildkit/ has it: ten of them are built again in each run, others each time. With
 * PARITY_REFERENCE=write all are built and written, `npm run parity:reference`, with PARITY_REFERENCE=new those that have none yet; with
 * PARITY_SEED the same ten as in that run.
 */
import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canBuild } from '../cluster/support/images.ts'
import { idOf, type ParityCase } from './case.ts'
import { CASES } from './cases/index.ts'
import { differences } from './image/outline.ts'
import { type Bench, openBench } from './support/bench.ts'
import { type ReferenceBuilder, startReference } from './support/buildkit.ts'
import { readReferences, writeReferences } from './support/expected.ts'
import type { Reference } from './support/outcome.ts'
import { sample } from './support/sample.ts'

const SAMPLE = 10
const SEEDS = 2 ** 31

const asked = process.env.PARITY_REFERENCE
const isWriting = asked === 'write' || asked === 'new'
const known = asked === 'write' ? new Map<string, Reference>() : readReferences().of
const seed = Number(process.env.PARITY_SEED ?? randomInt(SEEDS))
const chosen = isWriting ? CASES.filter((given) => !known.has(idOf(given))) : sample(CASES, SAMPLE, seed)

describe.skipIf(!(await canBuild()))(`the reference, seed ${seed}`, () => {
  let bench: Bench
  let builder: ReferenceBuilder
  const built = new Map<string, Reference>()
  beforeAll(async () => {
    bench = await openBench()
    builder = await startReference(bench)
  })
  afterAll(async () => {
    if (isWriting && builder !== undefined) {
      writeReferences(CASES, { origin: { version: builder.version, on: today() }, of: new Map([...known, ...built]) })
    }
    await builder?.remove()
    await bench?.close()
  })

  describe.concurrent('is what BuildKit makes of', () => {
    it.each(chosen.map((given) => [idOf(given), given] as const))('%s', async (id, given: ParityCase) => {
      const outcome = await builder.build(given)
      const reference = outcome.kind === 'built' ? outcome.image : outcome.kind
      built.set(id, reference)
      if (isWriting) return
      const before = known.get(id)
      if (reference === 'refused' || before === 'refused' || before === undefined) expect(reference).toEqual(before)
      else expect(differences(reference, before)).toEqual([])
    })
  })
})

const today = () => new Date().toISOString().slice(0, 10)
