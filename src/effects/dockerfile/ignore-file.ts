/**
 * Which paths a .dockerignore leaves out, with docker's own rules, for the walk over a build context.
 *
 * They are not .gitignore's, which is why the npm package `ignore` does not do: every pattern is anchored to the root of
 * the context, and the last pattern that matches a path, or one of its parents, decides. Compared with what
 * moby/patternmatcher's `MatchesOrParentMatches` says, which docker build follows, for 20,000 random files of patterns:
 * they differ only where a backslash stands before a letter or at the end, which Go does not treat alike everywhere.
 *
 * The file is somebody else's: no pattern may take long. So none becomes a regular expression, which goes back and tries again.
 */
import { StepError } from '../../errors.ts'
import { createGlobSet, type Position } from './glob-set.ts'
import { readPattern } from './ignore-pattern.ts'

export interface IgnoreRules {
  /** Whether `path` (relative to the context, with `/`) is left out of the context. Quick for one of the directory asked about before. */
  excludes(path: string): boolean
  /** Whether something below the excluded directory `path` may be taken in again by a `!` pattern. */
  mayReinclude(path: string): boolean
}

/** A thousand times what people write. */
export const IGNORE_FILE_BYTES_MAX = 64 * 1024
/** How much of a pattern is repeated in an error. */
const SHOWN_LENGTH_MAX = 80

/** The rules in the text of a .dockerignore. Throws `invalid-input` for a pattern that is none, and for a file that is too large. */
export function parseIgnoreFile(text: string, name: string): IgnoreRules {
  if (Buffer.byteLength(text) > IGNORE_FILE_BYTES_MAX) {
    throw new StepError('invalid-input', `${name} is larger than ${IGNORE_FILE_BYTES_MAX / 1024} KiB; make it smaller`)
  }
  const patterns = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .filter((line) => !line.startsWith('#') && line.trim() !== '')
    .map((line) => {
      const pattern = readPattern(line.trim())
      if (pattern === undefined) throw badPattern(line.trim(), name)
      return pattern
    })
  const globs = createGlobSet(patterns.map(({ tokens }) => tokens))
  const negated = patterns.filter(({ isNegated }) => isNegated)

  /** The directories of the last path that was asked about: a walk asks about the children of one after the other. */
  const entered: { readonly name: string; readonly position: Position }[] = []
  const enter = (directories: readonly string[]): Position => {
    let depth = 0
    while (depth < directories.length && entered[depth]?.name === directories[depth]) depth += 1
    entered.length = depth
    for (const name of directories.slice(depth)) {
      entered.push({ name, position: globs.enter(entered.at(-1)?.position ?? globs.start, name) })
    }
    return entered.at(-1)?.position ?? globs.start
  }
  return {
    excludes(path) {
      const names = path.split('/')
      const last = globs.lastMatch(enter(names.slice(0, -1)), names.at(-1) ?? '')
      return patterns[last]?.isNegated === false
    },
    mayReinclude(path) {
      const directories = path.split('/')
      return negated.some(({ fixed, isFixed }) => {
        const depth = Math.min(fixed.length, directories.length)
        for (let index = 0; index < depth; index += 1) if (fixed[index] !== directories[index]) return false
        return !isFixed || fixed.length > directories.length
      })
    }
  }
}

const badPattern = (line: string, name: string): StepError => {
  const shown = line.length > SHOWN_LENGTH_MAX ? `${line.slice(0, SHOWN_LENGTH_MAX)}...` : line
  return new StepError('invalid-input', `'${shown}' in ${name} is not a pattern; correct or remove that line`)
}
