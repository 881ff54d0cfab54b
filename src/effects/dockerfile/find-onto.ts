/**
 * COPY onto what is there, for the judge: docker leaves a directory to whom it belongs, gives those inside the modes of the copied ones,
 * and puts files in the place of links. What is there only the image knows: a line in front looks at it, one behind puts it right.
 */
import { posix } from 'node:path'
import {
  after,
  before,
  type Context,
  type Edit,
  type Finder,
  type Finding,
  finding,
  inOneLine,
  inPlaceOf,
  type Read,
  runChecked
} from './constructs.ts'
import { meantBy, sourcesOf } from './find-copy.ts'
import { isWay } from './find-linked.ts'
import type { Dockerfile, Instruction } from './parse.ts'
import { Places } from './places.ts'
import { chainOf, expand, type Stage, stageNamed, walk } from './stages.ts'
import { flagOf, listOf } from './words.ts'

/** Part of a line that looks, by which the lines of one COPY are known again. */
const SEEN = '/dev/slipway-owner-'
const PLAIN_PATH = /^[\w./@+-]+$/
const USUAL_MODE = 0o755
/** Directories in a directory, and paths in a script: more are not written out one by one. */
const PATHS_MAX = 32

const isCopy = ({ name }: Instruction): boolean => name === 'COPY' || name === 'ADD'

export const ownedDirectories: Finder = ({ stages, dockerfile, context }) => {
  const given = new Map<Stage | undefined, Places>()
  return stages.used.flatMap((stage) => {
    const found: Finding[] = []
    const places = new Places()
    given.set(stage, places)
    let previous: readonly Instruction[] = []
    walk(stages, dockerfile, stage, (instruction, lookUp, of) => {
      const known: Read = (word) => expand(word, lookUp, dockerfile)
      const earlier = previous
      const isDone = earlier.some(({ rest }) => rest.includes(SEEN))
      places.take(instruction, (word) => known(word) ?? word)
      // It may have become another user for the line that looks.
      previous = instruction.name === 'USER' ? [...previous.slice(-1), instruction] : [instruction]
      const isOurs = /^--from=slipway-(?:empty|way)-/.test(instruction.flags[0] ?? '')
      if (of !== stage || !isCopy(instruction) || isDone || isOurs) return
      const from = stageNamed(stages.all, flagOf(instruction, 'from') ?? '')
      const copy = { instruction, known, context, places, from: from && given.get(from), stage, dockerfile }
      // What is linked makes its directories anew.
      const isLinked = earlier.some(isWay) || ![undefined, 'false'].includes(flagOf(instruction, 'link'))
      const needs = isLinked ? { ...needsOf(copy), owner: false, links: [], files: [], directories: [] } : needsOf(copy)
      if (isNothing(needs)) return
      const whole = { ...instruction, rest: [...instruction.flags, instruction.rest].join(' ') }
      found.push(finding('copy-owned', whole, ...rewrittenBy(copy, needs)))
    })
    return found
  })
}

interface Copy {
  readonly instruction: Instruction
  readonly known: Read
  readonly context: Context
  /** Of the stage that it copies into. */
  readonly places: Places
  /** Of the stage that it copies from. */
  readonly from: Places | undefined
  readonly stage: Stage
  readonly dockerfile: Dockerfile
}

interface Needs {
  /** The destination keeps its owner. */
  readonly owner: boolean
  /** Links, or names of one file, that a file takes the place of. */
  readonly replaced: readonly string[]
  /** Directories that get a mode, though they are there. */
  readonly modes: ReadonlyMap<string, number>
  /** Directories that docker does not put in the place of links. */
  readonly links: readonly string[]
  /** Directories that it does not put in the place of files. */
  readonly files: readonly string[]
  /** Links that it does not put in the place of directories. */
  readonly directories: readonly string[]
  /** Links that belong to the named owner. */
  readonly ownedLinks: readonly string[]
}

const isNothing = ({ owner, modes, ...paths }: Needs): boolean =>
  !owner && modes.size === 0 && Object.values(paths).every((each) => each.length === 0)

