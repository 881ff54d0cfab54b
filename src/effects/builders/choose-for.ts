/**
 * What builds one Dockerfile, and what it is given: the first builder that builds it as docker does, as it is or written in another way
 * that means the same. Nothing is built wrongly: without such a builder the step ends before anything is made.
 */
import { createHash } from 'node:crypto'
import { StepError } from '../../errors.ts'
import type { RewrittenDockerfile } from '../../machines/types.ts'
import { CONSTRUCTS, type Finding } from '../dockerfile/constructs.ts'
import { type Judgement, judge, type Surroundings } from '../dockerfile/judge.ts'
import { type ChosenBuilder, identityOf } from './choose.ts'
import { REFUSAL } from './definition.ts'

export interface Choice {
  readonly builder: ChosenBuilder
  /** Undefined: the author's own file. */
  readonly rewritten: RewrittenDockerfile | undefined
  /** For the log: what was decided, and why. */
  readonly notes: readonly string[]
}

/** `builders`: in the order in which they are preferred. Throws `not-supported` when none of them can, and `invalid-input`. */
export function chooseFor(builders: readonly ChosenBuilder[], text: string, surroundings: Surroundings): Choice {
  const notes: string[] = []
  let first: StepError | undefined
  for (const builder of builders) {
    const { name, capabilities } = builder.definition
    const judgement = judge(text, surroundings, capabilities)
    // What may still turn out otherwise is left to the next one, if there is one.
    const unsure = builder === builders.at(-1) ? undefined : judgement.unsure[0]
    const refusal = judgement.refused[0] ?? unsure
    if (refusal === undefined) {
      if (notes.length > 0) notes.push(`So ${name} builds it`)
      const rewritten = changed(judgement, text, name)
      return { builder, rewritten, notes: [...notes, ...rewritingNotes(judgement, name)] }
    }
    notes.push(`${name} does not build line ${refusal.line} of the Dockerfile as docker does: ${refusal.what}`)
    first ??= notSupported(name, refusal)
  }
  throw first ?? new StepError('internal', 'There is no builder')
}

/** Not what stands in a heredoc. */
const INSTRUCTION = /^(?:ADD|ARG|CMD|COPY|ENTRYPOINT|EXPOSE|FROM|LABEL|RUN|VOLUME) /

function changed({ rewritten, text }: Judgement, original: string, name: string): RewrittenDockerfile | undefined {
  if (text === original) return undefined
  const words = rewritten.flatMap((finding) => {
    const { line, what, edits = [], check } = finding
    const written = `${what} (line ${line})`
    const given = edits.flatMap(({ lines }) => lines.filter((each) => INSTRUCTION.test(each)))
    return given.map((each) => ({
      given: each,
      written: each === check ? REFUSAL + refusalOf(name, finding) : written
    }))
  })
  return { text, words: words.filter(({ given }) => text.includes(given)) }
}

/** A builder's log with the author's words in place of those that it was given. */
export const inAuthorsWords = (log: string, rewritten: RewrittenDockerfile | undefined): string =>
  (rewritten?.words ?? []).reduce(
    (text, { given, written }) => text.replaceAll(`] ${given}`, () => `] ${written}`),
    log
  )

const rewritingNotes = ({ rewritten }: Judgement, name: string): readonly string[] => [
  ...new Set(
    rewritten.map(
      ({ line, what }) => `Line ${line} of the Dockerfile, ${what}: given to ${name} in other words that mean the same`
    )
  )
]

const notSupported = (name: string, finding: Finding) => new StepError('not-supported', refusalOf(name, finding))

const refusalOf = (name: string, { construct, line, what }: Finding): string =>
  `Dockerfile, line ${line}: ${name} does not build '${what}' as docker does; ${CONSTRUCTS[construct]}, or let ${name === 'kaniko' ? 'BuildKit' : 'Kaniko'} build (ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER)`

/** Part of a build's hash: what builds, and what it was given in place of the author's file. */
export function buildIdentity(builder: ChosenBuilder, rewritten: RewrittenDockerfile | undefined): string {
  const own = identityOf(builder)
  return rewritten === undefined ? own : `${own} ${createHash('sha256').update(rewritten.text).digest('hex')}`
}
