/** The heredocs that a line of a Dockerfile announces, for the parser: BuildKit's rules (frontend/dockerfile/parser/parser.go). */
import { splitWords } from './lexer.ts'

export interface HeredocStart {
  readonly name: string
  /** Whether COPY and ADD expand variables in it: no part of its name is quoted. */
  readonly expands: boolean
  /** `<<-`: tabs at the start of its lines are left out. */
  readonly chomps: boolean
}

export interface Heredoc extends HeredocStart {
  /** Its lines with their ends, as they are written. */
  readonly content: string
}

const START = /^\d*<<(-?)[\t\n\f\r ]*([^<]*)$/
const quotesIn = (word: string): number => word.length - word.replace(/['"]/g, '').length

/** What one word announces; undefined when it is none. */
export function heredocOf(word: string): HeredocStart | undefined {
  const [, dash, written] = START.exec(word) ?? []
  if (written === undefined || written === '') return undefined
  const names = splitWords(written, { escapeToken: '\\' })
  const [raw] = splitWords(written, { escapeToken: '\\', rawQuotes: true })
  const [name] = names
  if (names.length !== 1 || name === undefined || raw === undefined) return undefined
  return { name, expands: quotesIn(name) === quotesIn(raw), chomps: dash === '-' }
}

/** All that a joined line announces, in order. Escapes are those of a shell, whatever the Dockerfile's own is. */
export const heredocsOf = (line: string): readonly HeredocStart[] =>
  splitWords(line, { escapeToken: '\\', rawQuotes: true, rawEscapes: true }).flatMap((word) => heredocOf(word) ?? [])

/** What is in it once `<<-` has been obeyed. */
export const chomped = ({ content, chomps }: Heredoc): string => (chomps ? content.replace(/^\t+/gm, '') : content)
