/** The file in which the runner expects an answer, held from before anything is created: a container may put something else in its place. */
import { dirname, relative } from 'node:path'
import type { Directory, OpenFile } from '../effects/work-tree/directory.ts'
import { inDirectory, inTree, partsOf, resolveBelow } from '../effects/work-tree/tree.ts'
import { StepError } from '../errors.ts'

const MODE = 0o644

export interface ResponseFile {
  /** Writes the one JSON document of a response. Rejects with `files-refused` when the file is not the one that was opened. */
  write(response: unknown): Promise<void>
  close(): Promise<void>
}

/** Without a file there is no response. */
const NO_FILE: ResponseFile = { write: async () => {}, close: async () => {} }

/**
 * Opens the file that the runner made, before any container runs. Below the work directory no link is followed to it; elsewhere
 * only the runner can have put one. Rejects with `invalid-input` when there cannot be an answer.
 */
export async function openResponse(path: string | undefined, workDirectory: string): Promise<ResponseFile> {
  if (!path) return NO_FILE
  const inWork = relative(workDirectory, path)
  const isBelowWork = inWork !== '..' && !inWork.startsWith('../')
  const root = isBelowWork ? workDirectory : dirname(path)
  const parts = partsOf(isBelowWork ? inWork : relative(root, path))
  const name = parts.at(-1)
  if (name === undefined) throw unwritable(path, { code: 'EISDIR' })
  const parent = parts.slice(0, -1).join('/')
  const open = (): Promise<OpenFile> =>
    inTree(root, async (tree) => {
      const file = await inDirectory(tree, parent, (directory) => openOrMake(directory, name))
      if (file !== undefined) return file
      const isThere = (await resolveBelow(tree, root, parent)) !== undefined
      throw isThere ? notOurs(path) : unwritable(path, { code: 'ENOENT' })
    }).catch((error: unknown) => {
      throw error instanceof StepError ? error : unwritable(path, error)
    })
  const { handle, stats } = await open()
  return {
    async write(response) {
      const now = await open()
      await now.handle.close()
      if (now.stats.ino !== stats.ino || now.stats.dev !== stats.dev) throw notOurs(path)
      try {
        await handle.truncate(0)
        await handle.writeFile(JSON.stringify(response))
      } catch (error) {
        throw unwritable(path, error)
      }
    },
    close: () => handle.close()
  }
}

async function openOrMake(directory: Directory, name: string): Promise<OpenFile | undefined> {
  if ((await directory.look(name)) === undefined) await (await directory.create(name, MODE)).close()
  return await directory.file(name, 'write')
}

const notOurs = (path: string) =>
  new StepError(
    'files-refused',
    `the response file ${path} is not the plain file that the runner made: a container or a step has put something else in its place`
  )

const unwritable = (path: string, error: unknown) =>
  new StepError(
    'invalid-input',
    `the response file ${path} cannot be written (${(error as NodeJS.ErrnoException).code}); check the runner's temporary directory and its disk`,
    { cause: error }
  )
