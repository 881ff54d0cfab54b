/**
 * Unpacks a tar stream from a container onto the runner's disk, for the copy mode. The stream is not trusted: nothing is
 * written outside the root or through a symbolic link, and a file is replaced only when its new content is complete.
 */
import { createWriteStream } from 'node:fs'
import { chmod, lstat, mkdir, rename, rm, symlink, utimes } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract, type Header } from 'tar-stream'
import { COMPLETE_MEMBER } from './pack.ts'

const MODE_BITS = 0o777
const OWNER_DIRECTORY_BITS = 0o700
const OWNER_FILE_BITS = 0o600

/** Name of the member that lists what is gone, NUL-separated; it comes before all others. */
export const GONE_MEMBER = '.gone'
const GONE_BYTES_MAX = 256 * 1024 * 1024

export interface UnpackRequest {
  readonly root: string
  /** False refuses a path relative to root, because it was not asked for. */
  readonly isWanted: (path: string) => boolean
  /** Called with the paths that are gone before anything is written. */
  readonly onGone: (paths: readonly string[]) => Promise<void>
}

export interface Unpacking {
  /** Where the tar stream goes. */
  readonly input: Writable
  /** Resolves with the number of paths written; rejects when the stream is unsafe, damaged or incomplete. */
  readonly done: Promise<number>
}

export function unpack(request: UnpackRequest): Unpacking {
  const input = extract()
  const done = unpackAll(input, request)
  // Whoever writes is told by `input`; the rejection itself is awaited later.
  done.catch((error: Error) => input.destroy(error))
  return { input: input as unknown as Writable, done }
}

async function unpackAll(input: ReturnType<typeof extract>, request: UnpackRequest): Promise<number> {
  let written = 0
  let isComplete = false
  const directories = new Set<string>()
  for await (const entry of input) {
    const { header } = entry
    const path = posix.normalize(header.name).replace(/\/$/, '')
    const body = entry as unknown as Readable
    if (path === GONE_MEMBER) await request.onGone(await readPaths(body))
    else if (path === COMPLETE_MEMBER) isComplete = true
    else {
      if (!isInside(path) || !request.isWanted(path)) {
        throw new Error(`the archive has a path that was not asked for: ${path}`)
      }
      await makeDirectory(request.root, dirname(path), directories)
      await write(request.root, path, header, body, directories)
      written += 1
    }
    entry.resume()
  }
  if (!isComplete) throw new Error('the archive was cut short')
  return written
}

async function write(
  root: string,
  path: string,
  header: Header,
  body: Readable,
  directories: Set<string>
): Promise<void> {
  const absolute = join(root, path)
  const mode = (header.mode ?? 0o644) & MODE_BITS
  if (header.type === 'directory') {
    await makeDirectory(root, path, directories)
    // The runner must be able to remove what is below; not its own directory: keep its mode.
    await chmod(absolute, mode | OWNER_DIRECTORY_BITS).catch(() => {})
    return
  }
  const existing = await lstat(absolute).catch(() => undefined)
  if (existing?.isDirectory()) await rm(absolute, { recursive: true, force: true })
  if (header.type === 'symlink') {
    await rm(absolute, { force: true })
    await symlink(header.linkname ?? '', absolute)
  } else if (header.type === 'file') {
    const partial = `${absolute}.slipway-partial`
    await pipeline(body, createWriteStream(partial, { mode: mode | OWNER_FILE_BITS })).catch(async (error: unknown) => {
      await rm(partial, { force: true })
      throw error
    })
    await chmod(partial, mode | OWNER_FILE_BITS)
    if (header.mtime) await utimes(partial, header.mtime, header.mtime)
    await rename(partial, absolute)
  }
}

/** Makes a directory and its parents below root; what stands in the way and is no directory, a link above all, is replaced. */
async function makeDirectory(root: string, path: string, known: Set<string>): Promise<void> {
  if (path === '.' || path === '' || known.has(path)) return
  await makeDirectory(root, dirname(path), known)
  const absolute = join(root, path)
  const existing = await lstat(absolute).catch(() => undefined)
  if (existing === undefined || !existing.isDirectory()) {
    await rm(absolute, { force: true })
    await mkdir(absolute)
  }
  known.add(path)
}

async function readPaths(body: Readable): Promise<readonly string[]> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    chunks.push(chunk as Buffer)
    bytes += (chunk as Buffer).length
    if (bytes > GONE_BYTES_MAX) throw new Error('the list of what is gone is too large')
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .split('\0')
    .filter((path) => path !== '' && isInside(path))
}

/** True for a normalised path that does not lead out of the root. */
const isInside = (path: string): boolean =>
  !path.startsWith('/') && posix.normalize(path) === path && path !== '..' && !path.startsWith('../')
