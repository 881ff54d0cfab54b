/** The file tree of an image, for the comparison: layers put on top of each other as the image specification says. */

/** What is known of one file. Times are not compared: no two builds have the same. */
export interface Node {
  readonly type: 'file' | 'dir' | 'link' | 'char' | 'block' | 'pipe'
  /** Permission bits, with setuid, setgid and sticky. */
  readonly mode: number
  readonly owner: string
  /** Hash of a file's bytes, target of a link, numbers of a device. */
  readonly content: string
  /** By name, as hex. */
  readonly xattrs: Readonly<Record<string, string>>
}

/** One entry of a layer, in the order of its archive. */
export interface Entry {
  /** Absolute, without a slash at the end. */
  readonly path: string
  /** Undefined for a hard link. */
  readonly node?: Node
  /** Absolute path of the file that a hard link is another name of. */
  readonly sameAs?: string
}

/** Paths by name; two names of one file have the same object. */
export type Tree = ReadonlyMap<string, Node>

const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'

const parentOf = (path: string) => path.slice(0, Math.max(path.lastIndexOf('/'), 0)) || '/'
const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)
const join = (directory: string, name: string) => (directory === '/' ? `/${name}` : `${directory}/${name}`)

export function applyLayer(lower: Tree, layer: readonly Entry[]): Tree {
  const tree = new Map(lower)
  const added = new Set<string>()
  for (const { path, node, sameAs } of layer) {
    const name = nameOf(path)
    if (name === OPAQUE) removeBelow(tree, parentOf(path), added)
    else if (name.startsWith(WHITEOUT)) remove(tree, join(parentOf(path), name.slice(WHITEOUT.length)), added)
    else {
      const placed = node ?? tree.get(sameAs ?? '')
      if (placed === undefined) throw new Error(`${path} is a hard link to ${sameAs}, which is not there`)
      // What is no directory any more has nothing below it.
      if (placed.type !== 'dir' && tree.get(path)?.type === 'dir') removeBelow(tree, path, added)
      tree.set(path, placed)
      added.add(path)
    }
  }
  return tree
}

/** A whiteout is about lower layers, wherever it stands in its own. */
function remove(tree: Map<string, Node>, path: string, added: ReadonlySet<string>): void {
  if (!added.has(path)) tree.delete(path)
  removeBelow(tree, path, added)
}

function removeBelow(tree: Map<string, Node>, directory: string, added: ReadonlySet<string>): void {
  const prefix = join(directory, '')
  for (const path of tree.keys()) if (path.startsWith(prefix) && !added.has(path)) tree.delete(path)
}

/** Each path on one line of text that says all that is compared. */
export function linesOf(tree: Tree): ReadonlyMap<string, string> {
  const firstName = new Map<Node, string>()
  for (const path of [...tree.keys()].sort()) {
    const node = tree.get(path)
    if (node !== undefined && !firstName.has(node)) firstName.set(node, path)
  }
  return new Map(
    [...tree].map(([path, node]) => {
      const first = firstName.get(node)
      return [path, first === path ? lineOf(node) : `${lineOf(node)} same as ${first}`]
    })
  )
}

function lineOf({ type, mode, owner, content, xattrs }: Node): string {
  const names = Object.keys(xattrs).sort()
  return [
    type,
    // A link has no mode of its own.
    ...(type === 'link' ? [] : [mode.toString(8).padStart(3, '0')]),
    owner,
    ...(content === '' ? [] : [type === 'link' ? `-> ${content}` : content]),
    ...names.map((name) => `${name}=${xattrs[name]}`)
  ].join(' ')
}
