/** The rules of a .dockerignore by regular expressions, as Slipway had them up to 0.1: the oracle for the automaton that took their place. */
import { posix } from 'node:path'

export interface ReferenceRules {
  excludes(path: string): boolean
  mayReinclude(path: string): boolean
}

/** Throws for a pattern that is none. May take for ever: only for short patterns and paths. */
export function referenceRules(text: string): ReferenceRules {
  const patterns = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .filter((line) => !line.startsWith('#') && line.trim() !== '')
    .map((line) => toPattern(line.trim()))
  return {
    excludes(path) {
      const parts = path.split('/')
      const ancestry = parts.map((_part, index) => parts.slice(0, index + 1).join('/'))
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

/** Whether a file has no class in which JavaScript reads more than docker: `[\\d]`, `[\\!]`, `[^]`. */
export function isComparable(text: string): boolean {
  const classes = text.split('\n').flatMap((line) => line.match(CLASS) ?? [])
  return classes.every((found) => !found.includes('[^]') && !/\\[^\\^$.*+?()[\]{}|/-]/u.test(found))
}

/** Begun anywhere, since a path that is cleaned, or a part that is read first, moves where a class begins. */
const CLASS = /\[[^\n]*/gu

function toPattern(line: string) {
  const isNegated = line.startsWith('!')
  const written = isNegated ? line.slice(1).trim() : line
  if (written === '') throw new Error(line)
  const cleaned = clean(written)
  const parts = cleaned.split('/')
  const wildcard = parts.findIndex((part) => /[*?[\\]/.test(part))
  return {
    isNegated,
    expression: toExpression(cleaned),
    fixed: wildcard < 0 ? parts : parts.slice(0, wildcard),
    isFixed: wildcard < 0
  }
}

function clean(pattern: string): string {
  const normal = posix.normalize(pattern)
  const bare = normal.length > 1 ? normal.replace(/\/$/, '') : normal
  return bare.length > 1 ? bare.replace(/^\//, '') : bare
}

function toExpression(pattern: string): RegExp {
  const tokens = /\*\*\/?|\*|\?|\[\^?(?:\\.|[^\\\]])+\]|\\.|[\s\S]/gu
  const isEnding = /^\*\*[^/*?[\\][^*?[\\]*$/.test(pattern)
  let source = ''
  for (const { 0: token, index } of pattern.matchAll(tokens)) {
    const isLast = index + token.length === pattern.length
    if (token.startsWith('**')) source += isLast || isEnding ? '.*' : '(?:.*/)?'
    else if (token === '*') source += '[^/]*'
    else if (token === '?') source += '[^/]'
    else if (token.length > 1 && token.startsWith('[')) source += token
    else if (token === '[' || token === '\\') throw new Error(pattern)
    else source += escaped(token.startsWith('\\') ? token.slice(1) : token)
  }
  return new RegExp(`^${source}$`, 'su')
}

const escaped = (character: string) => character.replace(/[\\^$.*+?()[\]{}|/]/u, '\\$&')
