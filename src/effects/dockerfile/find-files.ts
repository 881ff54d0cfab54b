/** COPY and ADD of a part of a directory, for the judge: written out as the files it means, in a stage of their own. */
import { posix } from 'node:path'
import { StepError } from '../../errors.ts'
import {
  before,
  type Context,
  type Edit,
  type Finder,
  finderOf,
  inOneLine,
  inPlaceOf,
  type Read,
  type Subject
} from './constructs.ts'
import { countsStages, isUrl, meantBy, type Source, sourcesOf } from './find-copy.ts'
import { type IgnoreRules, parseIgnoreFile } from './ignore-file.ts'
import type { Instruction } from './parse.ts'
import { isPattern } from './wildcards.ts'
import { flagOf, listOf } from './words.ts'

/** Of one instruction: more is no longer what somebody reads. */
const LINES_MAX = 64
/** What a path is made of in a word of either form. */
const HAS_MEANING = /["'\\`$*?[\n]/
const USUAL_MODE = 0o755

export const partialCopies: Finder = finderOf(['ADD', 'COPY'], (copy, known, subject) => {
  const { name, line, flags } = copy
  const excludes = valuesOf(flags, 'exclude')
  const isParents = ![undefined, 'false'].includes(flagOf(copy, 'parents'))
  if (excludes.length === 0 && !isParents) return []
  const [construct, option] = isParents
    ? (['copy-parents', '--parents'] as const)
    : (['copy-exclude', '--exclude'] as const)
  return [{ construct, line, what: `${name} ${option}`, edits: written(copy, known, subject, excludes, isParents) }]
})

const valuesOf = (flags: readonly string[], name: string): readonly string[] =>
  flags.flatMap((flag) => (flag.startsWith(`--${name}=`) ? flag.slice(name.length + 3) : []))

/** One tree to be copied: what of a directory of the context, below `/<name>` of the stage. */
interface Tree {
  readonly root: string
  readonly isKept: (path: string) => boolean
}

function written(
  copy: Instruction,
  known: Read,
  subject: Subject,
  excludes: readonly string[],
  isParents: boolean
): readonly Edit[] | undefined {
  const first = subject.stages.all[0]?.from
  const destination = listOf(copy).at(-1) ?? ''
  if (first === undefined || countsStages(subject) || flagOf(copy, 'from') !== undefined || copy.heredocs.length > 0)
    return undefined
  const left = rulesOf(excludes, known)
  const sources = sourcesOf(copy)
  if (left === undefined || sources.some(isUrl)) return undefined
  const parts = isParents
    ? parentsOf(sources, known, subject.context, left)
    : partsOf(sources, known, subject.context, left)
  if (parts === undefined) return undefined
  const stage = `slipway-files-${copy.line}`
  const flags = copy.flags.filter((flag) => !/^--(?:exclude|parents)(?:=|$)/.test(flag))
  const lineOf = (name: string, source: string, all: readonly string[]) => {
    const words = [source, destination]
    return inOneLine({ ...copy, name }, copy.json === undefined ? words.join(' ') : JSON.stringify(words), all)
  }
  const lines = parts.map((part, at) => (typeof part === 'string' ? [] : linesOf(subject.context, part, `/tree${at}`)))
  const copies = parts.map((part, at) =>
    typeof part === 'string'
      ? lineOf(copy.name, part, flags)
      : lineOf('COPY', `/tree${at}`, [`--from=${stage}`, ...flags])
  )
  const stageLines = lines.filter((each) => each !== undefined).flat()
  const copyLines = copies.filter((line) => line !== undefined)
  if (lines.includes(undefined) || copyLines.length < copies.length || stageLines.length > LINES_MAX) return undefined
  const made = stageLines.length === 0 ? [] : [before(first, `FROM scratch AS ${stage}`, ...stageLines)]
  return [...made, inPlaceOf(copy, ...copyLines)]
}

/** Undefined for what is read in another way here than by docker. */
function rulesOf(patterns: readonly string[], known: Read): IgnoreRules | undefined {
  const words = patterns.map(known)
  if (words.some((word) => word === undefined || /^[/#]|[\s\\]/.test(word) || word === '')) return undefined
  try {
    return parseIgnoreFile(words.join('\n'), '--exclude')
  } catch (error) {
    if (error instanceof StepError) return undefined
    throw error
  }
}

/** A file that is named is copied, whatever is left out. */
function partsOf(
  sources: readonly string[],
  known: Read,
  context: Context,
  left: IgnoreRules
): readonly (Tree | string)[] | undefined {
  const meant = sources.flatMap((source) => meantBy(source, known, context))
  if (!meant.every(({ path, to }) => to !== undefined && (path === to || isDirectory(to, context)))) return undefined
  const named = ({ to = '', written: word }: Source) => (HAS_MEANING.test(word) ? `/${to}` : word)
  if (meant.some((one) => !isDirectory(one.to ?? '', context) && HAS_MEANING.test(named(one)))) return undefined
  return meant.map((one) => {
    const { to = '' } = one
    return isDirectory(to, context) ? { root: to, isKept: (path) => !left.excludes(path) } : named(one)
  })
}

/** With the directories on the way to them: below the context, or the place that `/./` marks. */
function parentsOf(
  sources: readonly string[],
  known: Read,
  context: Context,
  left: IgnoreRules
): readonly Tree[] | undefined {
  const trees = sources.map((source): Tree | undefined => {
    const word = known(source)
    if (word === undefined) return undefined
    const at = word.indexOf('/./')
    const [root, wanted] = at < 0 ? ['', word] : [inContext(word.slice(0, at)), word.slice(at + 3)]
    const pattern = inContext(wanted)
    const rules = pattern === '' ? undefined : rulesOf([pattern], (each) => each)
    if (rules === undefined || isPattern(root) || !isDirectory(root, context)) return undefined
    if (!(isPattern(pattern) || context.paths.has(posix.join(root, pattern)))) return undefined
    return { root, isKept: (path) => rules.excludes(path) && !left.excludes(path) }
  })
  const found = trees.filter((tree) => tree !== undefined)
  return found.length < trees.length ? undefined : found
}

const inContext = (source: string): string => posix.join('/', source).slice(1).replace(/\/$/, '')
const isDirectory = (path: string, { directories }: Context): boolean => path === '' || directories.has(path)

/** Undefined where something in it would become another thing than it is, such as a link that is named. */
function linesOf(
  { paths, links, directories }: Context,
  { root, isKept }: Tree,
  to: string
): readonly string[] | undefined {
  const prefix = root === '' ? '' : `${root}/`
  const all = [...paths].filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length))
  const kept = new Set(all.filter(isKept))
  if (kept.size > 0 && [...links.keys()].some((link) => `${prefix}`.startsWith(`${link}/`))) return undefined
  // Directories on the way to what is kept are made as well.
  for (const path of [...kept]) for (let up = posix.dirname(path); up !== '.'; up = posix.dirname(up)) kept.add(up)
  const isWhole = (directory: string) =>
    all.every((path) => !path.startsWith(directory === '' ? '' : `${directory}/`) || kept.has(path))
  const lines: string[] = [`WORKDIR ${to}`]
  let isKnown = true
  const visit = (directory: string) => {
    const place = directory === '' ? to : `${to}/${directory}`
    const mode = directories.get(prefix + directory)
    if (directory !== '' && mode !== USUAL_MODE) isKnown = false
    if (lines.length > LINES_MAX || !isKnown) return
    if (isWhole(directory)) {
      lines.push(`COPY ${JSON.stringify([`/${prefix}${directory}`, place])}`)
      return
    }
    const children = [...kept].filter((path) => posix.dirname(path) === (directory === '' ? '.' : directory)).sort()
    const files = children.filter((path) => !directories.has(prefix + path))
    if (files.some((path) => links.has(prefix + path))) isKnown = false
    if (files.length > 0)
      lines.push(`COPY ${JSON.stringify([...files.map((path) => `/${prefix}${path}`), `${place}/`])}`)
    else if (place !== to) lines.push(`WORKDIR ${place}`)
    for (const path of children) if (directories.has(prefix + path)) visit(path)
  }
  visit('')
  const isPlain = ![...kept].some((path) => HAS_MEANING.test(path)) && !HAS_MEANING.test(prefix)
  return isKnown && isPlain ? lines : undefined
}
