/**
 * A Dockerfile as a list of its instructions with their lines, for what has to know it before a builder reads it. Held to BuildKit's
 * parser (frontend/dockerfile/parser), which Kaniko uses, too. What neither can read is the builder's to say: reading ends there.
 */
import { StepError } from '../../errors.ts'
import { type Heredoc, heredocsOf } from './heredocs.ts'
import { isSpace } from './lexer.ts'

export interface Instruction {
  /** In capitals. */
  readonly name: string
  /** As the author wrote it. */
  readonly written: string
  /** First and last line, from 1; the heredocs' included. */
  readonly line: number
  readonly endLine: number
  /** `--mount=...`, without quotes. */
  readonly flags: readonly string[]
  /** What follows, its lines joined. */
  readonly rest: string
  /** The exec form; undefined for the shell form. */
  readonly json: readonly string[] | undefined
  readonly heredocs: readonly Heredoc[]
  /** Of ONBUILD. */
  readonly trigger: Instruction | undefined
}

export interface Dockerfile {
  /** With their ends: together they are the file. */
  readonly lines: readonly string[]
  readonly escapeToken: string
  /** The frontend that `# syntax=` asks for. */
  readonly syntax: string | undefined
  readonly instructions: readonly Instruction[]
  /** Whether all of it could be read. */
  readonly isWhole: boolean
  /** Whether what is added after the last line would be part of an instruction that goes on. */
  readonly isOpen: boolean
}

/** Twenty times the longest of the well-known ones; what is rewritten has to fit into a pod's annotations. */
export const DOCKERFILE_BYTES_MAX = 128 * 1024
/** Of one line: BuildKit's own. */
export const LINE_BYTES_MAX = 64 * 1024 - 1

