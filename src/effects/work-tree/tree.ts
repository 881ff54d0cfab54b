/** Files by their path below a directory that containers can write to, for reading and changing them without following a link. */
import type { FileHandle } from 'node:fs/promises'
import { posix } from 'node:path'
import { StepError } from '../../errors.ts'
import { DEPTH_MAX, Directory, type OpenFile, tooDeep } from './directory.ts'

/** Linux's own bound on a path. */
export const PATH_BYTES_MAX = 4_096
/** Links on the way to one file; Linux follows as many. */
const LINKS_MAX = 40

/** Splits a relative path; `a//b/` is `a/b`, and the empty path is the root. Throws `files-refused` for one that leads out. */
export function partsOf(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (path.startsWith('/') || parts.includes('..') || path.includes('\0')) {
    throw new StepError('files-refused', `'${path}' leads out of the work directory`)
  }
  if (parts.length > DEPTH_MAX) throw tooDeep(path)
  return parts
}

/** Whether a path is one of `roots`, or below one. */
export const isBelow = (path: string, roots: readonly string[]): boolean =>
  roots.some((root) => root === '' || path === root || path.startsWith(`${root}/`))

/** Opens the root for as long as `work` takes. The root's own path is not looked at: no container has a say in it. */
export async function inTree<T>(root: string, work: (tree: Directory) => Promise<T>): Promise<T> {
  const tree = await Directory.open(root)
  try {
    return await work(tree)
  } finally {
    await tree.close()
  }
}

/** The same where the root may be missing: then there is nothing to do. What is missing below it is `work`'s to say. */
export async function inTreeIfThere(root: string, work: (tree: Directory) => Promise<unknown>): Promise<void> {
  const tree = await Directory.open(root).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  try {
    if (tree !== undefined) await work(tree)
  } finally {
    await tree?.close()
  }
}

/** Calls `work` with the directory at a path; resolves with undefined when a part of the path is none. */
export async function inDirectory<T>(
  tree: Directory,
  path: string,
  work: (directory: Directory) => Promise<T>
): Promise<T | undefined> {
  return await descend(tree, partsOf(path), (directory, name) => directory.directory(name), work)
}

/** The same, and makes what is missing on the way. A link or a file on the way stays, and leads to undefined. */
export async function inMadeDirectory<T>(
  tree: Directory,
  path: string,
  work: (directory: Directory) => Promise<T>
): Promise<T | undefined> {
  return await descend(tree, partsOf(path), openOrMake, work)
}

async function openOrMake(directory: Directory, name: string): Promise<Directory | undefined> {
  if ((await directory.look(name)) === undefined) {
    await directory.makeDirectory(name).catch((error: NodeJS.ErrnoException) => {
      // Another hook of this job has made it.
      if (error.code !== 'EEXIST') throw error
    })
  }
  return await directory.directory(name)
}

type Open = (directory: Directory, name: string) => Promise<Directory | undefined>

async function descend<T>(
  from: Directory,
  parts: readonly string[],
  open: Open,
  work: (directory: Directory) => Promise<T>
): Promise<T | undefined> {
  let current = from
  try {
    for (const part of parts) {
      const next = await open(current, part)
      if (current !== from) await current.close()
      current = from
      if (next === undefined) return undefined
      current = next
    }
    return await work(current)
  } finally {
    if (current !== from) await current.close()
  }
}

/** The plain file at a path, open. Undefined when there is none. */
export async function openBelow(
  tree: Directory,
  path: string,
  use: 'read' | 'write' = 'read'
): Promise<OpenFile | undefined> {
  const parts = partsOf(path)
  const name = parts.at(-1)
  if (name === undefined) return undefined
  return await inDirectory(tree, parts.slice(0, -1).join('/'), (directory) => directory.file(name, use))
}

/** The bytes of the plain file at a path; undefined when there is none. Throws `files-refused` for one that is larger. */
export async function readBelow(tree: Directory, path: string, bytesMax: number): Promise<Buffer | undefined> {
  const file = await openBelow(tree, path)
  return file && (await readWhole(file, path, bytesMax))
}

const CHUNK_BYTES = 256 * 1024

/** The bytes of a file between two places. It stays open: a stream of Node's would have to be closed before its handle can be. */
export async function* contentOf(handle: FileHandle, end = Number.MAX_SAFE_INTEGER, start = 0): AsyncGenerator<Buffer> {
  for (let position = start; position < end; ) {
    const wanted = Math.min(CHUNK_BYTES, end - position)
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/** Reads a file to its end and closes it. It may grow meanwhile. */
export async function readWhole({ handle }: OpenFile, path: string, bytesMax: number): Promise<Buffer> {
  try {
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of contentOf(handle)) {
      bytes += chunk.length
      if (bytes > bytesMax) throw new StepError('files-refused', `'${path}' is larger than ${bytesMax} bytes`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } finally {
    await handle.close()
  }
}

/**
 * The path, without links, of what a path below `root` leads to, links inside the tree followed as in a bind mount of it: a relative
 * one, or an absolute one that names something below `root`. Undefined when nothing is there. Throws `files-refused` for one that leads out.
 */
export async function resolveBelow(tree: Directory, root: string, path: string): Promise<string | undefined> {
  const waiting = [...partsOf(path)]
  const done: string[] = []
  let links = 0
  while (waiting.length > 0) {
    const part = waiting.shift() as string
    if (part === '..') {
      if (done.pop() === undefined) throw leadsOut(path)
      continue
    }
    const parent = done.join('/')
    const target = await inDirectory(tree, parent, (directory) => directory.readLink(part))
    if (target === undefined) {
      const isThere = await inDirectory(tree, parent, async (directory) => (await directory.look(part)) !== undefined)
      if (isThere !== true) return undefined
      done.push(part)
      continue
    }
    links += 1
    if (links > LINKS_MAX) throw new StepError('files-refused', `'${path}' leads through more than ${LINKS_MAX} links`)
    if (posix.isAbsolute(target)) {
      const below = posix.relative(root, target)
      if (below === '..' || below.startsWith('../')) throw leadsOut(path)
      done.length = 0
      waiting.unshift(...below.split('/').filter((word) => word !== ''))
    } else waiting.unshift(...target.split('/').filter((word) => word !== '' && word !== '.'))
  }
  return done.join('/')
}

const leadsOut = (path: string) =>
  new StepError('files-refused', `'${path}' is a link that leads out of the directory it may use; make it a plain file`)

/** What no second try will change: rights, room and limits of the runner's disk. */
const REFUSALS = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EFBIG', 'ENAMETOOLONG', 'EMFILE']

/** A refusal of the runner's disk as `files-refused`, anything else as it is. `what`: `write 'a/b' to`. */
export function diskRefusal(error: unknown, what: string): unknown {
  const { code = '' } = error as NodeJS.ErrnoException
  if (error instanceof StepError || !REFUSALS.includes(code)) return error
  return new StepError(
    'files-refused',
    `could not ${what} the runner's disk (${code}): give the runner's user the right to it, or more room`,
    { cause: error }
  )
}
