/** What builders do not agree on in what an image's configuration says, for the judge. */
import {
  carriedOut,
  type Edit,
  type Finder,
  type Finding,
  finderOf,
  finding,
  inOneLine,
  inPlaceOf,
  isTrigger,
  replaced
} from './constructs.ts'
import type { Dockerfile, Instruction } from './parse.ts'
import { chainOf, expand, type Stage, walk } from './stages.ts'
import { flagOf, listOf, pairsOf } from './words.ts'

/** CMD and ENTRYPOINT in small letters: what decides whether a base image's CMD stays compares their names. */
export const instructionCase = finderOf(['CMD', 'ENTRYPOINT'], (instruction, _read, { dockerfile: { lines } }) => {
  const { name, written, line } = instruction
  if (written === name) return []
  const first = (lines[line - 1] ?? '').replace(/\r?\n$/, '')
  const at = first.indexOf(written)
  const capitals = first.slice(0, at) + name + first.slice(at + written.length)
  const edits = at < 0 ? undefined : [{ line, endLine: line, lines: [capitals] }]
  return [finding('instruction-case', { ...instruction, name: written }, edits)]
})

/** CMD of a stage that a later one begins with, when that has an ENTRYPOINT: docker forgets it. */
export const forgottenCommands: Finder = ({ stages }) => {
  const [last] = stages.all.slice(-1)
  const chain = last === undefined ? [] : chainOf(last)
  const lastEntrypoint = chain.findLastIndex(({ instructions }) =>
    instructions.some(({ name }) => name === 'ENTRYPOINT')
  )
  return chain.slice(0, Math.max(0, lastEntrypoint)).flatMap(({ instructions }) =>
    instructions.flatMap((instruction): readonly Finding[] => {
      if (instruction.name !== 'CMD') return []
      return [finding('entrypoint-resets-cmd', instruction, [inPlaceOf(instruction)])]
    })
  )
}

const WRITING = ['ADD', 'COPY', 'RUN', 'WORKDIR']

/** VOLUME with something after it that may write: its place decides nothing but that, so it can go to the end. */
export const earlyVolumes: Finder = ({ stages, dockerfile }) => {
  const [last] = stages.all.slice(-1)
  if (last === undefined) return []
  const chain = new Set(chainOf(last))
  return stages.used.flatMap((stage) => {
    const found: { readonly volume: Instruction; readonly paths: readonly (string | undefined)[] }[] = []
    let isWritten = false
    walk(stages, dockerfile, stage, (instruction, lookUp, own) => {
      if (WRITING.includes(instruction.name) && found.length > 0) isWritten = true
      if (own !== stage || instruction.name !== 'VOLUME') return
      found.push({ volume: instruction, paths: listOf(instruction).map((path) => expand(path, lookUp, dockerfile)) })
    })
    if (!(isWritten || isWrittenLater(stage, chain))) return []
    return found.map(({ volume, paths }): Finding => {
      const edits = chain.has(stage) ? movedToEnd(dockerfile, volume, paths) : [inPlaceOf(volume)]
      return finding('volume-then-write', volume, edits)
    })
  })
}

/** In a stage that begins with this one. */
function isWrittenLater(stage: Stage, chain: ReadonlySet<Stage>): boolean {
  const later = chain.has(stage) ? [...chain].filter(({ index }) => index > stage.index) : []
  return later.some(({ instructions }) => instructions.some(({ name }) => WRITING.includes(name)))
}

