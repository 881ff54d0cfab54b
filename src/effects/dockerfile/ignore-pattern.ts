/** One line of a .dockerignore as docker reads it: what it leaves out or takes in again, as tokens. */
import { posix } from 'node:path'
import type { Range, Token } from './glob-set.ts'

export interface Pattern {
  readonly isNegated: boolean
  readonly tokens: readonly Token[]
  /** The directories before the pattern's first wildcard. */
  readonly fixed: readonly string[]
  /** Whether `fixed` is the whole pattern. */
  readonly isFixed: boolean
}

/** Undefined for a line that is no pattern. */
export function readPattern(line: string): Pattern | undefined {
  const isNegated = line.startsWith('!')
  const written = isNegated ? line.slice(1).trim() : line
  if (written === '') return undefined
  const cleaned = clean(written)
  const tokens = tokensOf(cleaned)
  if (tokens === undefined) return undefined
  const parts = cleaned.split('/')
  const wildcard = parts.findIndex((part) => /[*?[\\]/.test(part))
  return { isNegated, tokens, fixed: wildcard < 0 ? parts : parts.slice(0, wildcard), isFixed: wildcard < 0 }
}

/** Go's filepath.Clean, then without the slash at the front: `/a//b/../c/` is `a/c`. */
function clean(pattern: string): string {
  const normal = posix.normalize(pattern)
  const bare = normal.length > 1 ? normal.replace(/\/$/, '') : normal
  return bare.length > 1 ? bare.replace(/^\//, '') : bare
}

/** `**` directly before a literal ending is anything at all: `**.md` leaves out `docs/a.md`. */
const ENDING = /^\*\*[^/*?[\\][^*?[\\]*$/

/**
 * `**` is any number of directories (at the end: anything), `*` anything within one name, `?` one character of a name,
 * `[...]` a class of characters, and a backslash takes the next character as it is.
 */
function tokensOf(pattern: string): Token[] | undefined {
  const characters = [...pattern]
  const isEnding = ENDING.test(pattern)
  const tokens: Token[] = []
  for (let at = 0; at < characters.length; ) {
    const character = characters[at] as string
    const next = characters[at + 1]
    if (character === '*' && next === '*') {
      at += characters[at + 2] === '/' ? 3 : 2
      const kind = at === characters.length || isEnding ? 'all' : 'directories'
      // One after the other they are no more than one.
      if (tokens.at(-1)?.kind === 'directories') tokens.pop()
      tokens.push({ kind })
    } else if (character === '[') {
      const found = classAt(characters, at)
      if (found === undefined) return undefined
      tokens.push(found.token)
      at = found.end
    } else if (character === '\\') {
      if (next === undefined) return undefined
      tokens.push(one(next))
      at += 2
    } else {
      tokens.push(character === '*' ? { kind: 'name' } : character === '?' ? IN_NAME : one(character))
      at += 1
    }
  }
  return tokens
}

const codeOf = (character: string): number => character.codePointAt(0) as number
const one = (character: string): Token => ({
  kind: 'one',
  ranges: [[codeOf(character), codeOf(character)]],
  isNegated: false
})
const IN_NAME: Token = { kind: 'one', ranges: [[codeOf('/'), codeOf('/')]], isNegated: true }

/** `[a-z_]`, `[^\]]`; undefined for one that has no end, nothing in it, or a range that runs backwards. */
function classAt(
  characters: readonly string[],
  start: number
): { readonly token: Token; readonly end: number } | undefined {
  const isNegated = characters[start + 1] === '^'
  let at = start + (isNegated ? 2 : 1)
  const take = (): number | undefined => {
    if (characters[at] === '\\') at += 1
    const character = characters[at]
    at += 1
    return character === undefined ? undefined : codeOf(character)
  }
  const ranges: Range[] = []
  while (characters[at] !== ']') {
    const from = take()
    if (from === undefined) return undefined
    let to: number | undefined = from
    if (characters[at] === '-' && characters[at + 1] !== ']') {
      at += 1
      to = take()
    }
    if (to === undefined || to < from) return undefined
    ranges.push([from, to])
  }
  return ranges.length === 0 ? undefined : { token: { kind: 'one', ranges: merged(ranges), isNegated }, end: at + 1 }
}

/** Sorted, and without overlaps. */
function merged(ranges: readonly Range[]): Range[] {
  const result: [number, number][] = []
  for (const [from, to] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = result.at(-1)
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else result.push([from, to])
  }
  return result
}
