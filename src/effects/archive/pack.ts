/** Packs parts of a tree that containers can write to into a tar stream, for the copy mode: what is sent is also written down. */
import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Pack, pack as tarPack } from 'tar-stream'
import { StepError } from '../../errors.ts'
import type { ContentEntry } from '../content/hash.ts'
import { DEPTH_MAX, type Directory, type OpenFile, tooDeep } from '../work-tree/directory.ts'
import { contentOf, diskRefusal, inDirectory, inTree, partsOf } from '../work-tree/tree.ts'

/** Files up to this size are read in one go; larger ones are streamed. */
const WHOLE_FILE_BYTES_MAX = 256 * 1024
const MODE_BITS = 0o7777

/** Name of the last member, unless another one was asked for: an archive without it was cut short. */
export const COMPLETE_MEMBER = '.complete'

export interface PackRequest {
  /** Absolute directory; no container has a say in its path. */
  readonly root: string
  /** Directory below it that the paths are relative to; the root itself when undefined. */
  readonly base?: string
  /** What the base itself is called in the archive, when everything in it is asked for; undefined: nothing, its content is. */
  readonly name?: string
  /** Each with everything below it and with its parent directories. Empty string: everything in root. */
  readonly paths: readonly string[]
  /** False leaves a member of the archive and what is below it out. */
  readonly include?: (path: string) => boolean
  readonly completeMember?: string
  /** Called with all that was sent, before the last member; when it throws, the archive stays incomplete. */
  readonly seal?: (sent: readonly ContentEntry[]) => void
}

interface Packing extends PackRequest {
  readonly archive: Pack
  /** Only kept for `seal`. */
  readonly sent: ContentEntry[]
  /** Rejects when nobody reads the stream any more; what is written into it then is never done. */
  readonly closed: Promise<never>
}

/**
 * The tar stream, ending with an empty member. Sockets, pipes and devices are left out, and no link is followed. The stream is
 * destroyed with the error when something cannot be read.
 */
export function pack(request: PackRequest): Readable {
  const archive = tarPack()
  const output = new PassThrough()
  pipeline(archive, output).catch(() => {})
  const closed = new Promise<never>((_resolve, reject) => {
    output.once('close', () => reject(new Error('nobody reads the archive any more')))
  })
  closed.catch(() => {})
  packAll({ ...request, archive, sent: [], closed }).then(
    () => archive.finalize(),
    (error: Error) => {
      archive.destroy(error)
      output.destroy(error)
    }
  )
  return output
}

async function packAll(packing: Packing): Promise<void> {
  const { root, base = '', paths, completeMember = COMPLETE_MEMBER } = packing
  await inTree(root, async (tree) => {
    const isThere = await inDirectory(tree, base, async (directory) => {
      const sentParents = new Set<string>()
      for (const path of paths) await packPath(packing, directory, path, sentParents)
      return true
    })
    if (isThere !== true) throw gone(base)
  })
  packing.seal?.(packing.sent)
  await entry(packing, { name: completeMember, type: 'file', mode: 0o600 }, Buffer.alloc(0))
}

/** One of the paths that were asked for, after its parents. */
async function packPath(packing: Packing, tree: Directory, path: string, sentParents: Set<string>): Promise<void> {
  const parts = partsOf(path)
  const pathTo = (depth: number) => parts.slice(0, depth).join('/')
  for (let depth = 1; depth < parts.length; depth += 1) {
    const parent = pathTo(depth)
    if (sentParents.has(parent)) continue
    sentParents.add(parent)
    const stats = await inDirectory(tree, parent, (directory) => directory.stats())
    if (stats === undefined) throw gone(parent)
    await packDirectory(packing, parent, stats)
  }
  const isThere = await inDirectory(tree, pathTo(parts.length - 1), async (parent) => {
    const name = parts.at(-1)
    if (name !== undefined) return await packTree(packing, parent, name, path)
    if (packing.name !== undefined) await packDirectory(packing, packing.name, await parent.stats())
    await packChildren(packing, parent, packing.name ?? '')
    return true
  })
  if (isThere !== true) throw gone(path)
}

