/** The parity suite's own data: each case shows what it says, and the page says what the data has. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { idOf } from '../../parity/case.ts'
import { CASES } from '../../parity/cases/index.ts'
import { EXCEPTIONS, EXCEPTIONS_MAX } from '../../parity/exceptions.ts'
import { readDeviations, readReferences } from '../../parity/support/expected.ts'
import { brokenStatements } from '../../parity/support/holds.ts'
import { parityFigure, parityPage } from '../../parity/support/page.ts'
import { sample } from '../../parity/support/sample.ts'
import { withPart } from '../../support/generated-docs.ts'

const references = readReferences()
const deviations = readDeviations()
const ids = CASES.map(idOf)

describe('the cases', () => {
  test('are at least 200, and each has a name of its own', () => {
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.length).toBeGreaterThanOrEqual(200)
  })

  test('have each a Dockerfile and a context of its own', () => {
    const contents = CASES.map(({ dockerfile, context }) => JSON.stringify([dockerfile, context]))
    // The same content has the same tag, and two builds would remove each other's image.
    expect(contents.filter((content, at) => contents.indexOf(content) !== at)).toEqual([])
  })

  test('have at least 16 that are whole actions', () => {
    expect(CASES.filter(({ group }) => group === 'Whole actions').length).toBeGreaterThanOrEqual(16)
  })

  test('are those that BuildKit has built, and no others', () => {
    expect([...references.of.keys()].sort()).toEqual([...ids].sort())
  })

  test('are what the exceptions are about', () => {
    expect(Object.keys(deviations).filter((id) => !ids.includes(id))).toEqual([])
  })

  test('that are not right are the named exceptions, five at most', () => {
    const different = Object.entries(deviations).flatMap(([id, { verdict }]) => (verdict === 'different' ? [id] : []))
    expect(EXCEPTIONS.flatMap(({ cases }) => cases).sort()).toEqual(different.sort())
    expect(EXCEPTIONS.length).toBeLessThanOrEqual(EXCEPTIONS_MAX)
  })

  test('say what holds in the image that BuildKit makes', () => {
    const broken = CASES.flatMap((given) => {
      const reference = references.of.get(idOf(given))
      return reference === undefined ? [] : brokenStatements(given, reference).map((line) => `${idOf(given)}: ${line}`)
    })
    expect(broken).toEqual([])
  })
})

test('docs/parity.md says what the suite knows', async () => {
  await expect(parityPage(CASES, references, deviations)).toMatchFileSnapshot('../../../docs/parity.md')
})

test('README.md states the figure', async () => {
  const readme = new URL('../../../README.md', import.meta.url)
  const figure = parityFigure(CASES, references, deviations)
  await expect(withPart(readFileSync(readme, 'utf8'), 'parity', figure)).toMatchFileSnapshot('../../../README.md')
})

test('a sample is the same for the same seed, and has no case twice', () => {
  const ten = sample(ids, 10, 42)
  expect(new Set(ten).size).toBe(10)
  expect(sample(ids, 10, 42)).toEqual(ten)
  expect(sample(ids, 10, 43)).not.toEqual(ten)
  expect(sample([1, 2], 10, 1)).toHaveLength(2)
})
