/** What builders do not agree on in ADD alone: what it unpacks and fetches, for the judge. */
import {
  type Construct,
  carriedOut,
  type Edit,
  type Finder,
  type Finding,
  isTrigger,
  type Subject,
  shown
} from './constructs.ts'
import { countsStages, editsOf, isGit, isUrl, meantBy, sourcesOf } from './find-copy.ts'
import type { Instruction } from './parse.ts'
import { expand, walk } from './stages.ts'
import { flagOf, listOf } from './words.ts'

/** ADD that unpacks nothing is COPY, but for what it fetches. */
export const packedArchives: Finder = ({ stages }) =>
  stages.used.flatMap((stage) =>
    carriedOut(stage).flatMap((add): readonly Finding[] => {
      const unpack = add.name === 'ADD' ? flagOf(add, 'unpack') : undefined
      if (unpack === undefined) return []
      const isCopy = unpack === 'false' && !isTrigger(stage, add) && !sourcesOf(add).some(isUrl)
      const flags = add.flags.filter((flag) => !/^--unpack(?:=|$)/.test(flag))
      const edits = isCopy ? editsOf({ ...add, name: 'COPY', flags }, listOf(add)) : undefined
      return [{ construct: 'add-unpack', line: add.line, what: 'ADD --unpack', edits }]
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

/** By what is in the files that are named. */
export const addedArchives: Finder = (subject) =>
  subject.stages.used.flatMap((stage) => {
    const found: Finding[] = []
    let last: Instruction | undefined
    walk(subject.stages, subject.dockerfile, stage, (add, lookUp, own) => {
      const before = last
      last = add
      if (own !== stage || add.name !== 'ADD' || flagOf(add, 'unpack') !== undefined) return
      const known = (word: string) => expand(word, lookUp, subject.dockerfile)
      const led = sourcesOf(add).flatMap((source) => meantBy(source, known, subject.context))
      const archives = led.flatMap(({ to }) => (to === undefined ? [] : (subject.context.archives.get(to) ?? [])))
      const what = shown(`ADD ${[...add.flags, add.rest].join(' ')}`)
      const note = (construct: Construct, edits?: readonly Edit[]) =>
        found.push({ construct, line: add.line, what, edits })
      if (archives.some(({ kind }) => kind === 'unreadable')) note('add-archive')
      if (archives.some(({ kind }) => kind === 'packed')) {
        note('add-packed', led.length > 1 ? undefined : editsOf({ ...add, name: 'COPY' }, listOf(add)))
      }
      const orphans = archives.map((archive) => (archive.kind === 'archive' ? archive.orphans : undefined))
      if (orphans.every((each) => each === undefined)) return
      if (flagOf(add, 'chown') !== undefined) return void note('add-archive-owner')
      const isRoot = known(listOf(add).at(-1) ?? '') === '/'
      const lonely = orphans.flatMap((each) => each ?? []).filter((each) => !isRoot || each.includes('/'))
      if (lonely.length > 0 && !before?.flags[0]?.startsWith(`--from=${EMPTY}`)) {
        note('add-parents', withParents(subject, add, lonely))
      }
    })
    return found
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
  return [
    { line: first.line, endLine: first.line - 1, lines: [`FROM scratch AS ${EMPTY}${add.line}`, 'WORKDIR /empty'] },
    { line: add.line, endLine: add.line - 1, lines }
  ]
}
