/** Goal: what a builder leaves out is not hidden in its log. Method: chunks of every length, and lines that nobody means. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { defaultBuilder } from '../../../../src/effects/builders/catalog.ts'
import { keepLines } from '../../../../src/effects/builders/log.ts'

const LOG = [
  'INFO[0001] RUN --mount=type=ssh true',
  "\u001b[33mWARN\u001b[0m[0001] Kaniko does not support '--mount=type=ssh' flags in RUN statements - relying on unsupported flags can lead to invalid builds",
  'WARN[0002] Skipping copy targeting kaniko directory: /kaniko/x',
  'WARN[0002] Skipping copy targeting kaniko directory: /kaniko/x',
  'WARN[0003] Retrying operation after 1s due to nothing',
  'echo WARN[0003] Skipping this',
  'WARN[0004] MAINTAINER is deprecated, skipping'
].join('\n')

const KEPT = [
  "Kaniko does not support '--mount=type=ssh' flags in RUN statements - relying on unsupported flags can lead to invalid builds",
  'Skipping copy targeting kaniko directory: /kaniko/x',
  'MAINTAINER is deprecated, skipping'
]

it('keeps each line that says what was left out once, however the log is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(LOG.length)), (cuts) => {
      const kept = keepLines(defaultBuilder.ignored ?? /never/)
      const places = [0, ...cuts.sort((one, other) => one - other), LOG.length]
      for (const [index, place] of places.entries()) kept.add(Buffer.from(LOG.slice(place, places[index + 1])))
      kept.add(Buffer.from('\n'))
      expect(kept.lines()).toEqual(KEPT)
    })
  )
})

it('keeps a few of many, and no line without an end', () => {
  const kept = keepLines(/^(a.*)/)
  for (let number = 0; number < 1_000; number += 1) kept.add(Buffer.from(`a${number}\n`))
  expect(kept.lines()).toHaveLength(10)
  const endless = keepLines(/^(a.*)/)
  for (let number = 0; number < 1_000; number += 1) endless.add(Buffer.alloc(1_000, 'a'))
  endless.add(Buffer.from('\n'))
  expect(endless.lines()[0]?.length).toBe(4_096)
})
