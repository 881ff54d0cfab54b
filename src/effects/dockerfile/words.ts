/** Words of a Dockerfile's line as they are written, quotes included, for ENV, ARG and lists of paths (BuildKit's parser/line_parsers.go). */
import { isSpace } from './lexer.ts'
import type { Instruction } from './parse.ts'

/** Split at white space that is neither quoted nor escaped. */
export function quotedWords(text: string, escapeToken: string): readonly string[] {
  const words: string[] = []
  let word = ''
  let isWord = false
  let quote = ''
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (quote === '' && isSpace(character)) {
      if (isWord) words.push(word)
      word = ''
      isWord = false
      continue
    }
    isWord = true
    if (character === escapeToken && quote !== "'") {
      at += 1
      word += character + text.charAt(at)
      continue
    }
    if (quote === '' && (character === '"' || character === "'")) quote = character
    else if (character === quote) quote = ''
    word += character
  }
  if (isWord) words.push(word)
  return words
}

type Pair = readonly [name: string, value: string | undefined]

/** What ENV, LABEL or ARG sets, before variables in it are replaced. */
export function pairsOf({ name, rest }: Instruction, escapeToken: string): readonly Pair[] {
  const words = quotedWords(rest, escapeToken)
  const [first = ''] = words
  if (name !== 'ARG' && !first.includes('=')) {
    const [, key = '', value = ''] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? []
    return [[key, value]]
  }
  return words.map((word): Pair => {
    const at = word.indexOf('=')
    return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
  })
}

/** Arguments that are a list in either form: of COPY, ADD, VOLUME, EXPOSE. */
export const listOf = ({ json, rest }: Instruction): readonly string[] =>
  json ?? (rest === '' ? [] : rest.split(/[\t\v\f\r ]+/))

/** The value of an option, `''` for one without; undefined where it is not there. The last one counts. */
export function flagOf({ flags }: Instruction, name: string): string | undefined {
  const found = flags.filter((flag) => flag === `--${name}` || flag.startsWith(`--${name}=`)).at(-1)
  return found?.slice(name.length + 3)
}
