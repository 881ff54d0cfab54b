/** Goal: an action gets the arguments its author wrote. Method: a table of hard cases, and the runner's quoting undone. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { undoQuoting } from '../../../../src/hooks/requests/arguments.ts'

/** Command lines and what .NET's Process makes of them; each was worked out by hand from its documented rules. */
const CASES: readonly (readonly [title: string, line: string, expected: readonly string[]])[] = [
  ['nothing', '', []],
  ['only blanks', ' \t ', []],
  ['plain words', 'a b', ['a', 'b']],
  ['a tab between words', 'a\tb', ['a', 'b']],
  ['a newline, which is not a separator', 'a\nb', ['a\nb']],
  ['a quoted blank', '"a b"', ['a b']],
  ['an empty argument', '""', ['']],
  ['an empty argument between others', '"a" "" "b"', ['a', '', 'b']],
  ['quotes inside a word', 'a"b c"d', ['ab cd']],
  ['single quotes, which are plain', "'a b'", ["'a", "b'"]],
  ['an escaped quote', '"say \\"hi\\""', ['say "hi"']],
  ['an escaped quote outside quotes', 'a\\"b', ['a"b']],
  ['a plain backslash', '"C:\\dir\\x"', ['C:\\dir\\x']],
  ['two backslashes not before a quote', '"a\\\\b"', ['a\\\\b']],
  ['two backslashes before a quote: one, and the quote ends', '"a\\\\" b', ['a\\', 'b']],
  ['three backslashes before a quote: one and a literal quote', '"a\\\\\\"b"', ['a\\"b']],
  ['four backslashes before a quote: two, and the quote ends', '"a\\\\\\\\"', ['a\\\\']],
  ['backslashes at the end of the line', 'a\\\\', ['a\\\\']],
  ['a doubled quote inside quotes', '"a""b c"', ['a"b c']],
  ['three quotes in a row', '"""a b"', ['"a b']],
  ['a quote that is never closed', '"a b', ['a b']],
  ['shell syntax, untouched', '"$HOME" "$(id)" "`id`" "*" "a;b"', ['$HOME', '$(id)', '`id`', '*', 'a;b']],
  ['a comment sign, untouched', '# "a"', ['#', 'a']],
  ['letters beyond ASCII', '"grüße 🎉"', ['grüße 🎉']]
]

/** What the runner does with a container action's args (hook-protocol section 2, "Argument quoting"). */
function runnerFragments(args: readonly string[]): string[] {
  const line = args.map((argument) => ` "${argument.replaceAll('"', '\\"')}"`).join('')
  return line
    .split(' ')
    .map((piece) => piece.trim())
    .filter((piece) => piece !== '')
}

/** What of an argument the runner's split and trim leave. */
const afterLosses = (argument: string) => argument.replace(/ +/g, ' ')

const lossless = fc.stringMatching(/^[a-z"'\\$`*;=\t\n -]*$/).map((text) =>
  text
    // Runs of spaces, and other white space beside a space, are lost.
    .replace(/[ \t\n]{2,}/g, ' ')
    // The runner does not escape backslashes, so before a quote and at the end they mean something else.
    .replace(/\\+(?="|$)/g, '')
)

describe('undoing the quoting of arguments', () => {
  it.each(CASES)('reads %s as .NET does', (_title, line, expected) => {
    expect(undoQuoting([line])).toEqual(expected)
  })

  it('joins fragments by one space', () => {
    expect(undoQuoting(['"a', 'b"', 'c'])).toEqual(['a b', 'c'])
  })

  it('gives back what the author wrote', () => {
    fc.assert(
      fc.property(fc.array(lossless, { maxLength: 6 }), (args) => {
        expect(undoQuoting(runnerFragments(args))).toEqual(args)
      })
    )
  })

  it('loses nothing of repeated spaces but the repetition', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z" ]*$/), { maxLength: 6 }), (args) => {
        expect(undoQuoting(runnerFragments(args))).toEqual(args.map(afterLosses))
      })
    )
  })

  it('loses a backslash before a quote or at the end, as the runner itself does with docker', () => {
    expect(undoQuoting(runnerFragments(['a\\"b']))).toEqual(['a\\b'])
    expect(undoQuoting(runnerFragments(['dir\\', 'x']))).toEqual(['dir" x'])
  })
})
