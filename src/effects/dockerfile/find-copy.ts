/** What builders do not agree on in COPY and ADD, for the judge. */
import { posix } from 'node:path'
import {
  before,
  type Construct,
  type Context,
  carriedOut,
  type Edit,
  type Finder,
  type Finding,
  finderOf,
  finding,
  inOneLine,
  inPlaceOf,
  type Read,
  type Subject,
  shown
} from './constructs.ts'
import type { Instruction } from './parse.ts'
import { stageNamed } from './stages.ts'
import { isPattern, matching } from './wildcards.ts'
import { flagOf, listOf } from './words.ts'

const isCopy = ({ name }: Instruction): boolean => name === 'COPY' || name === 'ADD'
export const sourcesOf = (instruction: Instruction): readonly string[] => listOf(instruction).slice(0, -1)
export const isUrl = (source: string): boolean => /^(?:https?|git|ssh):\/\/|^git@/i.test(source)
export const isGit = (source: string): boolean =>
  /^(?:git:\/\/|ssh:\/\/|git@|github\.com\/)/.test(source) || /^https?:\/\/[^#?]*\.git(?:[#?]|$)/.test(source)
const isArchive = (source: string): boolean => !isUrl(source) && /\.(?:t?xz|t?zst|tzstd|lzma)$/i.test(source)
const isWhole = (source: string): boolean => ['/', '/*'].includes(posix.normalize(`/${source}`).replace(/(.)\/$/, '$1'))

/** Options and kinds of sources, by what the text says. */
export const copyOptions: Finder = ({ stages }) =>
  stages.used.flatMap((stage) =>
    carriedOut(stage)
      .filter(isCopy)
      .flatMap((copy) => {
        const { name, flags, line } = copy
        const has = (flag: string) => ![undefined, 'false'].includes(flagOf(copy, flag))
        const isAdd = name === 'ADD'
        const sources = sourcesOf(copy)
        const from = stageNamed(stages.all, flagOf(copy, 'from') ?? '')
        const found: readonly (readonly [Construct, boolean, string])[] = [
          ['add-checksum', has('checksum'), '--checksum'],
          ['add-git', isAdd && (sources.some(isGit) || has('keep-git-dir')), sources.join(' ')],
          ['add-archive', isAdd && sources.some(isArchive), sources.join(' ')],
          ['copy-whole-stage', from !== undefined && sources.some(isWhole), [...flags, ...sources].join(' ')]
        ]
        return found.flatMap(([construct, is, what]) =>
          is ? [{ construct, line, what: shown(`${name} ${what}`) }] : []
        )
      })
  )

/** One thing that is copied: a source, or one of those that a wildcard means. */
export interface Source {
  /** In COPY or ADD. */
  readonly written: string
  /** In the context; undefined for what is none of it. */
  readonly path?: string
  /** Where docker takes it from in the context; undefined: from nowhere, or nobody knows. */
  readonly to?: string | undefined
}

/** What docker makes of the sources as a whole: those out of the context, links by name, wildcards for nothing, several to one name. */
export const copySources = finderOf(['ADD', 'COPY'], (copy, known, subject) => {
  const found: Finding[] = []
  const add = (construct: Construct, edits: readonly Edit[] | undefined) => found.push(finding(construct, copy, edits))
  const [sources, destination = ''] = [sourcesOf(copy), listOf(copy).at(-1)]
  const isOfContext = flagOf(copy, 'from') === undefined
  if (isOfContext && sources.some(leadsOut)) {
    const inside = sources.map((source) => (leadsOut(source) ? posix.join('/', source) : source))
    add('copy-outside', editsOf(copy, [...inside, destination]))
  }
  const meant = sources.map((source) => (isOfContext ? meantBy(source, known, subject.context) : [{ written: source }]))
  const led = meant.flat()
  if (sources.length > 0 && led.length === 0) {
    add('copy-nothing', [inPlaceOf(copy)])
    return found
  }
  const hasAll = isOfContext && sources.some((source) => isAllAsWell(known(source) ?? source))
  if (hasAll) add('copy-all-as-well', editsOf(copy, [...led.map(({ written }) => written), destination]))
  if (led.some(({ path, to }) => path !== to)) add('copy-link', linkEdits(subject, copy, led, destination))
  const isMixed = !isOfContext && sources.some(isPattern)
  if (led.length > 1 && !isMixed && !isDirectoryForSure(known(destination) ?? destination)) {
    add('copy-several', editsOf(copy, ...led.map(({ written }) => [written, destination])))
  }
  return found
})

export function meantBy(written: string, known: Read, context: Context): readonly Source[] {
  if (written.startsWith('<<') || isUrl(written)) return [{ written }]
  const source = known(written)
  // It may be a link.
  if (source === undefined) return context.links.size > 0 ? [{ written, path: written }] : [{ written }]
  const path = pathOf(source)
  if (!isPattern(source)) return [{ written, path, to: follow(path, context) }]
  const paths = matching(path, context.paths)
  if (paths === undefined) return mayMatchLink(path, context) ? [{ written, path: written }] : [{ written }]
  const found = paths.map((each) => ({ written: `/${each}`, path: each, to: follow(each, context) }))
  const [first, ...others] = found
  return first !== undefined && others.length === 0 && first.to === first.path ? [{ ...first, written }] : found
}

const leadsOut = (source: string): boolean =>
  !source.includes('$') && !isUrl(source) && `${posix.normalize(source)}/`.startsWith('../')
/** Relative to the context. */
const pathOf = (source: string): string => posix.join('/', source).slice(1).replace(/\/$/, '')

const isDirectoryForSure = (destination: string): boolean => /(?:^|\/)\.?$/.test(destination)

/** Numbers of stages would be others with one more. */
export const countsStages = ({ dockerfile: { instructions } }: Subject): boolean =>
  instructions.some(({ flags }) => flags.some((flag) => /[=,]?from=\d/.test(flag)))

/** The file under the link's name in a stage of its own, from where it is copied: whether there is a directory decides its path as it would. */
function byName(
  subject: Subject,
  copy: Instruction,
  { path, to }: Source,
  destination: string
): readonly Edit[] | undefined {
  const first = subject.stages.all[0]?.from
  if (path === undefined || to === undefined || first === undefined) return undefined
  if (countsStages(subject)) return undefined
  const stage = `slipway-link-${copy.line}`
  const name = posix.basename(path)
  const edits = editsOf({ ...copy, name: 'COPY', flags: [`--from=${stage}`, ...copy.flags] }, [`/${name}`, destination])
  if (edits === undefined || /["'\\`\s$]/.test(path + to)) return undefined
  return [before(first, `FROM scratch AS ${stage}`, `COPY /${to} /${name}`), ...edits]
}

/** As one instruction where all keep their names, else as one for each; undefined where a name would be another, and nobody knows whether there is a directory. */
function linkEdits(
  subject: Subject,
  copy: Instruction,
  led: readonly Source[],
  destination: string
): readonly Edit[] | undefined {
  const isAdd = copy.name === 'ADD'
  const each = led.map((source) => followed(source, destination, subject.context, isAdd))
  const words = each.filter((one) => one !== undefined)
  if (words.length < each.length)
    return led.length === 1 ? byName(subject, copy, led[0] as Source, destination) : undefined
  if (words.some(([, to]) => to !== destination)) return editsOf(copy, ...words)
  return editsOf(copy, [...words.map(([source]) => source), destination])
}

type Words = readonly [source: string, destination: string]

function followed(
  { written, path, to }: Source,
  destination: string,
  context: Context,
  isAdd: boolean
): Words | undefined {
  if (path === to) return [written, destination]
  if (path === undefined || to === undefined) return undefined
  const [name, other] = [posix.basename(path), posix.basename(to)]
  const isUnpacked = isAdd && context.archives.get(to)?.kind === 'archive'
  if (context.directories.has(to) || isUnpacked || name === other) return [`/${to}`, destination]
  if (!isDirectoryForSure(destination)) return undefined
  return [`/${to}`, destination.endsWith('/') ? `${destination}${name}` : `${destination}/${name}`]
}

/** In place of one instruction, one for each list of words. Those with a meaning beside their own cannot be written back. */
export function editsOf(copy: Instruction, ...all: readonly (readonly string[])[]): readonly Edit[] | undefined {
  const written = new Set(listOf(copy))
  const isPlain = (word: string) =>
    !/["'\\`]/.test(word) &&
    (copy.json !== undefined || !/\s/.test(word)) &&
    (written.has(word) || !/[$*?[]/.test(word))
  if (copy.heredocs.length > 0 || !all.flat().every(isPlain)) return undefined
  const lines = all.map((words) => inOneLine(copy, copy.json === undefined ? words.join(' ') : JSON.stringify(words)))
  const known = lines.filter((line) => line !== undefined)
  return known.length < lines.length ? undefined : [inPlaceOf(copy, ...known)]
}

/** Linux follows as many. */
const LINKS_MAX = 40

/** Where a path of the context leads inside it, as docker follows links: its root is the root of absolute ones. Undefined: in a circle. */
function follow(path: string, context: Context): string | undefined {
  const waiting = path.split('/')
  const done: string[] = []
  let links = 0
  while (waiting.length > 0) {
    const part = waiting.shift() as string
    if (part === '' || part === '.') continue
    if (part === '..') {
      done.pop()
      continue
    }
    const target = context.links.get([...done, part].join('/'))
    if (target === undefined) {
      done.push(part)
      continue
    }
    links += 1
    if (links > LINKS_MAX) return undefined
    if (target.startsWith('/')) done.length = 0
    waiting.unshift(...target.split('/'))
  }
  return done.join('/')
}

/** A wildcard that also means the context itself, where that is taken for one of its own names. */
const isAllAsWell = (source: string): boolean => {
  const pattern = pathOf(source)
  const found = matching(pattern, ['.'])
  return isPattern(source) && (found === undefined ? /^[.*?[][^/]*$/.test(pattern) : found.length > 0)
}

/** Whether a link may be meant by a pattern: it begins the same, and is as deep. */
function mayMatchLink(pattern: string, context: Context): boolean {
  const path = pathOf(pattern)
  const start = path.slice(0, path.search(/[*?[\\]/))
  const depth = path.split('/').length
  return [...context.links.keys()].some((link) => link.startsWith(start) && link.split('/').length <= depth)
}