function movedToEnd(
  { lines, isOpen }: Dockerfile,
  volume: Instruction,
  paths: readonly (string | undefined)[]
): readonly Edit[] | undefined {
  if (isOpen || paths.some((path) => path === undefined || /[$"'\\`]/.test(path))) return undefined
  const end = lines.length
  const last = (lines[end - 1] ?? '').replace(/\r?\n$/, '')
  const appended = { line: end, endLine: end, lines: [last, `VOLUME ${JSON.stringify(paths)}`] }
  // Where it stands in the last line, nothing is written after it.
  return [inPlaceOf(volume), appended]
}

/** EXPOSE as docker reads it: `[[ip:]port:]port[-port][/protocol]`. */
export const exposedRanges = finderOf(['EXPOSE'], (expose, read) => {
  const words = listOf(expose).map((word) => [word, read(word)] as const)
  const ports = words.map(([word, known]) => (known === undefined ? [word] : portsOf(known)))
  if (words.every(([, known], index) => known === undefined || isSame(known, ports[index]))) return []
  const isWhole = ports.every((each) => each !== undefined) && words.every(([, known]) => known !== undefined)
  const line = isWhole ? inOneLine(expose, ports.flat().join(' ')) : undefined
  return [finding('expose-range', expose, replaced(expose, line))]
})

const isSame = (written: string, ports: readonly string[] | undefined): boolean =>
  ports?.length === 1 && (ports[0] === written || ports[0] === `${written}/tcp`)

/** More than an image says of itself. */
const PORTS_MAX = 4_096

/** Each `port/protocol` that Kaniko and docker write down alike; undefined for others. */
function portsOf(word: string): readonly string[] | undefined {
  const [, first = '', , last = first, protocol = 'tcp'] =
    /^(?:[^/]*:)?(\d+)(-(\d+))?(?:\/(tcp|udp))?$/i.exec(word) ?? []
  const [from, to] = [Number(first), Number(last)]
  if (first === '' || to > 65_535 || from > to || to - from > PORTS_MAX) return undefined
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}/${protocol.toLowerCase()}`)
}

export const healthChecks = finderOf(['HEALTHCHECK'], (check) =>
  /^(?:0?s?)?$/.test(flagOf(check, 'start-interval') ?? '')
    ? []
    : [finding('healthcheck-start-interval', { ...check, rest: '--start-interval' })]
)

/** LABEL with what does not survive to be read twice: its values become words that are, when read once, those of the author. */
export const labelWords = finderOf(['LABEL'], (label, read, { dockerfile }) => {
  const pairs = pairsOf(label, dockerfile.escapeToken).map(([name, value = '']) => [read(name), value] as const)
  if (pairs.every(([name, value]) => isStable(name) && isStable(read(value)))) return []
  // What a name is after the first reading stays beside what it is after the second one.
  const isNamed = pairs.every(([name]) => isStable(name))
  const words = pairs.map(([name, value]) => `"${name}"="${value.replace(/[\\"$]/g, '\\$&')}"`)
  return [finding('label-words', label, replaced(label, isNamed ? inOneLine(label, words.join(' ')) : undefined))]
})

const isStable = (word = '$'): boolean => /^[^\\'"$]*$/.test(word)

/** What a stage begins with has left it: no edit reaches that. */
export const labelTriggers: Finder = ({ stages }) =>
  stages.used.flatMap((stage) =>
    carriedOut(stage).flatMap((label) =>
      label.name === 'LABEL' && isTrigger(stage, label) && /[\\'$]|[^=]"[^ ]/.test(label.rest)
        ? [finding('label-words', label)]
        : []
    )
  )

/** An absolute WORKDIR with `.`, `..` or slashes without a name in it, which docker keeps as it is written. */
export const workdirDots = finderOf(['WORKDIR'], (workdir, read) =>
  /^\/(?:.*\/)?\.{1,2}(?:\/|$)|^\/(?:.*\/)?\//.test(read(workdir.rest) ?? '') ? [finding('workdir-dots', workdir)] : []
)

/** USER with a colon inside of a variable, which is none between a user and a group. */
export const userModifiers = finderOf(['USER'], (user, read) => {
  if (!/\$\{[^}]*:/.test(user.rest)) return []
  const known = read(user.rest)
  const name = `slipway_user_${user.line}`
  const lines = known === undefined ? [`ARG ${name}=${user.rest}`, `USER $${name}`] : [`USER ${known}`]
  const isPlain = known === undefined ? !/[\s"'\\]/.test(user.rest) : /^[\w.:-]+$/.test(known)
  return [finding('user-modifier', user, isPlain ? [inPlaceOf(user, ...lines)] : undefined)]
})

/** The shell form of nothing. */
export const emptyCommands = finderOf(['CMD', 'ENTRYPOINT'], (command) =>
  command.rest === '' ? [finding('command-empty', command)] : []
)
