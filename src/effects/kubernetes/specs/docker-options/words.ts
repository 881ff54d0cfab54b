/** Splits a string of `docker create` options into words as a POSIX shell would, without expanding anything. */
import { StepError } from '../../../../errors.ts'

const BLANK = /\s/
/** What a backslash makes plain inside double quotes; before anything else there it stands for itself. */
const ESCAPED_IN_QUOTES = '"\\$`\n'

/** Of somebody else's words in a message. */
const SHOWN_LENGTH_MAX = 100

/** A part of the options as a message repeats it: on one line, and not all of it. */
export function cut(text: string): string {
  const line = text.slice(0, SHOWN_LENGTH_MAX).replace(/\s+/g, ' ')
  return text.length > SHOWN_LENGTH_MAX ? `${line}…` : line
}

/** Throws `invalid-input` when a quote is not closed. */
export function splitWords(text: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let position = 0
  const take = (part: string) => {
    word = (word ?? '') + part
  }
  while (position < text.length) {
    const character = text[position] as string
    if (BLANK.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
      position += 1
    } else if (character === "'") {
      const end = text.indexOf("'", position + 1)
      if (end < 0) throw unclosed(text)
      take(text.slice(position + 1, end))
      position = end + 1
    } else if (character === '"') {
      const quoted = readDoubleQuoted(text, position)
      take(quoted.text)
      position = quoted.end
    } else if (character === '\\') {
      // Before a newline it joins two lines.
      if (text[position + 1] !== '\n') take(text[position + 1] ?? '')
      position += 2
    } else {
      take(character)
      position += 1
    }
  }
  return word === undefined ? words : [...words, word]
}

/** What stands between the quote at `start` and the one that closes it; `end` is behind that one. */
function readDoubleQuoted(text: string, start: number): { text: string; end: number } {
  let content = ''
  for (let position = start + 1; position < text.length; position += 1) {
    const character = text[position] as string
    if (character === '"') return { text: content, end: position + 1 }
    const next = text[position + 1]
    if (character === '\\' && next !== undefined && ESCAPED_IN_QUOTES.includes(next)) {
      if (next !== '\n') content += next
      position += 1
    } else content += character
  }
  throw unclosed(text)
}

const unclosed = (text: string) =>
  new StepError(
    'invalid-input',
    `the options '${cut(text)}' have a quote that is not closed; correct them in the workflow`
  )
