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
  emptyCommands,
  exposedRanges,
  forgottenCommands,
  healthChecks,
  instructionCase,
  labelTriggers,
  labelWords,
  userModifiers,
  workdirDots
} from './find-config.ts'
import { copyOptions, copySources } from './find-copy.ts'
import { frontends, otherEscapes, platformArguments, platforms, stageNames, strictChecks } from './find-file.ts'
import { partialCopies } from './find-files.ts'
import { linkedCopies } from './find-linked.ts'
import { specialModes } from './find-modes.ts'
import { readOnlyMounts, relativeMounts } from './find-mounts.ts'
import { ownedDirectories } from './find-onto.ts'
import { memoryMounts, relativeShells, runHeredocs, runOptions } from './find-run.ts'
import { goneDirectories, heredocPlaces, setgidParents, stageFiles } from './find-stage.ts'
import { numericUsers, usersAlone } from './find-user.ts'
import { DOCKERFILE_BYTES_MAX, parseDockerfile } from './parse.ts'
import { type Platform, platformVariables, stagesOf } from './stages.ts'
import { withTriggersMoved } from './triggers.ts'

const FINDERS: readonly Finder[] = [
  frontends,
  otherEscapes,
  platforms,
  stageNames,
  platformArguments,
  runOptions,
  readOnlyMounts,
  relativeMounts,
  memoryMounts,
  copyOptions,
  partialCopies,
  copySources,
  specialModes,
  fetchedOwners,
  packedArchives,
  addedArchives,
  healthChecks,
  numericUsers,
  usersAlone,
  ownedDirectories,
  linkedCopies,
  stageFiles,
  heredocPlaces,
  setgidParents,
  relativeShells,
  strictChecks,
  emptyCommands,
  userModifiers,
  goneDirectories,
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
  /** What it may build in another way than docker, and no text says when. */
  readonly unsure: readonly Finding[]
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
  const dockerfile = parseDockerfile(text)
  if (!dockerfile.isWhole) return asItIs(text)
  // No edit reaches what a stage is left to do by the one that it begins with, but where it is written out.
  const moved = withTriggersMoved(dockerfile, stagesOf(dockerfile, platformVariables(surroundings.platform)))
  if (moved === undefined) return judgeText(text, surroundings, table)
  const found = judgeText(moved.text, surroundings, table)
  const placed = (findings: readonly Finding[]) => findings.map((each) => ({ ...each, line: moved.lineOf(each.line) }))
  const isSame = found.rewritten.length === 0
  const { refused, rewritten, unsure } = found
  return {
    refused: placed(refused),
    rewritten: placed(rewritten),
    unsure: placed(unsure),
    text: isSame ? text : found.text
  }
}

const asItIs = (text: string): Judgement => ({ refused: [], rewritten: [], unsure: [], text })

function judgeText(text: string, surroundings: Surroundings, table: CapabilityTable): Judgement {
  const all = findIn(text, surroundings)
  if (all === undefined) return asItIs(text)
  const isRefused = ({ construct, edits }: Finding) =>
    table[construct] === 'refused' || (table[construct] === 'rewritten' && edits === undefined)
  const refused = all.filter(isRefused).sort((one, other) => one.line - other.line)
  const rewritten = all.filter(({ construct }) => table[construct] === 'rewritten')
  const unsure = all.filter(({ construct, check }) => table[construct] === 'unsure' || check !== undefined)
  if (refused.length > 0 || rewritten.length === 0) return { refused, rewritten: [], unsure, text }
  const written = CONSTRUCT_NAMES.filter((construct) => rewritten.some((finding) => finding.construct === construct))
  const result = written.reduce((before, construct) => rewrite(before, surroundings, construct), text)
  // Bytes that are no text are lost when it is written anew.
  const left = isSmall(result) && !text.includes('\uFFFD') ? findIn(result, surroundings) : undefined
  // A line that became too long, say. Words that are to be read twice look like those that must not.
  const isLeft = ({ construct }: Finding) =>
    table[construct] === 'refused' || (table[construct] === 'rewritten' && construct !== 'label-words')
  if (left === undefined || left.some(isLeft)) return { refused: rewritten, rewritten: [], unsure, text }
  return { refused, rewritten, unsure, text: result }
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
