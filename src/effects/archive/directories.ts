/** The directories of a tree that an archive is being unpacked into, made and opened one by one, for unpacking. */
import type { Directory } from '../work-tree/directory.ts'

/** How often a directory that somebody takes away while it is made is made again. */
const ATTEMPTS_MAX = 3

interface Level {
  readonly name: string
  readonly directory: Directory
}

/** Keeps the directories on the way to the newest path open: the members of an archive lie together. */
export class TargetDirectories {
  readonly #tree: Directory
  #levels: Level[] = []

  constructor(tree: Directory) {
    this.#tree = tree
  }

  /** The directory at a path, made with all that is missing. What stands in the way and is no directory, a link above all, is replaced. */
  async directory(parts: readonly string[]): Promise<Directory> {
    const common = this.#levels.findIndex(({ name }, depth) => name !== parts[depth])
    await this.#cut(common < 0 ? Math.min(this.#levels.length, parts.length) : common)
    for (const name of parts.slice(this.#levels.length)) {
      this.#levels.push({ name, directory: await this.#openOrMake(name) })
    }
    return this.#current()
  }

  async close(): Promise<void> {
    await this.#cut(0)
  }

  #current(): Directory {
    return this.#levels.at(-1)?.directory ?? this.#tree
  }

  async #cut(depth: number): Promise<void> {
    for (const { directory } of this.#levels.splice(depth)) await directory.close()
  }

  async #openOrMake(name: string): Promise<Directory> {
    const parent = this.#current()
    for (let attempt = 1; ; attempt += 1) {
      const found = await parent.directory(name)
      if (found !== undefined) return found
      if (attempt > ATTEMPTS_MAX) throw new Error(`the directory ${name} is taken away again and again`)
      await parent.remove(name)
      await parent.makeDirectory(name).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error
      })
    }
  }
}
