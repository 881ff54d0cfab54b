/**
 * A directory that containers can write below, held open: for everything that reads or changes files there.
 *
 * A name is looked up in the directory itself and never by a path, and no call follows a link, however often the tree changes
 * meanwhile. On Linux `/proc/self/fd/<n>/<name>` does what openat(2) does; elsewhere, where only `slipway run` is used, paths are joined.
 */
import { type BigIntStats, constants, type Dirent } from 'node:fs'
import {
  chmod,
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  opendir,
  readlink,
  rename,
  rmdir,
  symlink,
  unlink,
  utimes
} from 'node:fs/promises'
import { StepError } from '../../errors.ts'
import { isLinux } from '../system.ts'
import { bytesOf, nameOf, pathOf } from './file-name.ts'

/** Deeper trees are refused: each level is a handle that is held open. */
export const DEPTH_MAX = 512

/** More entries of one directory are refused. */
const ENTRIES_MAX = 1_000_000
const ENTRIES_AT_ONCE = 256

/** A handle that only stands for a directory, and needs no permission to list it. Node has no name for it. */
const O_PATH = 0o10000000
const DIRECTORY_FLAGS = constants.O_DIRECTORY | (isLinux ? O_PATH : constants.O_RDONLY)
/** Without waiting: a pipe that nobody writes to would be waited for. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const WRITE_FLAGS = constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const CREATE_FLAGS = constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_CREAT | constants.O_EXCL

/** Tells what something is, as entries of a directory do, too. */
export type Kind = Pick<Dirent, 'isDirectory' | 'isFile' | 'isSymbolicLink'>

export interface Stats extends Kind {
  readonly mode: number
  readonly size: number
  readonly uid: number
  readonly gid: number
  readonly dev: bigint
  readonly ino: bigint
  readonly nlink: number
  /** What it takes on the disk, holes not counted; a file system that compresses counts less. */
  readonly allocatedBytes: number
  readonly mtimeNs: bigint
  readonly ctimeMs: number
}

/** An open plain file and what it is. Whoever has it closes it. */
export interface OpenFile {
  readonly handle: FileHandle
  readonly stats: Stats
}

export class Directory {
  readonly #handle: FileHandle
  readonly #path: string

  private constructor(handle: FileHandle, path: string) {
    this.#handle = handle
    this.#path = isLinux ? `/proc/self/fd/${handle.fd}` : path
  }

  /** By a path that no container has a say in. Rejects with the file system's own error. */
  static async open(path: string): Promise<Directory> {
    return new Directory(await open(path, DIRECTORY_FLAGS), path)
  }

