/** Packs parts of a directory into a tar stream, for the copy mode: what is sent is also written down. */
import type { Stats } from 'node:fs'
import { lstat, open, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Pack, pack as tarPack } from 'tar-stream'

/** Files up to this size are read in one go; larger ones are streamed. */
const WHOLE_FILE_BYTES_MAX = 256 * 1024
const MODE_BITS = 0o7777

/** Name of the last member, unless another one was asked for: an archive without it was cut short. */
export const COMPLETE_MEMBER = '.complete'

export interface PackRequest {
  /** Absolute directory that the names are relative to. */
  readonly root: string
  /** Relative paths, each with everything below it and with its parent directories. Empty string: everything in root. */
  readonly paths: readonly string[]
  /** False leaves a path (relative to root) and what is below it out. */
  readonly include?: (path: string) => boolean
  readonly completeMember?: string
}

/**
 * The tar stream, ending with an empty member. Sockets, pipes and devices are left out. The stream is
 * destroyed with the error when something cannot be read.
 */
export function pack(request: PackRequest): Readable {
  const archive = tarPack()
  const output = new PassThrough()
  pipeline(archive, output).catch(() => {})
  packAll(archive, request).then(
    () => archive.finalize(),
    (error: Error) => {
      archive.destroy(error)
      output.destroy(error)
    }
  )
  return output
}

async function packAll(archive: Pack, request: PackRequest): Promise<void> {
  const sent = new Set<string>()
  for (const path of request.paths) {
    const parts = path === '' ? [] : path.split('/')
    for (let depth = 1; depth < parts.length; depth += 1) {
      const parent = parts.slice(0, depth).join('/')
      if (!sent.has(parent)) await packOne(archive, request, parent)
      sent.add(parent)
    }
    if (path === '') await packChildren(archive, request, '')
    else await packTree(archive, request, path)
  }
  await entry(archive, { name: request.completeMember ?? COMPLETE_MEMBER, type: 'file', mode: 0o600 }, Buffer.alloc(0))
}

async function packTree(archive: Pack, request: PackRequest, path: string): Promise<void> {
  if (request.include?.(path) === false) return
  const stats = await packOne(archive, request, path)
  if (stats.isDirectory()) await packChildren(archive, request, path)
}

async function packChildren(archive: Pack, request: PackRequest, path: string): Promise<void> {
  const names = await readdir(join(request.root, path))
  for (const name of names.sort()) {
    const child = path === '' ? name : `${path}/${name}`
    await packTree(archive, request, child).catch((error: NodeJS.ErrnoException) => {
      // What another program has removed since it was listed is not there.
      if (error.code !== 'ENOENT') throw error
    })
  }
}

/** Sends one file, directory or symbolic link, without what is below it. */
async function packOne(archive: Pack, request: PackRequest, path: string): Promise<Stats> {
  const absolute = join(request.root, path)
  const stats = await lstat(absolute)
  const header = { name: path, mode: stats.mode & MODE_BITS, uid: stats.uid, gid: stats.gid, mtime: stats.mtime }
  if (stats.isDirectory()) await entry(archive, { ...header, type: 'directory' })
  else if (stats.isSymbolicLink())
    await entry(archive, { ...header, type: 'symlink', linkname: await readlink(absolute) })
  else if (stats.isFile() && stats.size <= WHOLE_FILE_BYTES_MAX) {
    await entry(archive, { ...header, type: 'file' }, await readFile(absolute))
  } else if (stats.isFile()) {
    const file = await open(absolute)
    // A file that grows meanwhile is sent as it was; one that shrinks makes the archive fail, and the stage try again.
    await pipeline(
      file.createReadStream({ end: stats.size - 1 }),
      archive.entry({ ...header, type: 'file', size: stats.size })
    )
  } else return stats
  return stats
}

function entry(archive: Pack, header: Parameters<Pack['entry']>[0], content?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve())
    if (content === undefined) archive.entry(header, done)
    else archive.entry(header, content, done)
  })
}
