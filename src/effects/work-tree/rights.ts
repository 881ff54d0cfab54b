/** Prepares the runner's directories for containers of any user (actions/runner#3290), and puts right what they have made of them. */
import type { Dirent } from 'node:fs'
import { relative } from 'node:path'
import type { Directory } from './directory.ts'
import { FILE_COMMANDS, PLAIN_FILES, STAY_DIRECTORIES } from './layout.ts'
import { inDirectory, inMadeDirectory, inTree, inTreeIfThere, partsOf } from './tree.ts'

const EVERYBODY_WRITES_DIRECTORY = 0o777
const EVERYBODY_WRITES_FILE = 0o666

/**
 * Makes directories that are missing, and lets everybody write to them and to the file commands' files. Paths are absolute and below
 * the work directory. What is a link, or lies behind one, is left as it is: it is somebody else's.
 */
export async function openForEveryUser(workDirectory: string, directories: readonly string[]): Promise<void> {
  if (directories.length === 0) return
  await inTree(workDirectory, async (tree) => {
    for (const path of directories.map((directory) => relative(workDirectory, directory))) {
      await inMadeDirectory(tree, path, async (directory) => {
        // Not ours to change: then it stays as its owner wanted it.
        await directory.chmod(EVERYBODY_WRITES_DIRECTORY).catch(() => {})
        if (path === FILE_COMMANDS) await openFiles(directory)
      })
    }
  })
}

/** Whether anything has this absolute path below the work directory. */
export const isThere = async (workDirectory: string, path: string): Promise<boolean> =>
  relative(workDirectory, path) === '' || (await inodeOf(workDirectory, path)) !== undefined

/** Of what has this absolute path below the work directory; undefined where nothing does. */
export async function inodeOf(workDirectory: string, path: string): Promise<bigint | undefined> {
  const parts = partsOf(relative(workDirectory, path))
  const name = parts.at(-1)
  if (name === undefined) return undefined
  return await inTree(workDirectory, async (tree) => {
    const parent = parts.slice(0, -1).join('/')
    return (await inDirectory(tree, parent, async (directory) => await directory.look(name)))?.ino
  })
}

/** Lets everybody write to the files that the runner has made for a step. */
export async function openFileCommands(workDirectory: string): Promise<void> {
  await inTreeIfThere(workDirectory, (tree) => inDirectory(tree, FILE_COMMANDS, openFiles))
}

async function openFiles(directory: Directory): Promise<void> {
  for (const { name } of await directory.list()) {
    // Not ours to read: then it is not ours to change either.
    const file = await directory.file(name).catch(() => undefined)
    // With a second name it may be a file of another place.
    if (file?.stats.nlink === 1) await file.handle.chmod(EVERYBODY_WRITES_FILE).catch(() => {})
    await file?.handle.close()
  }
}

/**
 * After a step: the runner reads the file commands next, writes the next step's, and follows links. What is no plain file there is
 * removed, and what is no directory on the way there makes room for one. `warn` is told of each.
 */
export async function putRight(workDirectory: string, warn: (message: string) => void): Promise<void> {
  await inTreeIfThere(workDirectory, async (tree) => {
    for (const path of STAY_DIRECTORIES) await mustBeDirectory(tree, path, warn)
    for (const path of PLAIN_FILES) {
      await inDirectory(tree, path, async (directory) => {
        for (const entry of await directory.list()) {
          if (entry.isFile()) continue
          // Not even a directory that cannot be removed is taken for a file.
          await directory.remove(entry.name).catch(ifDirectory(entry))
          warn(
            `${path}/${entry.name} is no plain file any more and was removed: steps may only write to the files that are there`
          )
        }
      })
    }
  })
}

/** Lets a failure pass that was about a directory. */
const ifDirectory = (entry: Dirent) => (error: unknown) => {
  if (!entry.isDirectory()) throw error
}

async function mustBeDirectory(tree: Directory, path: string, warn: (message: string) => void): Promise<void> {
  const parts = partsOf(path)
  const name = parts.at(-1) as string
  await inDirectory(tree, parts.slice(0, -1).join('/'), async (parent) => {
    const stats = await parent.look(name)
    if (stats === undefined || stats.isDirectory()) return
    await parent.remove(name)
    await parent.makeDirectory(name)
    warn(`${path} is no directory any more, and was made anew`)
  })
}
