/** Goal: any .dockerignore is read, or refused in one short line, in no time, and means what it meant before. Method: random files and paths beside an oracle, and the worst that is known. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { listContext } from '../../../../src/effects/content/context.ts'
import { IGNORE_FILE_BYTES_MAX, parseIgnoreFile } from '../../../../src/effects/dockerfile/ignore-file.ts'
import { StepError } from '../../../../src/errors.ts'
import { isComparable, referenceRules } from '../../../support/ignore-reference.ts'

/** `IGNORE_RUNS=100000` for more of them. */
const RUNS = Number(process.env.IGNORE_RUNS ?? 1_000)
/** Code that `npm run mutants` has filled with switches takes longer. */
const TIMES_SLOWER = Number(process.env.SLIPWAY_TIMES_SLOWER ?? 1)
const CASE_MS_MAX = 1_000 * TIMES_SLOWER
/** Of real time, on a computer that does other things too. */
const ALL_MS_MAX = 600_000
/** Of computing time, for a path as long as Linux allows. */
const PATH_MS_MAX = 1_000 * TIMES_SLOWER
const PATH_BYTES_MAX = 4_096

/** What this process has computed: other processes make it wait, not work. */
const computedMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
const taking = (work: () => unknown): number => {
  const before = computedMs()
  work()
  return computedMs() - before
}

const PIECES = [
  'a',
  'b',
  'ab',
  '/',
  '/',
  '*',
  '**',
  '**/',
  '/**/',
  '***',
  '?',
  '.',
  '..',
  'é',
  '𝒳',
  '!',
  ' ',
  '#',
  '-',
  ']',
  '^',
  '$',
  '(',
  '+',
  '|',
  '{'
] as const
const CLASSES = [
  '[ab]',
  '[^a]',
  '[a-b]',
  '[-a]',
  '[a-]',
  '[a-b-]',
  '[*?]',
  '[^/]',
  '[/]',
  '[\\]]',
  '[\\-a]',
  '[^^]',
  '[.-b]',
  '[é-𝒳]',
  '[',
  '[]',
  '[b-a]'
] as const
const ESCAPES = ['\\*', '\\?', '\\[', '\\a', '\\\\', '\\!', '\\'] as const
const line = fc
  .tuple(
    fc.constantFrom('', '', '', '!', '/', './', '**/'),
    fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...PIECES) },
        fc.constantFrom(...CLASSES),
        fc.constantFrom(...ESCAPES)
      ),
      { maxLength: 7 }
    )
  )
  .map(([start, parts]) => start + parts.join(''))
const file = fc.array(line, { minLength: 1, maxLength: 6 }).map((lines) => lines.join('\n'))
const name = fc
  .array(
    fc.constantFrom(
      'a',
      'b',
      'a',
      'b',
      'c',
      '.',
      '*',
      '?',
      '[',
      ']',
      '-',
      '^',
      '\\',
      'é',
      '𝒳',
      '!',
      ' ',
      '#',
      '\n',
      '$'
    ),
    { minLength: 1, maxLength: 4 }
  )
  .map((parts) => parts.join(''))
const paths = fc.array(
  fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/')),
  { minLength: 1, maxLength: 8 }
)

const outcomeOf = <T>(parse: () => T): T | 'refused' => {
  try {
    return parse()
  } catch {
    return 'refused'
  }
}

describe('any .dockerignore', { timeout: ALL_MS_MAX }, () => {
  it('means what its regular expressions meant', () => {
    let [refused, excluded, kept] = [0, 0, 0]
    fc.assert(
      fc.property(file, paths, (text, given) => {
        fc.pre(isComparable(text))
        const expected = outcomeOf(() => referenceRules(text))
        const rules = outcomeOf(() => parseIgnoreFile(text, 'x'))
        if (expected === 'refused' || rules === 'refused') {
          refused += 1
          expect(rules).toBe(expected)
          return
        }
        // One after the other, as in a walk and not: what was asked before must not matter.
        for (const path of given) {
          expect(rules.excludes(path), path).toBe(expected.excludes(path))
          expect(rules.mayReinclude(path), path).toBe(expected.mayReinclude(path))
          if (expected.excludes(path)) excluded += 1
          else kept += 1
        }
      }),
      { numRuns: RUNS }
    )
    // The comparison says something of each answer.
    expect(Math.min(refused, excluded, kept)).toBeGreaterThan(RUNS / 10)
  })

  it('is read or refused, never anything else, and soon', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ unit: fc.constantFrom(...'*?[]^\\/!-.a\n'), maxLength: 2_000 }),
      fc.tuple(line, fc.integer({ min: 1, max: 2_000 })).map(([each, times]) => `${each}\n`.repeat(times)),
      fc.tuple(line, fc.integer({ min: 1, max: 5_000 })).map(([each, times]) => each.repeat(times))
    )
    const path = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }),
      fc.string({ unit: fc.constantFrom(...'ab/*[]\\'), minLength: 1, maxLength: 2_000 }),
      fc.constantFrom('a', 'ab', 'a/', 'b').map((part) => part.repeat(900))
    )
    fc.assert(
      fc.property(text, path, (text, path) => {
        const ms = taking(() => {
          try {
            const rules = parseIgnoreFile(text, '.dockerignore')
            expect(typeof rules.excludes(path)).toBe('boolean')
            expect(typeof rules.mayReinclude(path)).toBe('boolean')
          } catch (error) {
            expect(error).toBeInstanceOf(StepError)
            expect((error as StepError).code).toBe('invalid-input')
            expect((error as StepError).message.length).toBeLessThan(200)
          }
        })
        expect(ms).toBeLessThan(CASE_MS_MAX)
      }),
      { numRuns: Math.ceil(RUNS / 10) }
    )
  })
})

