/**
 * COPY of setuid and setgid files, for the judge: where the builder's root is nobody on the node, the kernel takes these bits away when it
 * writes the file. A line after gives each of them once more, by an option that comes after the writing.
 */
import { posix } from 'node:path'
import { after, type Edit, type Finder, finderOf, finding, isTrigger, type Read, type Subject } from './constructs.ts'
import { meantBy, type Source, sourcesOf } from './find-copy.ts'
import type { Instruction } from './parse.ts'
import type { Stage } from './stages.ts'
import { flagOf, listOf } from './words.ts'

/** More are not written out one by one. */
const FILES_MAX = 32
const PLAIN_PATH = /^[\w./@+-]+$/
const PLAIN_DESTINATION = /^[\w./@+$:{}-]+$/
/** With which a line for one file would mean another one. */
const OTHERWISE = ['parents', 'exclude', 'unpack']

export const specialModes: Finder = finderOf(['ADD', 'COPY'], (copy, known, subject, stage) => {
  const { special } = subject.context
  if (special.size === 0 || flagOf(copy, 'from') !== undefined || flagOf(copy, 'chmod') !== undefined) return []
  const wanted = wantedFor(copy, known, subject)
  if (wanted === undefined) return [finding('copy-setuid', copy)]
  if (wanted.every((line) => followersOf(stage, copy).includes(line))) return []
  const canAdd = wanted.length <= FILES_MAX && !subject.dockerfile.isOpen && !isTrigger(stage, copy)
  const edits: readonly Edit[] | undefined = canAdd ? [after(subject.dockerfile, copy, ...wanted)] : undefined
  return [finding('copy-setuid', copy, edits)]
})

/** A line for each file that has such a mode; undefined where that is not known. */
function wantedFor(copy: Instruction, known: Read, subject: Subject): readonly string[] | undefined {
  const destination = listOf(copy).at(-1) ?? ''
  const lines = sourcesOf(copy).flatMap((written) => {
    const meant = meantBy(written, known, subject.context)
    return known(written) === undefined && !written.startsWith('<<')
      ? [undefined]
      : meant.flatMap((source) => linesFor(copy, source, destination, subject))
  })
  const found = lines.filter((line) => line !== undefined)
  return found.length < lines.length ? undefined : found
}

function linesFor(
  copy: Instruction,
  { path, to }: Source,
  destination: string,
  { context }: Subject
): readonly (string | undefined)[] {
  // Of no file of the context, or unpacked.
  if (path === undefined || (copy.name === 'ADD' && to !== undefined && context.archives.has(to))) return []
  if (to === undefined) return [undefined]
  return [...context.special].flatMap(([file, mode]) => {
    const isInside = to === '' || file.startsWith(`${to}/`)
    if (!isInside && file !== to) return []
    const target = isInside ? `${destination.replace(/\/$/, '')}/${posix.relative(to, file)}` : destination
    const canSay = PLAIN_PATH.test(file) && PLAIN_DESTINATION.test(target) && path === to
    const isOther = OTHERWISE.some((flag) => flagOf(copy, flag) !== undefined)
    if (!canSay || isOther || copy.flags.some((flag) => /[\s'"\\`]/.test(flag))) return [undefined]
    const flags = [...copy.flags, `--chmod=${mode.toString(8)}`]
    return [`COPY ${flags.join(' ')} /${file} ${target}`]
  })
}

/** The lines right after it that are such ones. */
function followersOf({ instructions }: Stage, copy: Instruction): readonly string[] {
  const others = instructions.slice(instructions.indexOf(copy) + 1)
  const end = others.findIndex((other) => other.name !== 'COPY' || flagOf(other, 'chmod') === undefined)
  return others.slice(0, end < 0 ? undefined : end).map(({ flags, rest }) => `COPY ${[...flags, rest].join(' ')}`)
}