const BOM = '\uFEFF'
const BLANK = /[\t\v\f\r ]+/
const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=([\s\S]*)$/
const CONTINUED = { '\\': /([^\\])\\[ \t]*$|^\\[ \t]*$/, '`': /([^`])`[ \t]*$|^`[ \t]*$/ } as const
const WITH_JSON = ['ADD', 'CMD', 'COPY', 'ENTRYPOINT', 'RUN', 'SHELL', 'VOLUME']
const WITH_HEREDOCS = ['ADD', 'COPY', 'RUN']

const trimStart = (text: string): string => {
  let start = 0
  while (start < text.length && isSpace(text.charAt(start))) start += 1
  return text.slice(start)
}
const trimEnd = (text: string): string => {
  let end = text.length
  while (end > 0 && isSpace(text.charAt(end - 1))) end -= 1
  return text.slice(0, end)
}
const trim = (text: string): string => trimStart(trimEnd(text))
/** No pattern: one that looks for the end from every place in a long line takes its square. */
const withoutEnd = (line: string): string => {
  let end = line.length
  while (end > 0 && '\r\n'.includes(line.charAt(end - 1))) end -= 1
  return line.slice(0, end)
}
/** Options are told apart byte by byte. */
const isBlank = (character: string): boolean => character !== '' && '\t\n\v\f\r '.includes(character)
const isComment = (line: string): boolean => trimStart(line).startsWith('#')

/** Thrown where BuildKit would refuse to read on. */
class Unreadable extends Error {}

/** Throws `invalid-input` for one that is too large. */
export function parseDockerfile(text: string): Dockerfile {
  const bytes = Buffer.byteLength(text)
  if (bytes > DOCKERFILE_BYTES_MAX) {
    throw new StepError(
      'invalid-input',
      `The Dockerfile has ${bytes} bytes, and ${DOCKERFILE_BYTES_MAX} are the most: move scripts into files of their own`
    )
  }
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? []
  const reading = new Reading(lines)
  let isWhole = true
  try {
    reading.all()
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    isWhole = false
  }
  const { escapeToken, syntax, instructions, isOpen } = reading
  return { lines, escapeToken, syntax, instructions, isWhole, isOpen }
}

class Reading {
  escapeToken: keyof typeof CONTINUED = '\\'
  syntax: string | undefined
  isOpen = false
  readonly instructions: Instruction[] = []
  private readonly lines: readonly string[]
  private at = 0
  private readonly directives = new Set<string>()
  private mayBeDirective = true

  constructor(lines: readonly string[]) {
    this.lines = lines
  }

  all(): void {
    while (this.at < this.lines.length) {
      const first = this.nextLine()
      const line = trimStart(withoutEnd(this.at === 1 && first.startsWith(BOM) ? first.slice(1) : first))
      this.readDirective(line)
      if (line === '' || line.startsWith('#')) continue
      const start = this.at
      const joined = this.joined(line)
      const { trigger, ...read } = readLine(joined, this.escapeToken)
      const heredocs = this.heredocs(trigger ?? read, joined)
      const place = { line: start, endLine: this.at, heredocs }
      this.instructions.push({ ...read, ...place, trigger: trigger && { ...trigger, ...place, trigger: undefined } })
    }
  }

  private nextLine(): string {
    const line = this.lines[this.at] ?? ''
    this.at += 1
    if (line.length > LINE_BYTES_MAX / 4 && Buffer.byteLength(line) > LINE_BYTES_MAX) throw new Unreadable()
    return line
  }

  /** They come first, each once, with nothing between them. */
  private readDirective(line: string): void {
    if (!this.mayBeDirective) return
    const [, key = '', written = ''] = DIRECTIVE.exec(line) ?? []
    const [directive, value] = [key.toLowerCase(), trim(written)]
    if (!['syntax', 'escape', 'check'].includes(directive) || value === '') {
      this.mayBeDirective = false
      return
    }
    if (this.directives.has(directive)) throw new Unreadable()
    this.directives.add(directive)
    if (directive === 'syntax') this.syntax = value
    if (directive !== 'escape') return
    if (value !== '\\' && value !== '`') throw new Unreadable()
    this.escapeToken = value
  }

  /** An instruction's lines as one, without comments and empty lines between them. */
  private joined(first: string): string {
    const continued = CONTINUED[this.escapeToken]
    const parts: string[] = []
    this.isOpen = false
    const take = (line: string) => {
      this.isOpen = continued.test(line)
      parts.push(this.isOpen ? line.replace(continued, '$1') : line)
    }
    take(first)
    while (this.isOpen && this.at < this.lines.length) {
      const line = withoutEnd(this.nextLine())
      if (isComment(line) || trimStart(line) === '') continue
      take(line)
    }
    return parts.join('')
  }

  private heredocs({ name, json }: Pick<Instruction, 'name' | 'json'>, line: string): readonly Heredoc[] {
    if (!WITH_HEREDOCS.includes(name) || json !== undefined || !line.includes('<<')) return []
    return heredocsOf(line).map((start) => {
      const content: string[] = []
      for (;;) {
        if (this.at >= this.lines.length) throw new Unreadable()
        const read = this.nextLine()
        const end = withoutEnd(read)
        if ((start.chomps ? end.replace(/^\t+/, '') : end) === start.name) break
        content.push(read)
      }
      return { ...start, content: content.join('') }
    })
  }
}

type Read = Omit<Instruction, 'line' | 'endLine' | 'heredocs' | 'trigger'> & { readonly trigger: Read | undefined }

function readLine(whole: string, escapeToken: string): Read {
  const line = trim(whole)
  const blank = BLANK.exec(line)
  const written = blank === null ? line : line.slice(0, blank.index)
  const name = written.toUpperCase()
  const { flags, rest } = splitFlags(blank === null ? '' : line.slice(blank.index + blank[0].length), escapeToken)
  // One of its own kind is refused, so nothing is read in it.
  const trigger = name === 'ONBUILD' && !/^onbuild\b/i.test(rest) ? readLine(rest, escapeToken) : undefined
  return { name, written, flags, rest, json: jsonOf(name, rest), trigger }
}

/** Options come before everything else, and a lone `--` ends them. */
function splitFlags(line: string, escapeToken: string): { readonly flags: readonly string[]; readonly rest: string } {
  const flags: string[] = []
  let at = 0
  for (;;) {
    while (isBlank(line.charAt(at))) at += 1
    if (!line.startsWith('--', at)) return { flags, rest: trim(line.slice(at)) }
    let word = ''
    let quote = ''
    for (; at < line.length; at += 1) {
      const character = line.charAt(at)
      if (quote === '' && isBlank(character)) break
      if (character === quote) quote = ''
      else if (quote === '' && (character === '"' || character === "'")) quote = character
      else if (character !== escapeToken) word += character
      else {
        at += 1
        word += line.charAt(at)
      }
    }
    if (word === '--') return { flags, rest: trim(line.slice(at)) }
    flags.push(word)
  }
}

function jsonOf(name: string, rest: string): readonly string[] | undefined {
  const text = name === 'HEALTHCHECK' ? trimStart(rest.replace(/^\S+/, '')) : rest
  if (!(WITH_JSON.includes(name) || name === 'HEALTHCHECK') || !text.startsWith('[')) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!Array.isArray(value)) return undefined
  if (!value.every((word): word is string => typeof word === 'string')) throw new Unreadable()
  return value
}
