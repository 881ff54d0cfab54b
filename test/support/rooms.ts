/** The rooms of src and the floors they stand on, for the tidy test, and the list of them that `npm run rooms` prints. */
import { posix } from 'node:path'

export interface Source {
  /** Relative to the root of the project, with `/`. */
  readonly path: string
  readonly text: string
}

/**
 * From the ground up. A room is what its path begins, without the rooms that begin longer; it may use those of lower floors, and
 * none of its own floor.
 */
export const FLOORS: readonly (readonly string[])[] = [
  ['src/errors.ts'],
  ['src/machines/'],
  ['src/effects/', 'src/visualizer/'],
  [
    'src/effects/run/',
    'src/effects/dockerfile/',
    'src/effects/work-tree/',
    'src/effects/registry/',
    'src/visualizer/client/'
  ],
  ['src/effects/builders/', 'src/effects/content/', 'src/effects/in-place/', 'src/effects/log/'],
  ['src/effects/archive/'],
  ['src/effects/kubernetes/'],
  ['src/effects/kubernetes/api/', 'src/effects/kubernetes/template/'],
  ['src/effects/kubernetes/pods/', 'src/effects/kubernetes/registry/'],
  ['src/effects/kubernetes/context/'],
  ['src/effects/kubernetes/specs/', 'src/effects/kubernetes/cleanup/'],
  ['src/effects/kubernetes/files/'],
  [
    'src/effects/kubernetes/container-step/',
    'src/effects/kubernetes/job/',
    'src/effects/kubernetes/script/',
    'src/effects/local/'
  ],
  ['src/hooks/settings/', 'src/hooks/requests/'],
  ['src/hooks/'],
  ['src/cli/']
]

/** Undefined for a path that is in no room. */
export const roomOf = (path: string): string | undefined =>
  FLOORS.flat()
    .filter((room) => path.startsWith(room))
    .sort((one, other) => other.length - one.length)[0]

const floorOf = (room: string) => FLOORS.findIndex((rooms) => rooms.includes(room))

/** Whether a module may import another one, as far as the floors decide it. */
export function isBelow(target: string, path: string): boolean {
  const [own, other] = [roomOf(path), roomOf(target)]
  return own !== undefined && other !== undefined && (own === other || floorOf(other) < floorOf(own))
}

/** Module specifiers of all imports and re-exports, types included, as well as those imported lazily. */
export function importsOf({ text }: Source): readonly string[] {
  const declared = text.matchAll(/^(?:import|export)\b(?:[^'";]*?\bfrom)?\s*'([^']+)'/gm)
  const lazy = text.matchAll(/\bimport\(\s*'([^']+)'/g)
  return [...declared, ...lazy].map(([, specifier]) => specifier ?? '')
}

/** The path of what a module imports of this project; undefined for a package. */
export const targetOf = ({ path }: Source, specifier: string): string | undefined =>
  specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined

interface Room {
  readonly name: string
  readonly modules: number
  readonly lines: number
  /** Names of the rooms that it uses, each with how often. */
  readonly arrows: ReadonlyMap<string, number>
}

/** How a room is called in lists: `kubernetes/api`. */
const nameOf = (room: string) => room.replace(/^src\/(effects\/(?=.))?|\/$|\.ts$/g, '')

/** All rooms that have modules, from the ground up. */
export function roomsOf(sources: readonly Source[]): readonly Room[] {
  return FLOORS.flat().flatMap((room) => {
    const own = sources.filter(({ path }) => roomOf(path) === room)
    const arrows = new Map<string, number>()
    for (const source of own) {
      for (const specifier of importsOf(source)) {
        const target = roomOf(targetOf(source, specifier) ?? '')
        if (target !== undefined && target !== room) arrows.set(nameOf(target), (arrows.get(nameOf(target)) ?? 0) + 1)
      }
    }
    const lines = own.reduce((sum, { text }) => sum + text.trimEnd().split('\n').length, 0)
    return own.length === 0 ? [] : [{ name: nameOf(room), modules: own.length, lines, arrows }]
  })
}

/** Groups of modules each of which leads to all others of its group by its imports, types included. */
export function circlesOf(sources: readonly Source[]): readonly (readonly string[])[] {
  const targets = new Map(
    sources.map((source) => [source.path, importsOf(source).flatMap((specifier) => targetOf(source, specifier) ?? [])])
  )
  const reached = new Map(sources.map(({ path }) => [path, reachedFrom(path, targets)]))
  const left = new Set(sources.map(({ path }) => path))
  const circles: string[][] = []
  for (const path of left) {
    const circle = [...left].filter((other) => reached.get(path)?.has(other) && reached.get(other)?.has(path))
    for (const one of circle) left.delete(one)
    if (circle.length > 0) circles.push(circle)
  }
  return circles
}

function reachedFrom(path: string, targets: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set(targets.get(path))
  for (const one of reached) for (const next of targets.get(one) ?? []) reached.add(next)
  return reached
}

const arrowsText = ({ arrows }: Room, back: ReadonlySet<string>) =>
  FLOORS.flat()
    .map(nameOf)
    .filter((name) => arrows.has(name))
    .map((name) => `${back.has(name) ? '⇄ ' : ''}${name} ${arrows.get(name)}`)
    .join(', ') || '-'

/** One row for a room: its modules, its lines, and the rooms it uses; `⇄` marks one that uses it as well. */
function cellsOf(rooms: readonly Room[], name: string): readonly [string, string] {
  const room = rooms.find((one) => one.name === name)
  if (room === undefined) return ['-', '-']
  const back = new Set(rooms.filter(({ arrows }) => arrows.has(name)).map((one) => one.name))
  return [`${room.modules}, ${room.lines}`, arrowsText(room, back)]
}

/** Trees of src side by side, each with a heading, as a table in Markdown. */
export function roomsTable(trees: readonly (readonly [heading: string, sources: readonly Source[]])[]): string {
  const houses = trees.map(([, sources]) => roomsOf(sources))
  const names = FLOORS.flat()
    .map(nameOf)
    .filter((name) => houses.some((rooms) => rooms.some((room) => room.name === name)))
  const heads = trees.flatMap(([heading]) => [`${heading}: modules, lines`, `${heading}: uses`])
  const circles = trees.map(([heading, sources]) => {
    const found = circlesOf(sources)
    const sizes = found.length === 0 ? '' : `, of ${found.map(({ length }) => length).join(', ')} modules`
    return `- ${heading}: ${sources.length} modules, ${found.length} circles of imports${sizes}.`
  })
  return [
    `| Room | ${heads.join(' | ')} |`,
    `| --- | ${heads.map(() => '---').join(' | ')} |`,
    ...names.map((name) => `| ${name} | ${houses.flatMap((rooms) => cellsOf(rooms, name)).join(' | ')} |`),
    '',
    ...circles,
    ''
  ].join('\n')
}
