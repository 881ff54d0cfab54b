/**
 * Unpacks a tar stream from a container onto the runner's disk, for the copy mode. Neither the stream nor the disk is trusted: nothing is
 * written outside of the root or through a link, and a file is replaced only when its new content is complete.
 */
import type { FileHandle } from 'node:fs/promises'
import { posix } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { Header } from 'tar-stream'
import type { Directory } from '../work-tree/directory.ts'
import { diskRefusal, inDirectory, inTree, isBelow, PATH_BYTES_MAX, partsOf } from '../work-tree/tree.ts'
import { TargetDirectories } from './directories.ts'
import { GONE_MEMBER, readPaths, removeGone } from './gone.ts'
import { BYTES_MAX, MEMBERS_MAX, refused, tooLarge, tooMuch } from './limits.ts'
import { COMPLETE_MEMBER } from './pack.ts'
import { type Pax, type TarReader, tarReader, textOf } from './reader.ts'
import { piecesOf, type SparseFile, sparseFile, wholeOf } from './sparse.ts'
import { withStaging } from './staging.ts'

const MODE_BITS = 0o777
const OWNER_DIRECTORY_BITS = 0o700
const OWNER_FILE_BITS = 0o600
const MS_PER_SECOND = 1_000

export interface UnpackRequest {
  readonly root: string
  /** False refuses a path relative to root, because it was not asked for. */
  readonly isWanted: (path: string) => boolean
  /** Directories of `root` in which only plain files are taken: a program that trusts them reads what is there. */
  readonly plainFilesIn?: readonly string[]
  /** What stands for a directory of somebody else's, and has to stay one. */
  readonly staysDirectory?: (path: string) => boolean
  /** When the files were copied to where the stream comes from, by this disk's clock: what changed later is not removed. Undefined: anything is. */
  readonly copiedAtMs?: number | undefined
  /** Bytes of content at the most; undefined: BYTES_MAX. */
  readonly bytesMax?: number | undefined
  /** Files have no times of their own, and are as old as they are here. */
  readonly areNew?: boolean | undefined
  /** Told what was left out, and why. */
  readonly onLeftOut?: (path: string, why: string) => void
}

/** Kinds of members. */
const PLAIN: readonly string[] = ['file', 'link']
const TAKEN: readonly string[] = [...PLAIN, 'directory', 'symlink']

export interface Unpacking {
  /** Where the tar stream goes. */
  readonly input: Writable
  /** Resolves with the paths that were written; rejects when the stream is unsafe, damaged or incomplete, or too large. */
  readonly done: Promise<ReadonlySet<string>>
}

export function unpack(request: UnpackRequest): Unpacking {
  const input = tarReader()
  // Asked for at once: members that arrive before somebody listens are lost.
  const iterator = input[Symbol.asyncIterator]()
  const members = { [Symbol.asyncIterator]: () => iterator }
  const done = unpackAll(members, request)
  // Whoever writes is told by `input`; the rejection itself is awaited later.
  done.catch((error: Error) => input.destroy(error))
  return { input: input as unknown as Writable, done }
}

type Members = Pick<TarReader, typeof Symbol.asyncIterator>

async function unpackAll(members: Members, request: UnpackRequest): Promise<ReadonlySet<string>> {
  return await inTree(request.root, (tree) =>
    withStaging(tree, (staging) => new Unpacker(tree, staging, request).unpack(members))
  )
}

class Unpacker {
  readonly #tree: Directory
  readonly #staging: Directory
  readonly #request: UnpackRequest
  readonly #directories: TargetDirectories
  readonly #written = new Set<string>()
  #bytesLeft: number
  /** Names in the staging directory. */
  #made = 0

  constructor(tree: Directory, staging: Directory, request: UnpackRequest) {
    this.#tree = tree
    this.#staging = staging
    this.#request = request
    this.#directories = new TargetDirectories(tree)
    this.#bytesLeft = request.bytesMax ?? BYTES_MAX
  }

