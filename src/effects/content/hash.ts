/** The name of a build's inputs: the same hash means the same image, for the resolver's tag. */
import { createHash } from 'node:crypto'
import type { Archive } from '../dockerfile/constructs.ts'

/** One thing in a build context; `path` is relative to the context, with `/`. Modes have all twelve bits. */
export type ContentEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode: number }
  | {
      readonly type: 'file'
      readonly path: string
      readonly mode: number
      readonly sha256: string
      /** What ADD makes of it, by its content. */
      readonly archive?: Archive | undefined
    }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }

export interface BuildInputs {
  /** In any order. */
  readonly entries: readonly ContentEntry[]
  /** Relative to the context. */
  readonly dockerfile: string
  /** Name and version of the builder: another one may build something else from the same files. */
  readonly builderIdentity: string
}

/**
 * 64 hexadecimal digits over all that can change the image: paths, kinds, modes, link targets and contents, which file is
 * the Dockerfile, and the builder. Owners and times do not count, since a checkout sets them anew.
 */
export function contentHash({ entries, dockerfile, builderIdentity }: BuildInputs): string {
  const hash = createHash('sha256')
  // JSON keeps the parts apart: no file name can look like the end of one entry and the start of another.
  const add = (...parts: readonly string[]) => hash.update(`${JSON.stringify(parts)}\n`)
  add('builder', builderIdentity)
  add('dockerfile', dockerfile)
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : 1))
  for (const entry of sorted) {
    if (entry.type === 'symlink') add('symlink', entry.path, entry.target)
    else if (entry.type === 'directory') add('directory', entry.path, octal(entry.mode))
    else add('file', entry.path, octal(entry.mode), entry.sha256)
  }
  return hash.digest('hex')
}

const octal = (mode: number): string => mode.toString(8)
