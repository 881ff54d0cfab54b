/** What builders do not agree on in COPY and ADD, for the judge. */
import { posix } from 'node:path'
import {
  type Construct,
  type Context,
  carriedOut,
  type Edit,
  type Finder,
  type Finding,
  inOneLine,
  inPlaceOf,
  isTrigger,
  type Subject,
  shown
} from './constructs.ts'
import type { Instruction } from './parse.ts'
import { expand, type LookUp, type Stage, stageNamed, walk } from './stages.ts'
import { flagOf, listOf } from './words.ts'

const isCopy = ({ name }: Instruction): boolean => name === 'COPY' || name === 'ADD'
const sourcesOf = (instruction: Instruction): readonly string[] => listOf(instruction).slice(0, -1)
const isUrl = (source: string): boolean => /^(?:https?|git|ssh):\/\/|^git@/i.test(source)
const isGit = (source: string): boolean =>
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
          ['copy-exclude', has('exclude'), '--exclude'],
          ['copy-parents', has('parents'), '--parents'],
          ['add-checksum', has('checksum'), '--checksum'],
          ['add-unpack', flagOf(copy, 'unpack') !== undefined, '--unpack'],
          ['add-git', isAdd && (sources.some(isGit) || has('keep-git-dir')), sources.join(' ')],
          ['add-archive', isAdd && sources.some(isArchive), sources.join(' ')],
          ['copy-whole-stage', from !== undefined && sources.some(isWhole), [...flags, ...sources].join(' ')]
        ]
        return found.flatMap(([construct, is, what]) =>
          is ? [{ construct, line, what: shown(`${name} ${what}`) }] : []
        )
      })
  )

/** What is fetched belongs to root, whoever the USER is. */
export const fetchedOwners: Finder = ({ stages }) =>
  stages.used.flatMap((stage) =>
    stage.instructions.flatMap((add): readonly Finding[] => {
      const [sources, destination = ''] = [sourcesOf(add), listOf(add).at(-1)]
      if (add.name !== 'ADD' || !sources.some(isUrl) || sources.some(isGit)) return []
      if (flagOf(add, 'chown') !== undefined) return []
      const words = [...sources, destination]
      const edits = sources.every(isUrl) ? editsOf({ ...add, flags: [...add.flags, '--chown=0:0'] }, words) : undefined
      return [{ construct: 'add-url-owner', line: add.line, what: shown(`ADD ${add.rest}`), edits }]
    })
  )

/** Sources that lead out of the context, where docker takes its root, and links that are named, which docker follows. */
export const copySources: Finder = (subject) =>
  subject.stages.used.flatMap((stage) => {
    const found: Finding[] = []
    walk(subject.stages, subject.dockerfile, stage, (instruction, lookUp, own) => {
      if (own === stage) found.push(...findingsOf(subject, stage, instruction, lookUp))
    })
    return found
  })

function findingsOf(subject: Subject, stage: Stage, copy: Instruction, lookUp: LookUp): readonly Finding[] {
  if (!isCopy(copy) || flagOf(copy, 'from') !== undefined) return []
  const { name, line, rest } = copy
  const what = shown(`${name} ${rest}`)
  const words = listOf(copy)
  const found: Finding[] = []
  const { context } = subject
  const add = (construct: Construct, changed: readonly string[] | undefined) => {
    const edits = changed && !isTrigger(stage, copy) ? editsOf(copy, changed) : undefined
    found.push({ construct, line, what, edits })
  }
  const sources = sourcesOf(copy).map((source) => ({
    source,
    known: source.startsWith('<<') || isUrl(source) ? undefined : (expand(source, lookUp, subject.dockerfile) ?? null)
  }))
  if (sources.some(({ source }) => leadsOut(source))) {
    add('copy-outside', [
      ...sourcesOf(copy).map((source) => (leadsOut(source) ? posix.join('/', source) : source)),
      ...words.slice(-1)
    ])
  }
  if (context.links.size === 0) return found
  if (sources.some(({ known }) => known === null || (known && isPattern(known) && mayMatchLink(known, context)))) {
    add('copy-link', undefined)
    return found
  }
  const led = sources.map(({ source, known }) =>
    known ? { source, path: pathOf(known), to: follow(pathOf(known), context) } : { source }
  )
  if (led.every(({ path, to }) => to === path)) return found
  const destination = words.at(-1) ?? ''
  const changed = followed(led, destination, context)
  if (changed === undefined && !isTrigger(stage, copy)) {
    found.push({ construct: 'copy-link', line, what, edits: byName(subject, copy, led, destination) })
  } else add('copy-link', changed)
  return found
}

