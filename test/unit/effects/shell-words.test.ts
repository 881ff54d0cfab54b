/** Words are what the `sh` of this machine takes them for. */
import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { quote, splitWords } from '../../../src/effects/shell-words.ts'

const READ = 'eval "set -- $1"; for word in "$@"; do printf "%s\\0" "$word"; done'

/** Undefined for what the shell refuses. */
function wordsOfShell(line: string): string[] | undefined {
  const { status, stdout } = spawnSync('sh', ['-c', READ, 'sh', line], { encoding: 'utf8' })
  return status === 0 ? stdout.split('\0').slice(0, -1) : undefined
}

const RUNS = { numRuns: 300 }
const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((one) => !one.includes('\0'))

/** Whatever these make together, closed or not. */
const quoting = fc.array(fc.constantFrom('a', 'b=', ' ', '\t', '"', "'", '\\', '\\"', "\\'"), { maxLength: 12 })
/** What a shell would expand or end a command at, in a form in which it does not. */
const special = fc.constantFrom('$', '`', '\n', ';', '*', '~', '#', '&', '|', '(', '<', '!')
const inert = fc.oneof(
  special.map((character) => `'${character}'`),
  special.filter((character) => !'$`'.includes(character)).map((character) => `"${character}"`),
  special.map((character) => `\\${character}`),
  special.map((character) => `"\\${character}"`),
  special.map((character) => `'\\${character}'`),
  fc.constantFrom('""', "''", 'a', ' ', '"a\\\\b"', 'é', '"\\é"')
)
const lines = fc.oneof(quoting, fc.array(inert, { maxLength: 12 })).map((parts) => parts.join(''))

describe('the words of a line', () => {
  test('are those of the shell', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(lines, (line) => {
        expect(splitWords(line)).toEqual(wordsOfShell(line))
      }),
      RUNS
    )
  })

  it.each<[string, readonly string[]]>([
    ['', []],
    ['  a\t b\n c ', ['a', 'b', 'c']],
    ['a \\\n b', ['a', 'b']],
    ['a\\\nb', ['ab']],
    [`--x="a b" 'c d'e`, ['--x=a b', 'c de']],
    [String.raw`"a \"b\" \$c \d" 'a \"b'`, ['a "b" $c \\d', 'a \\"b']],
    [`"" ''`, ['', '']],
    // Lost in a shell: nothing is expanded, and nothing ends the line.
    ['$HOME `id` * ~ #a ; b & c', ['$HOME', '`id`', '*', '~', '#a', ';', 'b', '&', 'c']],
    ['end\\', ['end\\']]
  ])('%j are %j', (line, words) => expect(splitWords(line)).toEqual(words))

  it.each(["'a", 'a"', '"a\\"', `'a"`, '"\\'])('%j is not closed', (line) => {
    expect(splitWords(line)).toBeUndefined()
  })
})

describe('a quoted text', () => {
  test('is one word of the shell, and the same text', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), (words) => {
        expect(wordsOfShell(words.map(quote).join(' '))).toEqual(words)
      }),
      RUNS
    )
  })

  test('is one word of ours', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), (words) => {
        expect(splitWords(words.map(quote).join('\n'))).toEqual(words)
      })
    )
  })
})
