/** The file tree that a running container sees, for the comparison with the image that it should be. */
import { HASH_LENGTH, hashOf, withoutDay } from './layer.ts'
import type { Node, Tree } from './tree.ts'

/**
 * For `$1 sh -c SCRIPT sh $1` as root, `$1` being a busybox, in a container: prints what is in its root file system and not mounted into
 * it, one line of base64 for each question, since names and targets may be of any bytes.
 */
export const LIST = `set -e
busybox=$1
say() { "$busybox" base64 -w0; echo; }
each() { "$busybox" find / -xdev "$@" -print0; }
each | say
each | "$busybox" xargs -r -0 "$busybox" stat -c '%d:%i %f %u:%g %t:%T' | say
each -type f | "$busybox" xargs -r -0 "$busybox" sha256sum | say
each -type l | "$busybox" xargs -r -0 "$busybox" stat -c %N | say
for file in /etc/shadow /etc/shadow-; do
  { [ ! -f "$file" ] || "$busybox" cat "$file"; } | say
done
`

/** By the bits of a mode that say it. */
const TYPES: ReadonlyMap<number, Node['type']> = new Map([
  [0o100000, 'file'],
  [0o040000, 'dir'],
  [0o120000, 'link'],
  [0o020000, 'char'],
  [0o060000, 'block'],
  [0o010000, 'pipe']
])
const TYPE_BITS = 0o170000
const SHADOWS = ['/etc/shadow', '/etc/shadow-']

/** Extended attributes are not looked at: no program that is everywhere shows them. */
export function treeOfListing(printed: string): Tree {
  const [names = '', stats = '', sums = '', targets = '', ...shadows] = printed
    .split('\n')
    .map((line) => Buffer.from(line, 'base64').toString('utf8'))
  const paths = names.split('\0').slice(0, -1)
  const found = stats.trimEnd().split('\n').map(statOf)
  const hashes = [...sums.matchAll(/^([0-9a-f]{64}) {2}\//gm)].map(([, hash = '']) => hash.slice(0, HASH_LENGTH))
  const files = paths.filter((_path, at) => found[at]?.type === 'file')
  const links = paths.filter((_path, at) => found[at]?.type === 'link')
  if (paths.length !== found.length || files.length !== hashes.length) throw new Error('the listing is cut off')
  const contents = new Map([
    ...files.map((path, at) => [path, hashes[at] ?? ''] as const),
    ...SHADOWS.map((path, at) => [path, hashOf(withoutDay(Buffer.from(shadows[at] ?? '')))] as const),
    ...targetsOf(links, targets)
  ])
  const device = found[paths.indexOf('/')]?.device
  const nodes = new Map<string, Node>()
  const tree = new Map<string, Node>()
  for (const [at, path] of paths.entries()) {
    const stat = found[at]
    // What is mounted is no part of the tree.
    if (stat === undefined || stat.device !== device) continue
    const { type, mode, owner, inode } = stat
    const content = contents.get(path) ?? (type === 'char' || type === 'block' ? stat.numbers : '')
    const node = nodes.get(inode) ?? { type, mode, owner, content, xattrs: {} }
    nodes.set(inode, node)
    tree.set(path, node)
  }
  return tree
}

function statOf(line: string) {
  const [inode = '', raw = '', owner = '', numbers = ''] = line.split(' ')
  const bits = Number.parseInt(raw, 16)
  const type = TYPES.get(bits & TYPE_BITS) ?? 'file'
  const [major, minor] = numbers.split(':').map((hex) => Number.parseInt(hex, 16))
  const device = inode.slice(0, inode.indexOf(':'))
  return { inode, device, type, mode: bits & 0o7777, owner, numbers: `${major}:${minor}` }
}

/** `'/name' -> 'target'`, one after the other. */
function targetsOf(links: readonly string[], text: string): readonly (readonly [string, string])[] {
  let rest = text
  return links.map((path, at) => {
    const begin = `'${path}' -> '`
    const next = links[at + 1]
    const end = next === undefined ? rest.lastIndexOf("'\n") : rest.indexOf(`'\n'${next}' -> '`)
    if (!rest.startsWith(begin) || end < 0) throw new Error(`the listing does not say where ${path} leads to`)
    const target = rest.slice(begin.length, end)
    rest = rest.slice(end + 2)
    return [path, target] as const
  })
}