  async unpack(members: Members): Promise<ReadonlySet<string>> {
    let count = 0
    let isComplete = false
    try {
      for await (const entry of members) {
        count += 1
        if (count > MEMBERS_MAX) throw tooMuch(`more than ${MEMBERS_MAX} files`)
        const { header } = entry
        const body = entry as unknown as Readable
        const sparse = sparseFile(header.pax as Pax | null)
        const path = posix.normalize(textOf(sparse?.name ?? header.name)).replace(/\/$/, '')
        if (path === GONE_MEMBER) await this.#removeGone(await readPaths(body))
        else if (path === COMPLETE_MEMBER) isComplete = true
        else
          await this.#take(path, header, body, sparse).catch((error: unknown) => {
            throw diskRefusal(error, `write '${path}' to`)
          })
        entry.resume()
      }
    } finally {
      await this.#directories.close()
    }
    if (!isComplete) throw new Error('the archive was cut short')
    return this.#written
  }

  async #removeGone(paths: readonly string[]): Promise<void> {
    const { isWanted, staysDirectory, copiedAtMs = Number.POSITIVE_INFINITY } = this.#request
    const mayGo = paths.filter((path) => isInside(path) && isWanted(path) && staysDirectory?.(path) !== true)
    await removeGone(this.#tree, { paths: new Set(mayGo), copiedAtMs })
  }

  async #take(path: string, header: Header, body: Readable, sparse: SparseFile | undefined): Promise<void> {
    const { isWanted, onLeftOut } = this.#request
    if (Buffer.byteLength(path) > PATH_BYTES_MAX) throw tooMuch(`a path of more than ${PATH_BYTES_MAX} bytes`)
    if (!isInside(path) || !isWanted(path)) throw refused(`a path that was not asked for: ${path}`)
    const why = this.#whyNot(path, header.type)
    if (why !== undefined) return onLeftOut?.(path, why)
    const parts = partsOf(path)
    const name = parts.at(-1) as string
    if (header.type === 'directory') {
      const directory = await this.#directories.directory(parts)
      // The runner must be able to remove what is below; not its own directory: keep its mode.
      await directory.chmod(((header.mode ?? 0o755) & MODE_BITS) | OWNER_DIRECTORY_BITS).catch(() => {})
    } else {
      // What was open below it is closed: this member may replace it.
      const parent = await this.#directories.directory(parts.slice(0, -1))
      this.#made += 1
      const made = String(this.#made)
      if (header.type === 'symlink') await this.#staging.makeLink(made, textOf(header.linkname ?? ''))
      else if (header.type === 'link') await this.#addName(made, posix.normalize(textOf(header.linkname ?? '')))
      else await this.#writeFile(made, header, sparse === undefined ? wholeOf(body) : piecesOf(body, sparse), sparse)
      await moveIn(this.#staging, made, parent, name).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
        // Another step has removed the directory, which was empty, since it was opened.
        await this.#directories.close()
        await moveIn(this.#staging, made, await this.#directories.directory(parts.slice(0, -1)), name)
      })
    }
    this.#written.add(path)
  }

  /** Why something that was asked for is left out all the same. */
  #whyNot(path: string, type: Header['type']): string | undefined {
    const { plainFilesIn = [], staysDirectory } = this.#request
    if (!TAKEN.includes(type ?? '')) return 'it is no file, directory or link'
    if (type !== 'directory' && staysDirectory?.(path)) return 'it is no directory any more'
    const isInPlain = isBelow(path, plainFilesIn) && !plainFilesIn.includes(path)
    return isInPlain && !PLAIN.includes(type ?? '') ? 'it is no plain file' : undefined
  }

  /** Of a file that this archive has brought, and of nothing else. */
  async #addName(name: string, path: string): Promise<void> {
    if (!this.#written.has(path)) throw refused(`a second name of a file that is not among them: ${path}`)
    const first = posix.basename(path)
    await inDirectory(this.#tree, path.slice(0, -first.length), (parent) => parent.addName(first, this.#staging, name))
    if ((await this.#staging.look(name))?.isFile() === true) return
    await this.#staging.remove(name)
    throw new Error(`${path} was replaced while it was given a second name`)
  }

  async #writeFile(
    name: string,
    { mode = 0o644, mtime, pax }: Header,
    pieces: AsyncIterable<{ readonly position: number; readonly bytes: Buffer }>,
    sparse: SparseFile | undefined
  ): Promise<void> {
    const bits = (mode & MODE_BITS) | OWNER_FILE_BITS
    const file = await this.#staging.create(name, bits)
    try {
      for await (const { position, bytes } of pieces) {
        this.#bytesLeft -= bytes.length
        if (this.#bytesLeft < 0) throw tooLarge(this.#request.bytesMax ?? BYTES_MAX)
        await writeAt(file, bytes, position)
      }
      if (sparse !== undefined) await file.truncate(sparse.size)
      await file.chmod(bits)
      const seconds = Number((pax as Pax | null)?.mtime ?? (mtime && mtime.getTime() / MS_PER_SECOND))
      // A time that the disk cannot hold is no reason to lose the file.
      if (Number.isFinite(seconds) && !this.#request.areNew) await file.utimes(seconds, seconds).catch(() => {})
    } catch (error) {
      await this.#staging.remove(name)
      throw error
    } finally {
      await file.close()
    }
  }
}

async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten
  }
}

/** In place of whatever has the name there. */
async function moveIn(staging: Directory, made: string, parent: Directory, name: string): Promise<void> {
  try {
    await staging.move(made, parent, name)
  } catch (error) {
    if (!['EISDIR', 'ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    await parent.remove(name)
    await staging.move(made, parent, name)
  }
}

/** True for a normalised path that does not lead out of the root. */
const isInside = (path: string): boolean =>
  path !== '' &&
  path !== '.' &&
  !path.startsWith('/') &&
  posix.normalize(path) === path &&
  path !== '..' &&
  !path.startsWith('../')
