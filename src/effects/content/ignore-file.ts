/**
 * Which paths a .dockerignore leaves out, with docker's own rules, for the walk over a build context.
 *
 * They are not .gitignore's, which is why the npm package `ignore` does not do: every pattern is anchored to the root of
 * the context, and the last pattern that matches a path, or one of its parents, decides. Compared with what
 * moby/patternmatcher's `MatchesOrParentMatches` says, which docker build follows, for 20,000 random files of patterns:
 * they differ only where a backslash stands before a letter or at the end, which Go does not treat alike everywhere.
 */
import { posix } from 'node:path'
import { StepError } from '../../errors.ts'

export interface IgnoreRules {
  /** Whether `path` (relative to the context, with `/`) is left out of the context. */
  excludes(path: string): boolean
  /** Whether something below the excluded directory `path` may be taken in again by a `!` pattern. */
  mayReinclude(path: string): boolean
}

interface Pattern {
  readonly isNegated: boolean
  readonly expression: RegExp
  /** The directories before the pattern's first wildcard. */
  readonly fixed: readonly string[]
  /** Whether `fixed` is the whole pattern. */
  readonly isFixed: boolean
}

/** The rules in the text of a .dockerignore. Throws `invalid-input` for a pattern that is none. */
export function parseIgnoreFile(text: string, name: string): IgnoreRules {
  const patterns = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .filter((line) => !line.startsWith('#') && line.trim() !== '')
    .map((line) => toPattern(line.trim(), name))
  return {
    excludes(path) {
      const ancestry = withParents(path)
      let isExcluded = false
      for (const { isNegated, expression } of patterns) {
        if (isNegated === isExcluded && ancestry.some((each) => expression.test(each))) isExcluded = !isNegated
      }
      return isExcluded
    },
    mayReinclude(path) {
      const directories = path.split('/')
      return patterns.some(
        ({ isNegated, fixed, isFixed }) =>
          isNegated &&
          directories.every((directory, index) => index >= fixed.length || directory === fixed[index]) &&
          (!isFixed || fixed.length > directories.length)
      )
    }
  }
}

/** `a`, `a/b`, `a/b/c` for `a/b/c`. */
function withParents(path: string): string[] {
  const parts = path.split('/')
  return parts.map((_part, index) => parts.slice(0, index + 1).join('/'))
}

function toPattern(line: string, name: string): Pattern {
  const isNegated = line.startsWith('!')
  const written = isNegated ? line.slice(1).trim() : line
  if (written === '') throw badPattern(line, name)
  const cleaned = clean(written)
  const parts = cleaned.split('/')
  const wildcard = parts.findIndex((part) => /[*?[\\]/.test(part))
  return {
    isNegated,
    expression: toExpression(cleaned, line, name),
    fixed: wildcard < 0 ? parts : parts.slice(0, wildcard),
    isFixed: wildcard < 0
  }
}

/** Go's filepath.Clean, then without the slash at the front: `/a//b/../c/` is `a/c`. */
function clean(pattern: string): string {
  const normal = posix.normalize(pattern)
  const bare = normal.length > 1 ? normal.replace(/\/$/, '') : normal
  return bare.length > 1 ? bare.replace(/^\//, '') : bare
}

/**
 * `**` is any number of directories (at the end: anything), `*` anything within one name, `?` one character of a name,
 * `[...]` a class of characters as Go's filepath.Match has them, and a backslash takes the next character as it is.
 * A `**` directly before a literal ending is anything at all: `**.md` leaves out `docs/a.md`.
 */
function toExpression(pattern: string, line: string, name: string): RegExp {
  const tokens = /\*\*\/?|\*|\?|\[\^?(?:\\.|[^\\\]])+\]|\\.|[\s\S]/gu
  const isEnding = /^\*\*[^/*?[\\][^*?[\\]*$/.test(pattern)
  let source = ''
  for (const { 0: token, index } of pattern.matchAll(tokens)) {
    const isLast = index + token.length === pattern.length
    if (token.startsWith('**')) source += isLast || isEnding ? '.*' : '(?:.*/)?'
    else if (token === '*') source += '[^/]*'
    else if (token === '?') source += '[^/]'
    else if (token.length > 1 && token.startsWith('[')) source += token
    else if (token === '[' || token === '\\') throw badPattern(line, name)
    else source += escape(token.startsWith('\\') ? token.slice(1) : token)
  }
  try {
    return new RegExp(`^${source}$`, 'su')
  } catch {
    throw badPattern(line, name)
  }
}

const escape = (character: string) => character.replace(/[\\^$.*+?()[\]{}|/]/u, '\\$&')

const badPattern = (line: string, name: string) =>
  new StepError('invalid-input', `'${line}' in ${name} is not a pattern; correct or remove that line`)
