/** What builders do not agree on in ADD alone: what it unpacks and fetches, for the judge. */
import {
  before,
  carriedOut,
  type Edit,
  type Finder,
  type Finding,
  finderOf,
  finding,
  isTrigger,
  type Subject
} from './constructs.ts'
import { countsStages, editsOf, isGit, isUrl, meantBy, sourcesOf } from './find-copy.ts'
import type { Instruction } from './parse.ts'
import { flagOf, listOf } from './words.ts'

/** ADD that unpacks nothing is COPY, but for what it fetches. */
export const packedArchives: Finder = ({ stages }) =>
  stages.used.flatMap((stage) =>
    carriedOut(stage).flatMap((add): readonly Finding[] => {
      const unpack = add.name === 'ADD' ? flagOf(add, 'unpack') : undefined
      if (unpack === undefined) return []
      const isLocal = !isTrigger(stage, add) && !sourcesOf(add).some(isUrl)
      const name = unpack === 'false' ? 'COPY' : 'ADD'
      const flags = add.flags.filter((flag) => !/^--unpack(?:=|$)/.test(flag))
      const edits = isLocal ? editsOf({ ...add, name, flags }, listOf(add)) : undefined
      return [{ construct: 'add-unpack', line: add.line, what: 'ADD --unpack', edits }]
    })
  )

/** What is fetched belongs to root, whoever the USER is. */
export const fetchedOwners = finderOf(['ADD'], (add) => {
  const sources = sourcesOf(add)
  if (!sources.some(isUrl) || sources.some(isGit) || flagOf(add, 'chown') !== undefined) return []
  const flags = [...add.flags, '--chown=0:0']
  return [finding('add-url-owner', add, sources.every(isUrl) ? editsOf({ ...add, flags }, listOf(add)) : undefined)]
})

/** By what is in the files that are named. */
export const addedArchives = finderOf(['ADD'], (add, known, subject, stage) => {
  if (flagOf(add, 'unpack') !== undefined) return []
  const led = sourcesOf(add).flatMap((source) => meantBy(source, known, subject.context))
  const archives = led.flatMap(({ to }) => (to === undefined ? [] : (subject.context.archives.get(to) ?? [])))
  const whole = { ...add, rest: [...add.flags, add.rest].join(' ') }
  const found: Finding[] = []
  if (archives.some(({ kind }) => kind === 'unreadable')) found.push(finding('add-archive', whole))
  if (archives.some(({ kind }) => kind === 'packed')) {
    const edits = led.length > 1 ? undefined : editsOf({ ...add, name: 'COPY' }, listOf(add))
    found.push(finding('add-packed', whole, edits))
  }
  const unpacked = archives.filter((archive) => archive.kind === 'archive')
  if (unpacked.length === 0) return found
  if (flagOf(add, 'chown') !== undefined) return [...found, finding('add-archive-owner', whole)]
  const isRoot = known(listOf(add).at(-1) ?? '') === '/'
  const lonely = unpacked.flatMap(({ orphans }) => orphans).filter((each) => !isRoot || each.includes('/'))
  const previous = stage.instructions[stage.instructions.indexOf(add) - 1]
  if (lonely.length === 0 || previous?.flags[0]?.startsWith(`--from=${EMPTY}`)) return found
  return [...found, finding('add-parents', whole, withParents(subject, add, lonely))]
})

const EMPTY = 'slipway-empty-'

/** An empty directory in the place of each: it makes those around it as docker does, and the archive's own takes its place. */
function withParents(subject: Subject, add: Instruction, orphans: readonly string[]): readonly Edit[] | undefined {
  const first = subject.stages.all[0]?.from
  const to = (listOf(add).at(-1) ?? '').replace(/\/$/, '')
  const copy: Instruction = { ...add, name: 'COPY', flags: [`--from=${EMPTY}${add.line}`], heredocs: [] }
  const copies = orphans.map((orphan) => editsOf(copy, ['/empty', `${to}/${orphan}`])?.[0]?.lines[0])
  const lines = copies.filter((line) => line !== undefined)
  if (first === undefined || countsStages(subject) || lines.length < copies.length) return undefined
  return [before(first, `FROM scratch AS ${EMPTY}${add.line}`, 'WORKDIR /empty'), before(add, ...lines)]
}
