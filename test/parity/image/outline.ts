/** An image in few words: its config, and each path that is not as in the base image that it begins with. */
import type { Config } from './config.ts'
import { linesOf, type Tree } from './tree.ts'

export interface Outline {
  /** Name of the image that the last stage begins with. */
  readonly base: string
  readonly platform: string
  readonly config: Config
  /** By path: one line that says all that is compared, or `gone`. */
  readonly files: Readonly<Record<string, string>>
}

export const GONE = 'gone'

/**
 * Mounted by whoever runs a container, so what an image has there is never seen: builders leave in it what they like, and docker's
 * own differ among each other.
 */
const MOUNTED = /^\/(?:proc|sys|dev)(?:\/|$)|^\/etc\/(?:hosts|hostname|resolv\.conf|mtab)$|^\/\.dockerenv$/

export function filesOf(tree: Tree, base: Tree): Outline['files'] {
  const [now, before] = [linesOf(tree), linesOf(base)]
  const changed = [...now].filter(([path, line]) => before.get(path) !== line)
  const gone = [...before.keys()].filter((path) => !now.has(path)).map((path) => [path, GONE] as const)
  const seen = [...changed, ...gone].filter(([path]) => !MOUNTED.test(path))
  return Object.fromEntries(seen.sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** What two images differ in, a line each; none when they are the same. `ours` stands in front, `theirs` behind. */
export function differences(ours: Outline, theirs: Outline): readonly string[] {
  const one = flat(ours)
  const other = flat(theirs)
  return [...new Set([...one.keys(), ...other.keys()])]
    .sort()
    .filter((key) => one.get(key) !== other.get(key))
    .map((key) => `${key}: ${one.get(key) ?? 'as in the base'}, should be ${other.get(key) ?? 'as in the base'}`)
}

function flat({ base, platform, config, files }: Outline): ReadonlyMap<string, string> {
  const named = Object.entries(config).flatMap(([key, value]) =>
    key === 'Env' || key === 'Labels'
      ? Object.entries(value as object).map(([name, of]) => [`${key} ${name}`, JSON.stringify(of)] as const)
      : [[key, JSON.stringify(value)] as const]
  )
  // A Dockerfile that is copied names the registry, whose address each cluster has for itself.
  const seen = Object.entries(files).map(
    ([path, line]) => [path, path.endsWith('/Dockerfile') ? line.replace(/ [0-9a-f]{16}$/, '') : line] as const
  )
  return new Map([['base', base], ['platform', platform], ...named, ...seen])
}
