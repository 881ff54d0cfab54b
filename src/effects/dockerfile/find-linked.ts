/**
 * COPY --link, for the judge: docker copies into an empty tree and puts that over the image, so the directories on the way are made
 * anew in the place of what is there: with the usual mode, root's or the named owner's, and never through a link.
 */
import { posix } from 'node:path'
import { before, type Edit, type Finder, type Finding, finding, hasFlag, inOneLine } from './constructs.ts'
import { countsStages, meantBy, sourcesOf } from './find-copy.ts'
import type { Dockerfile, Instruction } from './parse.ts'
import { Places } from './places.ts'
import { expand, walk } from './stages.ts'
import { flagOf, listOf } from './words.ts'

const STAGE = 'slipway-way-'
const PLAIN_PATH = /^[\w./@+-]+$/
const LINK = /\s--link(?:=true)?(?=\s)/

export const linkedCopies: Finder = (subject) => {
  const { stages, dockerfile, context } = subject
  if (!hasFlag(dockerfile, '--link')) return []
  return stages.used.flatMap((stage) => {
    const found: Finding[] = []
    const places = new Places()
    walk(stages, dockerfile, stage, (instruction, lookUp, of) => {
      const read = (word: string) => expand(word, lookUp, dockerfile) ?? word
      places.take(instruction, read)
      const isCopy = instruction.name === 'COPY' || instruction.name === 'ADD'
      // With a mode docker copies as without the option.
      const isLinked = ![undefined, 'false'].includes(flagOf(instruction, 'link')) && !flagOf(instruction, 'chmod')
      if (of !== stage || !isCopy || !isLinked) return
      const to = read(listOf(instruction).at(-1) ?? '')
      const hasSlash = /(?:^|\/)\.{0,2}$/.test(to)
      const meant = sourcesOf(instruction).flatMap((source) => meantBy(source, read, context))
      const isFrom = flagOf(instruction, 'from') !== undefined
      const isFile = !isFrom && meant.every((each) => each.to === undefined || !context.directories.has(each.to))
      const way = wayTo(places.at(to), hasSlash || !isFile)
      const isOwned = flagOf(instruction, 'chown') !== undefined
      const isOther = (path: string) =>
        places.isLink(path) ||
        places.hasMode(path) ||
        places.ownerOf(path) !== undefined ||
        (isOwned && places.isThere(path)) ||
        /^\/(?:bin|sbin|lib|lib64|var\/run|var\/lock)$/.test(path)
      const isInTheWay = !hasSlash && (isFile || isFrom) && (places.isThere(to) || places.isLink(to))
      if (!(way.some(isOther) || isInTheWay)) return
      const isKnown = (to.startsWith('/') || places.isKnown) && (isFile || hasSlash || !isFrom) && !isInTheWay
      const first = stages.all[0]?.from
      const edits =
        isKnown && first !== undefined && !countsStages(subject) && way.every((path) => PLAIN_PATH.test(path))
          ? withWay(dockerfile, instruction, first, way)
          : undefined
      found.push(finding('copy-linked', { ...instruction, rest: `--link ${instruction.rest}` }, edits))
    })
    return found
  })
}

/** A line that makes what is on the way of the one after it. */
export const isWay = ({ flags }: Instruction): boolean => flags[0]?.startsWith(`--from=${STAGE}`) === true

/** The directories on it, the last one included where it is one. */
function wayTo(path: string, isDirectory: boolean): readonly string[] {
  const way: string[] = []
  for (let up = isDirectory ? path : posix.dirname(path); up !== '/'; up = posix.dirname(up)) way.unshift(up)
  return way
}

function withWay(
  { lines }: Dockerfile,
  copy: Instruction,
  first: Instruction,
  way: readonly string[]
): readonly Edit[] | undefined {
  const stage = `${STAGE}${copy.line}`
  const chown = copy.flags.filter((flag) => flag.startsWith('--chown='))
  const text = (lines[copy.line - 1] ?? '').replace(/\r?\n$/, '')
  const make = inOneLine({ ...copy, name: 'COPY' }, '/tree /', [`--from=${stage}`, '--chmod=755', ...chown])
  if (make === undefined || !LINK.test(text)) return undefined
  // The root itself is no part of it.
  const root = chown.length > 0 ? [`COPY --from=${stage} /empty /`] : []
  const edit = { line: copy.line, endLine: copy.line, lines: [text.replace(LINK, '')] }
  return [
    edit,
    before(copy, make, ...root),
    before(first, `FROM scratch AS ${stage}`, 'WORKDIR /empty', `WORKDIR /tree${way.at(-1) ?? ''}`)
  ]
}
