/** Removes on the runner's disk what a container has removed of its copy, for unpacking; not what others have made or changed meanwhile. */
import { isUtf8 } from 'node:buffer'
import { posix } from 'node:path'
import type { Readable } from 'node:stream'
import { DEPTH_MAX, type Directory, tooDeep } from '../work-tree/directory.ts'
import { diskRefusal, inDirectory } from '../work-tree/tree.ts'
import { GONE_BYTES_MAX, tooMuch } from './limits.ts'
import { textOf } from './reader.ts'

/** Name of the member that lists what is gone, NUL-separated; it comes before all others. */
export const GONE_MEMBER = '.gone'

interface Gone {
  readonly paths: ReadonlySet<string>
  /** When the container's copy was made, by the disk's own clock. */
  readonly copiedAtMs: number
}

/** Of the listed paths, each inside of `tree`: files that are as they were, and directories that are empty then. */
export async function removeGone(tree: Directory, gone: Gone): Promise<void> {
  for (const path of gone.paths) {
    if (gone.paths.has(posix.dirname(path))) continue
    const name = posix.basename(path)
    await inDirectory(tree, path.slice(0, -name.length), (parent) => removeListed(parent, path, gone)).catch(
      (error: unknown) => {
        throw diskRefusal(error, `remove '${path}' from`)
      }
    )
  }
}

async function removeListed(parent: Directory, path: string, gone: Gone): Promise<void> {
  if (path.split('/').length > DEPTH_MAX) throw tooDeep(path)
  const name = posix.basename(path)
  const stats = await parent.look(name)
  if (stats === undefined) return
  if (!stats.isDirectory()) {
    // Sockets, pipes and devices are in no list: they go with their directory.
    const isListed = gone.paths.has(path) || !(stats.isFile() || stats.isSymbolicLink())
    if (isListed && stats.ctimeMs <= gone.copiedAtMs) await parent.remove(name)
    return
  }
  const directory = gone.paths.has(path) ? await parent.directory(name) : undefined
  if (directory === undefined) return
  try {
    for (const child of await directory.list()) await removeListed(directory, `${path}/${child.name}`, gone)
  } finally {
    await directory.close()
  }
  await parent.removeEmpty(name)
}

export async function readPaths(body: Readable): Promise<readonly string[]> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    chunks.push(chunk as Buffer)
    bytes += (chunk as Buffer).length
    if (bytes > GONE_BYTES_MAX) throw tooMuch('a list of what is gone that is too large')
  }
  const whole = Buffer.concat(chunks)
  const paths = isUtf8(whole) ? whole.toString('utf8').split('\0') : whole.toString('latin1').split('\0').map(textOf)
  return paths.filter((path) => path !== '')
}