const leadsOut = (source: string): boolean =>
  !source.includes('$') && !isUrl(source) && `${posix.normalize(source)}/`.startsWith('../')
const isPattern = (source: string): boolean => /[*?[\\]/.test(source)
/** Relative to the context. */
const pathOf = (source: string): string => posix.join('/', source).slice(1).replace(/\/$/, '')

interface Led {
  readonly source: string
  readonly path?: string
  readonly to?: string | undefined
}

const isDirectoryForSure = (destination: string): boolean => /(?:^|\/)\.?$/.test(destination)

/** Numbers of stages would be others with one more. */
const countsStages = ({ dockerfile: { instructions } }: Subject): boolean =>
  instructions.some(({ flags }) => flags.some((flag) => /[=,]?from=\d/.test(flag)))

/** The file under the link's name in a stage of its own, from where it is copied: whether there is a directory decides its path as it would. */
function byName(
  subject: Subject,
  copy: Instruction,
  led: readonly Led[],
  destination: string
): readonly Edit[] | undefined {
  const [{ path, to } = {}] = led
  const first = subject.stages.all[0]?.from
  if (led.length > 1 || path === undefined || to === undefined || first === undefined) return undefined
  if (copy.name !== 'COPY' || countsStages(subject)) return undefined
  const stage = `slipway-link-${copy.line}`
  const flags = [`--from=${stage}`, ...copy.flags]
  const name = posix.basename(path)
  const edits = editsOf({ ...copy, flags }, [`/${name}`, destination])
  if (edits === undefined || /["'\\`\s$]/.test(path + to)) return undefined
  return [
    { line: first.line, endLine: first.line - 1, lines: [`FROM scratch AS ${stage}`, `COPY /${to} /${name}`] },
    ...edits
  ]
}

/** The words with each link replaced; undefined where the copy's name would be another, and nobody knows whether there is a directory. */
function followed(led: readonly Led[], destination: string, context: Context): readonly string[] | undefined {
  const changed: string[] = []
  let to = destination
  for (const { source, path, to: target } of led) {
    if (path === target) {
      changed.push(source)
      continue
    }
    if (path === undefined || target === undefined) return undefined
    const [name, other] = [posix.basename(path), posix.basename(target)]
    if (!context.isDirectory(target) && name !== other) {
      if (led.length > 1 || !isDirectoryForSure(destination)) return undefined
      to = destination.endsWith('/') ? `${destination}${name}` : `${destination}/${name}`
    }
    changed.push(`/${target}`)
  }
  return [...changed, to]
}

/** Words with a meaning beside their own cannot be written back. */
function editsOf(copy: Instruction, words: readonly string[]) {
  const isPlain = words.every((word) => !/["'\\`]/.test(word) && (copy.json !== undefined || !/\s/.test(word)))
  const line =
    isPlain && copy.heredocs.length === 0
      ? inOneLine(copy, copy.json === undefined ? words.join(' ') : JSON.stringify(words))
      : undefined
  return line === undefined ? undefined : [inPlaceOf(copy, line)]
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

/** Whether a link may be meant by a pattern: it begins the same, and is as deep. */
function mayMatchLink(pattern: string, context: Context): boolean {
  const path = pathOf(pattern)
  const start = path.slice(0, path.search(/[*?[\\]/))
  const depth = path.split('/').length
  return [...context.links.keys()].some((link) => link.startsWith(start) && link.split('/').length <= depth)
}
