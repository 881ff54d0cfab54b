/** Packs parts of a tree that containers can write to into a tar stream, for the copy mode: what is sent is also written down. */
import { createHash, type Hash } from 'node:crypto'
import { PassThrough, type Readable } from 'node:stream'
import { StepError } from '../../errors.ts'
import type { ContentEntry } from '../content/hash.ts'
import { DEPTH_MAX, type Directory, type Kind, type OpenFile, type Stats, tooDeep } from '../work-tree/directory.ts'
import { diskRefusal, inDirectory, inTree, partsOf } from '../work-tree/tree.ts'
import { bytesOfExtent, extentsOf, zeros } from './extents.ts'
import { END, type Extent, headerOf, type Member, paddingOf, sparseMap } from './member.ts'

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
  /** Resolves when there is room for more; rejects when nobody reads any more. */
  readonly write: (bytes: Uint8Array) => Promise<void>
  /** Only kept for `seal`. */
  readonly sent: ContentEntry[]
  /** First names of files that have several, by what they are. */
  readonly firstNames: Map<string, { readonly path: string; readonly sha256: string | undefined }>
}

/**
 * The tar stream, ending with an empty member. Sockets, pipes and devices are left out, and no link is followed. The stream is
 * destroyed with the error when something cannot be read.
 */
export function pack(request: PackRequest): Readable {
  const output = new PassThrough()
  const write = async (bytes: Uint8Array) => {
    if (!output.destroyed && !output.write(bytes)) await roomIn(output)
    if (output.destroyed) throw new Error('nobody reads the archive any more')
  }
  packAll({ ...request, write, sent: [], firstNames: new Map() }).then(
    () => output.end(END),
    (error: Error) => output.destroy(error)
  )
  return output
}

async function roomIn(output: PassThrough): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      output.off('drain', done).off('close', done)
      resolve()
    }
    output.on('drain', done).on('close', done)
  })
}

async function packAll(packing: Packing): Promise<void> {
  const { root, base = '', paths, completeMember = COMPLETE_MEMBER } = packing
  await inTree(root, async (tree) => {
    const isThere = await inDirectory(tree, base, async (directory) => {
      const sentParents = new Set<string>()
      for (const path of paths) {
        await packPath(packing, directory, path, sentParents).catch((error: unknown) => {
          throw diskRefusal(error, `read '${path || base || '.'}' on`)
        })
      }
      return true
    })
    if (isThere !== true) throw gone(base)
  })
  packing.seal?.(packing.sent)
  await packing.write(headerOf({ path: completeMember, type: 'file', mode: 0o600 }))
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
    await packing.write(headerOf({ ...known(path, stats), type: 'symlink', target }))
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
  await packing.write(headerOf({ ...known(path, stats), type: 'directory' }))
  note(packing, { type: 'directory', path, mode: stats.mode & MODE_BITS })
}

async function packFile(packing: Packing, path: string, file: OpenFile): Promise<void> {
  const { handle, stats } = file
  const identity = `${stats.dev} ${stats.ino} ${stats.mtimeNs} ${stats.size}`
  const first = stats.nlink > 1 ? packing.firstNames.get(identity) : undefined
  let sha256 = first?.sha256
  try {
    if (first !== undefined) {
      await packing.write(headerOf({ ...known(path, stats), type: 'link', target: first.path }))
    } else {
      sha256 = await packContent(packing, path, file)
      if (stats.nlink > 1) packing.firstNames.set(identity, { path, sha256 })
    }
  } finally {
    await handle.close()
  }
  if (sha256 !== undefined) note(packing, { type: 'file', path, mode: stats.mode & MODE_BITS, sha256 })
}

/** The hash is of the whole content, and only known where somebody asks for it. */
async function packContent(packing: Packing, path: string, file: OpenFile): Promise<string | undefined> {
  const { handle, stats } = file
  const hash = packing.seal === undefined ? undefined : createHash('sha256')
  const header = { ...known(path, stats), type: 'file' as const }
  if (stats.size <= WHOLE_FILE_BYTES_MAX) {
    const { buffer, bytesRead: size } = await handle.read(Buffer.alloc(stats.size), 0, stats.size, 0)
    const content = buffer.subarray(0, size)
    hash?.update(content)
    await packing.write(Buffer.concat([headerOf({ ...header, size }), content, paddingOf(size)]))
    return hash?.digest('hex')
  }
  const whole = { offset: 0, length: stats.size }
  const extents = stats.allocatedBytes < stats.size ? await extentsOf(handle, stats.size) : [whole]
  const length = extents.reduce((sum, extent) => sum + extent.length, 0)
  if (length < stats.size) {
    const map = sparseMap(extents, stats.size)
    await packing.write(
      Buffer.concat([headerOf({ ...header, size: map.length + length, sparseSize: stats.size }), map])
    )
  } else await packing.write(headerOf({ ...header, size: length }))
  await packExtents(packing, file, extents, hash)
  await packing.write(paddingOf(length))
  return hash?.digest('hex')
}

/** What becomes a hole meanwhile, or no longer is one, is as it was when it was looked at. */
async function packExtents(
  { write }: Packing,
  { handle, stats }: OpenFile,
  extents: readonly Extent[],
  hash: Hash | undefined
): Promise<void> {
  let end = 0
  const hashHole = (until: number) => {
    if (hash !== undefined) for (const bytes of zeros(until - end)) hash.update(bytes)
  }
  for (const extent of extents) {
    hashHole(extent.offset)
    for await (const chunk of bytesOfExtent(handle, extent)) {
      hash?.update(chunk)
      await write(chunk)
    }
    end = extent.offset + extent.length
  }
  hashHole(stats.size)
}

const known = (path: string, { mode, uid, gid, mtimeNs }: Stats): Omit<Member, 'type'> => ({
  path,
  mode: mode & MODE_BITS,
  uid,
  gid,
  mtimeNs
})

function note({ seal, sent }: Packing, what: ContentEntry): void {
  if (seal !== undefined) sent.push(what)
}
