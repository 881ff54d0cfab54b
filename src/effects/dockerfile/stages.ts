/** The stages of a Dockerfile that its image needs, and what variables hold in them, for what is decided before the build. */
import { StepError } from '../../errors.ts'
import { expandWord, Unknown } from './lexer.ts'
import type { Dockerfile, Instruction } from './parse.ts'
import { flagOf, pairsOf } from './words.ts'

export interface Stage {
  readonly index: number
  /** In small letters; empty for one without a name. */
  readonly name: string
  readonly from: Instruction
  readonly instructions: readonly Instruction[]
  /** The stage it begins with; undefined where that is an image. */
  readonly base: Stage | undefined
  /** The image as FROM names it, without variables; undefined where one is not known. */
  readonly image: string | undefined
}

/** Of the image, and of the machine that builds: the same. */
export interface Platform {
  readonly os: string
  readonly architecture: string
}

type Variables = ReadonlyMap<string, string | undefined>

export interface Stages {
  /** ARGs in front of the first FROM. */
  readonly global: readonly Instruction[]
  readonly globals: Variables
  /** In their order, without those that the last one does not need. */
  readonly used: readonly Stage[]
  readonly all: readonly Stage[]
}

/** Ten times what anybody writes. */
const STAGES_MAX = 300
const tooMany = () => new StepError('invalid-input', `The Dockerfile has more than ${STAGES_MAX} stages`)

/** Values as docker predefines them. */
export function platformVariables({ os, architecture }: Platform): Map<string, string | undefined> {
  const platform = `${os}/${architecture}`
  const values = { PLATFORM: platform, OS: os, ARCH: architecture, VARIANT: '', OSVERSION: '' }
  return new Map(
    Object.entries(values).flatMap(([name, value]) => [
      [`BUILD${name}`, value],
      [`TARGET${name}`, value]
    ])
  )
}

/** The word without its variables; undefined where one is not known. */
export function expand(
  word: string,
  lookUp: (name: string) => string | undefined,
  { escapeToken }: Pick<Dockerfile, 'escapeToken'>
): string | undefined {
  try {
    return expandWord(word, { escapeToken, lookUp })
  } catch (error) {
    if (error instanceof Unknown) return undefined
    throw error
  }
}

export function stagesOf(dockerfile: Dockerfile, predefined: Variables): Stages {
  const { instructions } = dockerfile
  const first = instructions.findIndex(({ name }) => name === 'FROM')
  const global = first < 0 ? instructions : instructions.slice(0, first)
  const globals = new Map(predefined)
  for (const arg of global) {
    for (const [name, value] of pairsOf(arg, dockerfile.escapeToken)) {
      if (value !== undefined)
        globals.set(
          name,
          expand(value, (other) => globals.get(other), dockerfile)
        )
      else if (!globals.has(name)) globals.set(name, undefined)
    }
  }
  const all: Stage[] = []
  const named = new Map<string, Stage>()
  const starts = instructions.flatMap(({ name }, at) => (name === 'FROM' ? [at] : []))
  if (starts.length > STAGES_MAX) throw tooMany()
  for (const [index, at] of starts.entries()) {
    const from = instructions[at] as Instruction
    const [written = '', , as = ''] = from.rest.split(/[\t\v\f\r ]+/)
    const image = expand(written, (name) => globals.get(name), dockerfile)
    const own = instructions.slice(at + 1, starts[index + 1])
    const base = named.get(image?.toLowerCase() ?? '')
    const stage = { index, name: as.toLowerCase(), from, instructions: own, base, image }
    all.push(stage)
    if (as !== '') named.set(stage.name, stage)
  }
  return { global, globals, all, used: usedOf(all) }
}

/** The stage that `--from` names, by name or number; of several the last. */
export const stageNamed = (stages: readonly Stage[], name: string): Stage | undefined =>
  stages.findLast((stage) => stage.name !== '' && stage.name === name.toLowerCase()) ??
  (/^\d+$/.test(name) ? stages[Number(name)] : undefined)

/** Names of stages in mounts are among its keys. */
function sourcesOf(instruction: Instruction): readonly string[] {
  const mounts = instruction.flags.filter((flag) => flag.startsWith('--mount='))
  return [flagOf(instruction, 'from') ?? '', ...mounts.flatMap((flag) => /[=,]from=([^,]*)/.exec(flag)?.[1] ?? '')]
}

function usedOf(all: readonly Stage[]): readonly Stage[] {
  const used = new Set<Stage>(all.slice(-1))
  for (const stage of used) {
    const named = stage.instructions.flatMap((instruction) => sourcesOf(instruction.trigger ?? instruction))
    // Nobody knows which one a variable names.
    if (named.some((name) => name.includes('$'))) return all
    for (const other of [stage.base, ...named.map((name) => stageNamed(all, name))]) {
      if (other !== undefined) used.add(other)
    }
  }
  return all.filter((stage) => used.has(stage))
}

export type LookUp = (name: string) => string | undefined

/** A stage and those it begins with, the first one foremost. */
export function chainOf(stage: Stage): readonly Stage[] {
  const chain: Stage[] = []
  for (let one: Stage | undefined = stage; one !== undefined; one = one.base) chain.unshift(one)
  return chain
}

/**
 * Calls `visit` for each instruction of a stage, and of those it begins with, with what variables hold there. What the file does not
 * say, an image may: looking it up throws `Unknown`.
 */
export function walk(
  { globals }: Stages,
  dockerfile: Dockerfile,
  stage: Stage,
  visit: (instruction: Instruction, lookUp: LookUp, own: Stage) => void
): void {
  const values = new Map<string, string | undefined>()
  const lookUp = (name: string): string | undefined => {
    const value = values.get(name)
    if (value === undefined) throw new Unknown(name)
    return value
  }
  for (const one of chainOf(stage)) {
    for (const instruction of one.instructions) {
      visit(instruction, lookUp, one)
      if (instruction.name !== 'ENV' && instruction.name !== 'ARG') continue
      const pairs = pairsOf(instruction, dockerfile.escapeToken)
      // All of one ENV see what was before it.
      const set = pairs.map(([name, value]) => [name, value && expand(value, lookUp, dockerfile)] as const)
      for (const [index, [name, value]] of set.entries()) {
        const isDeclared = pairs[index]?.[1] === undefined
        values.set(name, isDeclared ? (globals.get(name) ?? values.get(name)) : value)
      }
    }
  }
}