const gone = (path: string) =>
  new StepError('files-refused', `'${path}' is not there any more, or something on the way to it is no directory`)

/** Tells what something is, as `Stats` and `Dirent` do. */
type Kind = Pick<Stats, 'isDirectory' | 'isFile' | 'isSymbolicLink'>

/** Sends what has this name and everything below it, as long as it is what it was. False when it is not there. */
async function packTree(
  packing: Packing,
  parent: Directory,
  name: string,
  path: string,
  seen?: Kind
): Promise<boolean> {
  if (packing.include?.(path) === false) return true
  const kind = seen ?? (await parent.look(name))
  if (kind === undefined) return false
  if (kind.isDirectory()) {
    const directory = await parent.directory(name)
    if (directory === undefined) return false
    try {
      await packDirectory(packing, path, await directory.stats())
      await packChildren(packing, directory, path)
    } finally {
      await directory.close()
    }
  } else if (kind.isFile()) {
    const file = await parent.file(name)
    if (file === undefined) return false
    await packFile(packing, path, file)
  } else if (kind.isSymbolicLink()) {
    const [target, stats] = [await parent.readLink(name), await parent.look(name)]
    if (target === undefined || stats === undefined) return false
    await entry(packing, { ...headerOf(path, stats), type: 'symlink', linkname: target })
    note(packing, { type: 'symlink', path, target })
  }
  return true
}

async function packChildren(packing: Packing, directory: Directory, path: string): Promise<void> {
  if (path.split('/').length >= DEPTH_MAX) throw tooDeep(path)
  const found = (await directory.list()).sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const child of found) {
    // What another program has removed since it was listed is not there.
    const childPath = path === '' ? child.name : `${path}/${child.name}`
    await packTree(packing, directory, child.name, childPath, child).catch((error: unknown) => {
      throw diskRefusal(error, `read '${childPath}' on`)
    })
  }
}

async function packDirectory(packing: Packing, path: string, stats: Stats): Promise<void> {
  await entry(packing, { ...headerOf(path, stats), type: 'directory' })
  note(packing, { type: 'directory', path, mode: stats.mode & MODE_BITS })
}

async function packFile(packing: Packing, path: string, { handle, stats }: OpenFile): Promise<void> {
  const header = { ...headerOf(path, stats), type: 'file' as const }
  const hash = packing.seal === undefined ? undefined : createHash('sha256')
  try {
    if (stats.size <= WHOLE_FILE_BYTES_MAX) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(stats.size), 0, stats.size, 0)
      const content = buffer.subarray(0, bytesRead)
      hash?.update(content)
      await entry(packing, header, content)
    } else {
      const to = silent(packing.archive.entry({ ...header, size: stats.size }))
      const content = async function* () {
        for await (const chunk of contentOf(handle, stats.size)) {
          hash?.update(chunk)
          yield chunk
        }
      }
      // A file that grows meanwhile is sent as it was; one that shrinks makes the archive fail, and the stage try again.
      await Promise.race([pipeline(content, to), packing.closed])
    }
  } finally {
    await handle.close()
  }
  if (hash !== undefined)
    note(packing, { type: 'file', path, mode: stats.mode & MODE_BITS, sha256: hash.digest('hex') })
}

const headerOf = (name: string, stats: Stats) => ({
  name,
  mode: stats.mode & MODE_BITS,
  uid: stats.uid,
  gid: stats.gid,
  mtime: stats.mtime
})

function note({ seal, sent }: Packing, what: ContentEntry): void {
  if (seal !== undefined) sent.push(what)
}

async function entry(
  { archive, closed }: Packing,
  header: Parameters<Pack['entry']>[0],
  content?: Buffer
): Promise<void> {
  const written = new Promise<void>((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve())
    silent(content === undefined ? archive.entry(header, done) : archive.entry(header, content, done))
  })
  await Promise.race([written, closed])
}

/** What goes wrong with a member is told by its callback, and by the whole stream. */
function silent<Stream extends NodeJS.EventEmitter>(member: Stream): Stream {
  return member.on('error', () => {})
}
