/** The directory in which new files are made before they are moved to their place, for unpacking: no container is ever given it. */
import { randomHex } from '../system.ts'
import type { Directory } from '../work-tree/directory.ts'
import { inTree } from '../work-tree/tree.ts'

const OWNER_ONLY = 0o700
const DIGITS = 16
const NAME = new RegExp(`^\\.slipway-[0-9a-f]{${DIGITS}}$`)

/** Whether a path is such a directory, of an unpacking that goes on or was killed. */
export const isStaging = (path: string): boolean => NAME.test(path)

/** Calls `work` with a new one in `tree`, of the same file system therefore, and removes it. */
export async function withStaging<T>(tree: Directory, work: (staging: Directory) => Promise<T>): Promise<T> {
  const name = `.slipway-${randomHex(DIGITS)}`
  await tree.makeDirectory(name)
  try {
    const staging = await tree.directory(name)
    if (staging === undefined) throw new Error(`${name} was taken away`)
    try {
      await staging.chmod(OWNER_ONLY)
      return await work(staging)
    } finally {
      await staging.close()
    }
  } finally {
    await tree.remove(name)
  }
}

/** What the disk of `root` takes for now: it counts in steps of its own, and may be another machine's. */
export async function diskTimeMs(root: string): Promise<number> {
  return await inTree(root, (tree) => withStaging(tree, async (staging) => (await staging.stats()).ctimeMs))
}

/** Removes what unpackings that were killed have left. Not while one goes on. */
export async function removeStaging(root: string): Promise<void> {
  await inTree(root, async (tree) => {
    for (const { name } of await tree.list()) if (isStaging(name)) await tree.remove(name)
  })
}
