/** ONBUILD of a stage written out where it is carried out, for the judge: docker carries it out there, in front of what a stage says. */
import type { Dockerfile, Instruction } from './parse.ts'
import type { Stages } from './stages.ts'

export interface Moved {
  readonly text: string
  /** Line of the author's for one of the text. */
  readonly lineOf: (line: number) => number
}

/** Undefined where nothing is to be moved, or a trigger would be read in another way. */
export function withTriggersMoved({ lines, escapeToken }: Dockerfile, { used }: Stages): Moved | undefined {
  const given = new Map<number, readonly Instruction[]>()
  const moved = new Set<Instruction>()
  for (const { base, from } of used) {
    const own = base?.instructions.filter(({ trigger }) => trigger !== undefined) ?? []
    if (own.length > 0) given.set(from.endLine, own)
    for (const each of own) moved.add(each)
  }
  if (moved.size === 0 || escapeToken !== '\\') return undefined
  const blank = new Set([...moved].flatMap(({ line, endLine }) => range(line, endLine)))
  const result: string[] = []
  const origins: number[] = []
  const add = (text: string, line: number) => {
    result.push(text.endsWith('\n') ? text : `${text}\n`)
    origins.push(line)
  }
  for (const [at, text] of lines.entries()) {
    const line = at + 1
    add(blank.has(line) ? '' : text, line)
    for (const onbuild of given.get(line) ?? []) {
      for (const each of range(onbuild.line, onbuild.endLine)) {
        const written = lines[each - 1] ?? ''
        add(each === onbuild.line ? withoutOnbuild(written) : written, each)
      }
    }
  }
  return { text: result.join(''), lineOf: (line) => origins[line - 1] ?? line }
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at)

const withoutOnbuild = (line: string): string => line.replace(/^\s*onbuild\s+/i, '')