  #at(name: string): string | Buffer {
    if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
      throw new StepError('files-refused', `'${name}' is not the name of a file`)
    }
    return pathOf(`${this.#path}/${name}`)
  }

  /** Undefined when there is none of this name, or something else is. */
  async directory(name: string): Promise<Directory | undefined> {
    const path = this.#at(name)
    const handle = await open(path, DIRECTORY_FLAGS | constants.O_NOFOLLOW).catch(unlessElse)
    return handle && new Directory(handle, String(path))
  }

  /** A plain file, for reading or for writing over it. Undefined when there is none of this name, or something else is. */
  async file(name: string, use: 'read' | 'write' = 'read'): Promise<OpenFile | undefined> {
    const handle = await open(this.#at(name), use === 'read' ? READ_FLAGS : WRITE_FLAGS).catch(unlessElse)
    if (handle === undefined) return undefined
    const stats = statsOf(await handle.stat(EXACT))
    if (stats.isFile()) return { handle, stats }
    await handle.close()
    return undefined
  }

  /** A new file; rejects with EEXIST when there is anything of this name. */
  async create(name: string, mode: number): Promise<FileHandle> {
    return await open(this.#at(name), CREATE_FLAGS, mode)
  }

  /** What has this name, links not followed; undefined when nothing has. */
  async look(name: string): Promise<Stats | undefined> {
    const stats = await lstat(this.#at(name), EXACT).catch(unlessMissing)
    return stats && statsOf(stats)
  }

  /** What is in it, in no order. */
  async list(): Promise<Dirent[]> {
    const found: Dirent[] = []
    // Node's types do not know that names are bytes then; and where it has to look at each itself, it joins the two.
    const options: object = { encoding: 'buffer', bufferSize: ENTRIES_AT_ONCE }
    for await (const entry of await opendir(bytesOf(this.#path), options)) {
      if (found.length >= ENTRIES_MAX) {
        throw new StepError('files-refused', `a directory has more than ${ENTRIES_MAX} entries; remove some of them`)
      }
      entry.name = nameOf(entry.name as unknown as Buffer)
      found.push(entry)
    }
    return found
  }

  /** What a link says; undefined when there is none of this name, or something else is. */
  async readLink(name: string): Promise<string | undefined> {
    const target = await readlink(this.#at(name), { encoding: 'buffer' }).catch(unlessElse)
    return target && nameOf(target)
  }

  async makeDirectory(name: string): Promise<void> {
    await mkdir(this.#at(name))
  }

  async makeLink(name: string, target: string): Promise<void> {
    await symlink(pathOf(target), this.#at(name))
  }

  /** A second name for what has a name here, in another directory of the same file system; a link itself is not followed. */
  async addName(name: string, to: Directory, newName: string): Promise<void> {
    await link(this.#at(name), to.#at(newName))
  }

  /** Into another directory of the same file system, in place of what has that name there and is no directory. */
  async move(name: string, to: Directory, newName: string): Promise<void> {
    await rename(this.#at(name), to.#at(newName))
  }

  /** Whatever has this name, with everything below it. Nothing there is no error. */
  async remove(name: string, depth = 0): Promise<void> {
    if (depth > DEPTH_MAX) throw tooDeep(name)
    const path = this.#at(name)
    if (await unlink(path).then(() => true, unlessDirectory)) return
    const below = await this.directory(name)
    // Something else has taken its place meanwhile: that goes with the next try, if there is one.
    if (below === undefined) return
    try {
      for (const { name } of await below.list()) await below.remove(name, depth + 1)
    } finally {
      await below.close()
    }
    await rmdir(path).catch(unlessElse)
  }

  /** A directory of this name, if nothing is in it. */
  async removeEmpty(name: string): Promise<void> {
    await rmdir(this.#at(name)).catch((error: unknown) => {
      if (!['ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? '')) unlessElse(error)
    })
  }

  /** Of this directory itself. */
  async stats(): Promise<Stats> {
    return statsOf(await this.#handle.stat(EXACT))
  }

  /** Of this directory itself, by its handle. */
  async chmod(mode: number): Promise<void> {
    await chmod(this.#path, mode)
  }

  /** Of this directory itself, by its handle. Seconds since 1970. */
  async utimes(accessed: number, modified: number): Promise<void> {
    await utimes(this.#path, accessed, modified)
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

const EXACT = { bigint: true } as const
/** Of what `st_blocks` counts, whatever the file system's own are. */
const STAT_BLOCK_BYTES = 512
const NS_PER_MS = 1_000_000

const statsOf = (stats: BigIntStats): Stats => ({
  isDirectory: () => stats.isDirectory(),
  isFile: () => stats.isFile(),
  isSymbolicLink: () => stats.isSymbolicLink(),
  mode: Number(stats.mode),
  size: Number(stats.size),
  uid: Number(stats.uid),
  gid: Number(stats.gid),
  dev: stats.dev,
  ino: stats.ino,
  nlink: Number(stats.nlink),
  allocatedBytes: Number(stats.blocks) * STAT_BLOCK_BYTES,
  mtimeNs: stats.mtimeNs,
  ctimeMs: Number(stats.ctimeNs) / NS_PER_MS
})

export const tooDeep = (path: string) =>
  new StepError('files-refused', `'${path}' lies more than ${DEPTH_MAX} directories deep; move it up, or leave it out`)

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

function unlessMissing(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
}

/** ELOOP is a link, ENXIO a socket or a pipe that nobody reads, EINVAL no link. */
function unlessElse(error: unknown): undefined {
  if (!['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EINVAL', 'EISDIR'].includes(codeOf(error) ?? '')) throw error
}

/** True when there is nothing to remove. Linux says EISDIR, others EPERM. */
function unlessDirectory(error: unknown): boolean {
  const code = codeOf(error)
  if (code === 'ENOENT' || code === 'ENOTDIR') return true
  if (code === 'EISDIR' || (code === 'EPERM' && !isLinux)) return false
  throw error
}
