/** The exact arguments of a container action or a script, from the fragments the runner sends, for the hook. */
import { splitWords } from '../../effects/shell-words.ts'
import { StepError } from '../../errors.ts'

/** Characters between two arguments, outside quotes; a newline is an ordinary character. */
const isBlank = (character: string | undefined) => character === ' ' || character === '\t'

/**
 * The arguments of a script: the runner splits one command line at every space, so the pieces are joined again and read as a
 * POSIX shell reads words (hook-protocol section 2, "Argument quoting"). Throws `invalid-input` for a quote that is not closed.
 */
export function shellWords(fragments: readonly string[]): string[] {
  const words = splitWords(fragments.join(' '))
  if (words !== undefined) return words
  throw new StepError('invalid-input', "args.entryPointArgs has a quote that is not closed; check the step's shell")
}

/**
 * The arguments of a container action: undoes the runner's quoting. The runner writes all arguments into one command line (each in double quotes, an inner
 * quote escaped by a backslash), splits that line at single spaces, trims the pieces and drops the empty ones. So the
 * pieces are joined by one space and read as docker would have been given them: by .NET's rules for a command line,
 * which the runner's own `docker run` goes through (hook-protocol section 2; actions/runner#3598).
 *
 * Lost before it gets here, and for ever: all but one of several spaces in a row, white space next to a space, and
 * backslashes directly before a quote or at the end of an argument, which the runner does not escape.
 */
export function undoQuoting(fragments: readonly string[]): string[] {
  const line = fragments.join(' ')
  const result: string[] = []
  let position = 0
  while (position < line.length) {
    if (isBlank(line[position])) {
      position += 1
      continue
    }
    const argument = readArgument(line, position)
    result.push(argument.text)
    position = argument.end
  }
  return result
}

/** One argument that starts at `start`; `end` is where its separator, or the end of the line, is. */
function readArgument(line: string, start: number): { text: string; end: number } {
  let text = ''
  let isQuoted = false
  let position = start
  while (position < line.length && (isQuoted || !isBlank(line[position]))) {
    const character = line[position]
    if (character === '\\') {
      const { literal, end } = readBackslashes(line, position)
      text += literal
      position = end
    } else if (character === '"' && isQuoted && line[position + 1] === '"') {
      // Inside quotes a doubled quote stands for itself, and the quotes stay open.
      text += '"'
      position += 2
    } else if (character === '"') {
      isQuoted = !isQuoted
      position += 1
    } else {
      text += character
      position += 1
    }
  }
  return { text, end: position }
}

/** Backslashes are plain, except before a quote: 2n of them are n, 2n + 1 are n and a literal quote. */
function readBackslashes(line: string, start: number): { literal: string; end: number } {
  let end = start
  while (line[end] === '\\') end += 1
  const count = end - start
  if (line[end] !== '"') return { literal: '\\'.repeat(count), end }
  const halved = '\\'.repeat(Math.floor(count / 2))
  return count % 2 === 0 ? { literal: halved, end } : { literal: `${halved}"`, end: end + 1 }
}