function needsOf(copy: Copy): Needs {
  const { context, places } = copy
  const to = destinationOf(copy)
  const isFrom = flagOf(copy.instruction, 'from') !== undefined
  const directories = isFrom ? [] : directoriesOf(copy)
  const below = directories.flatMap((directory) =>
    pathsBelow(directory, context).map((path) => [path, posix.join(to, posix.relative(directory, path))] as const)
  )
  const inside = below.filter(([path]) => context.directories.has(path))
  const linked = below.filter(([path]) => context.links.has(path)).map(([, at]) => places.at(at))
  const [chmod, chown] = [flagOf(copy.instruction, 'chmod'), flagOf(copy.instruction, 'chown')]
  return {
    owner: isOwnerLost(copy, to, isFrom, directories.length > 0),
    replaced: [
      ...below.filter(([path]) => !context.directories.has(path)).map(([, at]) => at),
      ...(isFrom ? [] : filesOf(copy, to))
    ]
      .map((path) => places.at(path))
      .filter((path) => places.isLink(path) || DISTRIBUTION_FILES.has(path)),
    files: inside.map(([, at]) => places.at(at)).filter((at) => places.isFile(at)),
    directories: linked.filter((at) => places.isDirectory(at)),
    ownedLinks: chown === undefined ? [] : linked,
    modes: new Map(
      inside.flatMap(([path, at]) => {
        const mode = context.directories.get(path)
        const isLost = places.hasMode(at) || places.isSpecial(to) || ((mode ?? 0) & 0o2000) !== 0
        return chmod === undefined && mode !== undefined && isLost ? [[places.at(at), mode]] : []
      })
    ),
    links: [...inside.map(([, at]) => at), ...(isFrom ? filesOf(copy, to) : [])]
      .map((path) => places.at(path))
      .filter((path) => places.isLink(path) || DISTRIBUTION_LINKS.has(path))
  }
}

/** What is a link in some distributions, and a directory or a file in others. */
const DISTRIBUTION_LINKS = new Set(['/bin', '/lib', '/lib32', '/lib64', '/sbin', '/var/lock', '/var/run'])
const DISTRIBUTION_FILES = new Set(['/etc/localtime', '/etc/mtab', '/etc/os-release'])

const destinationOf = ({ instruction, known }: Copy): string => {
  const to = listOf(instruction).at(-1) ?? ''
  return known(to) ?? to
}

/** Of the context: their paths in it. */
function directoriesOf({ instruction, known, context }: Copy): readonly string[] {
  const meant = sourcesOf(instruction).flatMap((source) => meantBy(source, known, context))
  return meant.flatMap(({ to }) => (to !== undefined && (to === '' || context.directories.has(to)) ? to : []))
}

/** Where files that are named come to lie; a name that is given itself, docker follows as we do. */
function filesOf({ instruction, known, context, places }: Copy, to: string): readonly string[] {
  const isFrom = flagOf(instruction, 'from') !== undefined
  const meant = isFrom
    ? sourcesOf(instruction).map((source) => known(source) ?? source)
    : sourcesOf(instruction).flatMap((source) => meantBy(source, known, context).map(({ path = '' }) => path))
  const names = meant.filter((path) => isFrom || !context.directories.has(path)).map((path) => posix.basename(path))
  return [...names.map((name) => posix.join(to, name)), ...(places.isHardLink(to) ? [to] : [])]
}

const pathsBelow = (directory: string, { paths }: Context): readonly string[] =>
  directory === '' ? [...paths] : [...paths].filter((path) => path.startsWith(`${directory}/`))

function isOwnerLost({ instruction, known, places, from }: Copy, to: string, isFrom: boolean, hasDirectory: boolean) {
  const written = flagOf(instruction, 'chown')
  const owner = places.ownerOf(to)
  if (!isFrom && !hasDirectory) return false
  // What is copied from a stage may be a file.
  if (written !== undefined) return places.isThere(to) && owner !== (known(written) ?? written)
  if (!isFrom) return owner !== undefined
  const sources = sourcesOf(instruction).map((source) => posix.join('/', known(source) ?? source))
  return owner !== undefined || sources.some((source) => (from ?? new Places()).isDirectoryOfOthers(source))
}

type Rewritten = readonly [edits: readonly Edit[] | undefined, check?: string]

function rewrittenBy(copy: Copy, needs: Needs): Rewritten {
  const isOwnerOnly = isNothing({ ...needs, owner: false })
  const edits = isOwnerOnly ? oneByOne(copy) : undefined
  return edits === undefined ? lookedAt(copy, needs) : [edits]
}

