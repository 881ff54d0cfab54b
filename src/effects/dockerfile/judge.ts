/** Whether a builder builds a Dockerfile as docker does, and the text to give it, by that builder's table: for the choice of a builder. */
import {
  type CapabilityTable,
  CONSTRUCT_NAMES,
  type Construct,
  type Context,
  type Edit,
  type Finder,
  type Finding,
  type Subject
} from './constructs.ts'
import { addedArchives, fetchedOwners, packedArchives } from './find-add.ts'
import {
  earlyVolumes,
  exposedRanges,
  forgottenCommands,
  healthChecks,
  instructionCase,
  labelTriggers,
  labelWords,
  workdirDots
} from './find-config.ts'
import { copyOptions, copySources } from './find-copy.ts'
import { frontends, otherEscapes, platformArguments, platforms, stageNames } from './find-file.ts'
import { memoryMounts, runHeredocs, runOptions } from './find-run.ts'
import { numericUsers, ownedDirectories, usersAlone } from './find-user.ts'
import { DOCKERFILE_BYTES_MAX, parseDockerfile } from './parse.ts'
import { type Platform, platformVariables, stagesOf } from './stages.ts'

const FINDERS: readonly Finder[] = [
  frontends,
  otherEscapes,
  platforms,
  stageNames,
  platformArguments,
  runOptions,
  memoryMounts,
  copyOptions,
  copySources,
  fetchedOwners,
  packedArchives,
  addedArchives,
  healthChecks,
  numericUsers,
  usersAlone,
  ownedDirectories,
  labelWords,
  labelTriggers,
  workdirDots,
  exposedRanges,
  forgottenCommands,
  instructionCase,
  runHeredocs,
  earlyVolumes
]

export interface Judgement {
  /** What the builder would build wrongly, in the order of lines. */
  readonly refused: readonly Finding[]
  /** What is written in another way for the builder. */
  readonly rewritten: readonly Finding[]
  /** For the builder; the author's own where nothing is rewritten. */
  readonly text: string
}

/** What decides what a Dockerfile means, besides its text. */
export interface Surroundings {
  readonly platform: Platform
  readonly context: Context
}

/** A file that cannot be read is the builder's to refuse, in its own words. */
export function judge(text: string, surroundings: Surroundings, table: CapabilityTable): Judgement {
  const all = findIn(text, surroundings)
  if (all === undefined) return { refused: [], rewritten: [], text }
  const isRefused = ({ construct, edits }: Finding) =>
    table[construct] === 'refused' || (table[construct] === 'rewritten' && edits === undefined)
  const refused = all.filter(isRefused).sort((one, other) => one.line - other.line)
  const rewritten = all.filter(({ construct }) => table[construct] === 'rewritten')
  if (refused.length > 0 || rewritten.length === 0) return { refused, rewritten: [], text }
  const written = CONSTRUCT_NAMES.filter((construct) => rewritten.some((finding) => finding.construct === construct))
  const result = written.reduce((before, construct) => rewrite(before, surroundings, construct), text)
  // Bytes that are no text are lost when it is written anew.
  const left = isSmall(result) && !text.includes('\uFFFD') ? findIn(result, surroundings) : undefined
  // A line that became too long, say. Words that are to be read twice look like those that must not.
  if (left === undefined || left.some(({ construct }) => table[construct] !== 'right' && construct !== 'label-words')) {
    return { refused: rewritten, rewritten: [], text }
  }
  return { refused, rewritten, text: result }
}

const isSmall = (text: string): boolean => Buffer.byteLength(text) <= DOCKERFILE_BYTES_MAX

/** Undefined for what cannot be read. */
function findIn(text: string, { platform, context }: Surroundings): readonly Finding[] | undefined {
  const dockerfile = parseDockerfile(text)
  if (!dockerfile.isWhole) return undefined
  const subject: Subject = { dockerfile, stages: stagesOf(dockerfile, platformVariables(platform)), platform, context }
  return FINDERS.flatMap((find) => find(subject))
}

/** One construct at a time: what another one was rewritten to may be part of it. */
function rewrite(text: string, surroundings: Surroundings, construct: Construct): string {
  const found = findIn(text, surroundings)?.filter((finding) => finding.construct === construct) ?? []
  const { lines } = parseDockerfile(text)
  return applied(
    lines,
    found.flatMap(({ edits = [] }) => edits)
  )
}

/** Several edits of one line are one after the other what they add to it. */
function applied(lines: readonly string[], edits: readonly Edit[]): string {
  const result = [...lines]
  for (const { line, endLine, lines: others } of [...edits].sort((one, other) => other.line - one.line)) {
    result.splice(line - 1, endLine - line + 1, ...others.map((other) => `${other}\n`))
  }
  return result.join('')
}
