/** Removes from a directory of the runner's disk what is not in the container's, for directories that have to be the same. */
import { DEPTH_MAX, type Directory, tooDeep } from '../work-tree/directory.ts'
import { diskRefusal, inDirectory, inTree } from '../work-tree/tree.ts'

/** `kept`: what stays, each with its path below `root`. */
export async function removeOthers(root: string, path: string, kept: ReadonlySet<string>): Promise<void> {
  await inTree(root, (tree) => inDirectory(tree, path, (directory) => removeBelow(directory, path, kept)))
}

async function removeBelow(directory: Directory, path: string, kept: ReadonlySet<string>): Promise<void> {
  if (path.split('/').length > DEPTH_MAX) throw tooDeep(path)
  for (const { name } of await directory.list()) {
    const childPath = `${path}/${name}`
    if (!kept.has(childPath)) {
      await directory.remove(name).catch((error: unknown) => {
        throw diskRefusal(error, `remove '${childPath}' from`)
      })
      continue
    }
    const child = await directory.directory(name)
    if (child === undefined) continue
    try {
      await removeBelow(child, childPath, kept)
    } finally {
      await child.close()
    }
  }
}