/** What is in the directory in place of itself, which then is only made where it is not there; undefined where that is not the same. */
function oneByOne({ instruction, known, context, places }: Copy): readonly Edit[] | undefined {
  const written = listOf(instruction).at(-1) ?? ''
  const isPlain = flagOf(instruction, 'from') === undefined && flagOf(instruction, 'chmod') === undefined
  if (!isPlain || instruction.heredocs.length > 0 || places.isInTree(known(written) ?? written)) return undefined
  const destination = written.replace(/\/?$/, '/')
  const lines = sourcesOf(instruction).flatMap((source): readonly (string | undefined)[] => {
    const [meant, ...others] = meantBy(source, known, context)
    if (meant?.to === undefined || others.length > 0) return [undefined]
    const isDirectory = meant.to === '' || context.directories.has(meant.to)
    const all = isDirectory ? childrenOf(meant.to, context, destination) : [[source, destination]]
    return all?.map((words) => lineOf(instruction, words)) ?? [undefined]
  })
  const known_ = lines.filter((line) => line !== undefined)
  return known_.length < lines.length ? undefined : [inPlaceOf(instruction, ...known_)]
}

const lineOf = (instruction: Instruction, words: readonly string[]): string | undefined =>
  words.some((word) => /["'\\`*?[]/.test(word)) ? undefined : inOneLine(instruction, JSON.stringify(words))

/** The files together, then each directory; undefined where one of them would become another thing than it is. */
function childrenOf(directory: string, context: Context, destination: string): readonly string[][] | undefined {
  const parent = directory === '' ? '.' : directory
  const children = [...context.paths].filter((path) => posix.dirname(path) === parent).sort()
  const files = children.filter((child) => !context.directories.has(child))
  const directories = children.filter((child) => context.directories.has(child))
  const isUsual = directories.every((child) => context.directories.get(child) === USUAL_MODE)
  if (!isUsual || files.length === 0 || files.some((file) => context.links.has(file))) return undefined
  if (directories.length > PATHS_MAX || children.some((child) => child.includes('$'))) return undefined
  return [
    [...files.map((file) => `/${file}`), destination],
    ...directories.map((child) => [`/${child}`, `${destination}${posix.basename(child)}`])
  ]
}

/** By a shell of the image, as root. */
function lookedAt({ instruction, places, known, stage, dockerfile }: Copy, needs: Needs): Rewritten {
  const to = places.at(known(listOf(instruction).at(-1) ?? '') ?? '$')
  const { replaced, links, files, directories, ownedLinks, modes } = needs
  const paths = [...replaced, ...links, ...files, ...directories, ...ownedLinks, ...modes.keys()]
  const chown = known(flagOf(instruction, 'chown') ?? '') ?? ''
  const owner = /^\d+$/.test(chown) ? `${chown}:${chown}` : chown
  if (ownedLinks.length > 0 && !/^[\w-]+:[\w-]+$/.test(owner)) return [undefined]
  const isOpen = dockerfile.isOpen || /[\s$"'\\]/.test(places.user ?? '')
  if (isOpen || paths.length > PATHS_MAX || ![to, ...paths].every((path) => PLAIN_PATH.test(path))) return [undefined]
  if (chainOf(stage)[0]?.image === 'scratch') return [undefined]
  const file = `${SEEN}${instruction.line}`
  const look = runChecked(
    [
      `rm -f ${[file, ...replaced].join(' ')}`,
      ...links.map((path) => `[ ! -L ${path} ] || exit 1`),
      ...files.map((path) => `[ ! -e ${path} ] || [ -d ${path} ] || exit 1`),
      ...directories.map((path) => `[ -L ${path} ] || [ ! -d ${path} ] || exit 1`),
      ...(needs.owner ? [`[ ! -e ${to} ] || stat -L -c %u:%g ${to} > ${file}`] : [])
    ].join('; ')
  )
  const otherwise = flagOf(instruction, 'chown') === undefined ? `elif [ -d ${to} ]; then chown 0:0 ${to}; ` : ''
  const back = [
    ...(needs.owner ? [`if [ -s ${file} ]; then chown $(cat ${file}) ${to}; ${otherwise}fi`] : []),
    ...(ownedLinks.length > 0 ? [`chown -h ${owner} ${ownedLinks.join(' ')}`] : []),
    ...[...modes].map(([path, mode]) => `chmod ${mode.toString(8)} ${path}`)
  ]
  const asRoot = (line: string) => (places.isRoot() ? [line] : ['USER 0:0', line, `USER ${places.user}`])
  const behind = back.length === 0 ? [] : [after(dockerfile, instruction, ...asRoot(runChecked(back.join('; '))))]
  return [[...behind, before(instruction, ...asRoot(look))], look]
}
