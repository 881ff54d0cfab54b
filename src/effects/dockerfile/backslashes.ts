/** A file whose escape is a backtick as one whose escape is the backslash, for the judge: its edits, for a builder that knows but that. */
import { type Edit, inOneLine, inPlaceOf } from './constructs.ts'
import type { Dockerfile, Instruction } from './parse.ts'

/** Variables are read in these. */
export const EXPANDED = new Set('ADD ARG COPY ENV EXPOSE FROM LABEL STOPSIGNAL USER VOLUME WORKDIR'.split(' '))
/** Of these, also in JSON. */
const EXPANDED_JSON = new Set(['ADD', 'COPY', 'VOLUME'])
const DIRECTIVE = /^(\s*#\s*escape\s*=\s*)`(\s*)$/i

/** Undefined where something would become another thing than it is. */
export function withBackslashes({ lines, instructions }: Dockerfile): readonly Edit[] | undefined {
  const at = lines.findIndex((line) => DIRECTIVE.test(line))
  const written = instructions.map(rewritten)
  const known = written.filter((edit) => edit !== undefined)
  if (at < 0 || known.length < written.length) return undefined
  const directive = (lines[at] ?? '').replace(DIRECTIVE, '$1\\').replace(/[\r\n]+$/, '')
  return [{ line: at + 1, endLine: at + 1, lines: [directive] }, ...known]
}

function rewritten(instruction: Instruction): Edit | undefined {
  const { name, rest, json, line, endLine, heredocs, trigger } = instruction
  if (trigger !== undefined && /[\\`]/.test(rest)) return undefined
  const bodyLines = heredocs.reduce((sum, { content }) => sum + content.split('\n').length, 0)
  if (heredocs.length > 0) {
    // Its header on one line, and nothing in it or its text that is read.
    const isPlain = !/[\\`]/.test(rest) && heredocs.every(({ expands, content }) => !(expands && /[\\`]/.test(content)))
    return endLine - line === bodyLines && (isPlain || name === 'RUN')
      ? { line, endLine: line - 1, lines: [] }
      : undefined
  }
  const given = json === undefined ? restOf(name, rest) : jsonOf(name, rest, json)
  const text =
    given === undefined || given.endsWith('\\')
      ? undefined
      : inOneLine({ ...instruction, name: instruction.written }, given)
  return text === undefined ? undefined : inPlaceOf(instruction, text)
}

const restOf = (name: string, rest: string): string | undefined => (EXPANDED.has(name) ? translated(rest) : rest)

function jsonOf(name: string, rest: string, json: readonly string[]): string | undefined {
  if (!EXPANDED_JSON.has(name)) return rest
  const words = json.map(translated)
  return words.includes(undefined) ? undefined : JSON.stringify(words)
}

/** Undefined where it ends in the middle of something. */
function translated(text: string): string | undefined {
  let result = ''
  let quote = ''
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (quote === "'") {
      if (character === quote) quote = ''
      result += character
    } else if (character === '\\') result += '\\\\'
    else if (character === '`') {
      const next = text.charAt(at + 1)
      if (next === '') return undefined
      const isEscape = quote === '' || '"$`'.includes(next)
      if (isEscape) at += 1
      result += isEscape ? (next === '`' ? next : `\\${next}`) : character
    } else {
      if (character === quote) quote = ''
      else if (quote === '' && (character === '"' || character === "'")) quote = character
      result += character
    }
  }
  return quote === '' ? result : undefined
}
