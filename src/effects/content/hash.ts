/** The name of a build's inputs: the same hash means the same image, for the resolver's tag. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { StepError } from '../../errors.ts'
import type { ContextEntry } from './context.ts'

export interface BuildInputs {
  /** Absolute path of the build context. */
  readonly directory: string
  /** What `listContext` found there, in its order. */
  readonly entries: readonly ContextEntry[]
  /** Relative to the context. */
  readonly dockerfile: string
  /** Name and version of the builder: another one may build something else from the same files. */
  readonly builderIdentity: string
}

/**
 * 64 hexadecimal digits over all that can change the image: paths, kinds, executable bits, link targets and contents,
 * which file is the Dockerfile, and the builder. Owners and times do not count, since a checkout sets them anew.
 * Files are streamed. Rejects with `cancelled`, or with the file system's own error.
 */
export async function contentHash(inputs: BuildInputs, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  // JSON keeps the parts apart: no file name can look like the end of one entry and the start of another.
  const add = (...parts: readonly string[]) => hash.update(`${JSON.stringify(parts)}\n`)
  add('builder', inputs.builderIdentity)
  add('dockerfile', inputs.dockerfile)
  try {
    for (const entry of inputs.entries) {
      signal.throwIfAborted()
      if (entry.type === 'file') {
        const content = await fileHash(join(inputs.directory, entry.path), signal)
        add('file', entry.path, entry.isExecutable ? 'executable' : 'plain', content)
      } else if (entry.type === 'symlink') add('symlink', entry.path, entry.target)
      else add('directory', entry.path)
    }
  } catch (thrown) {
    if (signal.aborted) throw new StepError('cancelled', 'Reading the build context was cancelled')
    throw thrown
  }
  return hash.digest('hex')
}

async function fileHash(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash, { signal })
  return hash.digest('hex')
}