/** As many lines as fit. */
function full(lineOf: (index: number) => string): string {
  const lines: string[] = []
  let bytes = 0
  for (let index = 0; ; index += 1) {
    const text = lineOf(index)
    bytes += Buffer.byteLength(text) + 1
    if (bytes > IGNORE_FILE_BYTES_MAX) return lines.join('\n')
    lines.push(text)
  }
}
const codes = (from: number, count: number) => Array.from({ length: count }, (_, at) => String.fromCodePoint(from + at))

const WORST: Readonly<Record<string, string>> = {
  'many stars in one pattern': `${'*a'.repeat(32_000)}b`,
  'many stars in many patterns': full(() => '*a*a*a*a*a*a*a*a*b'),
  'stars behind any directories': full(() => '**/a*a*a*a*a*b'),
  'any directories again and again': full(() => '**/a/**/a/**/a/**/b'),
  'one ending': full(() => '**a'),
  'question marks': '?'.repeat(60_000),
  'classes, each another': full((index) => `**/[${String.fromCodePoint(0x61 + (index % 20))}-z]*c`),
  'wide classes': full(() => '[a-c]'.repeat(1_000)),
  'a class of many ranges': `**/[${codes(0x1000, 9_000)
    .map((from) => `${from}-${from}`)
    .join('')}]`,
  'as many names as fit': full((index) => `!a${index}`),
  'deep negations': full(() => '!a/a/a/a/a/a/a/a/a'),
  'parents of parents': 'a/b/../'.repeat(9_000),
  'everything, many times': full(() => '**')
}
const LONG: Readonly<Record<string, string>> = {
  'one name': 'a'.repeat(PATH_BYTES_MAX),
  'many directories': 'a/'.repeat(PATH_BYTES_MAX / 2 - 1),
  'other characters each time': codes(0x100, PATH_BYTES_MAX / 2).join(''),
  'longest names': Array(16).fill('a'.repeat(255)).join('/')
}

describe('the worst .dockerignore', { timeout: ALL_MS_MAX }, () => {
  it.each(Object.entries(WORST))('of %s takes no noticeable time for any path', (_title, text) => {
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(IGNORE_FILE_BYTES_MAX)
    let rules = parseIgnoreFile(text, 'x')
    expect(taking(() => (rules = parseIgnoreFile(text, 'x')))).toBeLessThan(CASE_MS_MAX)
    for (const [title, path] of Object.entries(LONG)) {
      // The second time it is compiled, and the cache of the first one is spoilt.
      rules.excludes(path)
      rules.excludes('x')
      expect(
        taking(() => rules.excludes(path)),
        title
      ).toBeLessThan(PATH_MS_MAX)
      expect(
        taking(() => rules.mayReinclude(path)),
        title
      ).toBeLessThan(PATH_MS_MAX)
    }
  })

  it('that regular expressions took for ever is one of many', () => {
    const rules = parseIgnoreFile('*a*a*a*a*a*a*a*a*a*a*a*a*b', 'x')
    expect(rules.excludes('a'.repeat(PATH_BYTES_MAX))).toBe(false)
    expect(rules.excludes(`${'a'.repeat(PATH_BYTES_MAX)}b`)).toBe(true)
  })

  it('does not hold up the walk over a context', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'slipway-ignore-'))
    try {
      const names = Array.from({ length: 200 }, (_, index) => 'a'.repeat(255 - index))
      for (const name of names) await writeFile(join(directory, name), '')
      await writeFile(join(directory, '.dockerignore'), `${'*a'.repeat(30)}b\n${'**/*a'.repeat(30)}b`)
      const startedAt = computedMs()
      const entries = await listContext({ root: directory, path: '' }, 'Dockerfile', new AbortController().signal)
      expect(computedMs() - startedAt).toBeLessThan(CASE_MS_MAX)
      expect([...entries].sort()).toEqual(['.dockerignore', ...names.toReversed()])
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('is as large as allowed; a larger one is refused in one line', () => {
    const line = 'abcdefg\n'
    expect(parseIgnoreFile(line.repeat(IGNORE_FILE_BYTES_MAX / line.length), 'x').excludes('abcdefg')).toBe(true)
    for (const text of [
      `${line.repeat(IGNORE_FILE_BYTES_MAX / line.length)}\n`,
      'é'.repeat(IGNORE_FILE_BYTES_MAX / 2 + 1)
    ]) {
      expect(() => parseIgnoreFile(text, 'my.dockerignore')).toThrow(
        expect.objectContaining({
          code: 'invalid-input',
          message: 'my.dockerignore is larger than 64 KiB; make it smaller'
        })
      )
    }
  })
})
