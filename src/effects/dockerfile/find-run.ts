/** What builders do not agree on in RUN, for the judge. */
import {
  carriedOut,
  type Edit,
  type Finder,
  type Finding,
  finding,
  inOneLine,
  inPlaceOf,
  isTrigger,
  replaced,
  shown
} from './constructs.ts'
import { chomped, heredocOf } from './heredocs.ts'
import type { Instruction } from './parse.ts'
import { chainOf, type Stage } from './stages.ts'

/** BuildKit mounts a script there; whatever is below /dev is in no image. */
const SCRIPTS = '/dev/pipes'
const PLAIN_NAME = /^[\w.-]+$/

/** A heredoc that is the whole RUN, which BuildKit gives to the shell as its argument, or runs as a program of its own. */
export const runHeredocs: Finder = ({ stages }) =>
  stages.used.flatMap((stage) =>
    carriedOut(stage).flatMap((instruction): readonly Finding[] => {
      const { name, rest, json, heredocs } = instruction
      const [heredoc] = heredocs
      if (name !== 'RUN' || json !== undefined || heredoc === undefined || heredocOf(rest) === undefined) return []
      const body = chomped(heredoc)
      const isScript = body.startsWith('#!')
      const edit = isScript ? asFile(instruction, heredoc.name, body) : asArgument(stage, instruction, body)
      const edits = edit === undefined || isTrigger(stage, instruction) ? undefined : [edit]
      return [finding(isScript ? 'run-script' : 'run-heredoc', instruction, edits)]
    })
  )

/** A shell that is to be looked for is, in the exec form only, where the image has its programs. */
export const relativeShells: Finder = ({ stages }) =>
  stages.used.flatMap((stage) =>
    stage.instructions.flatMap((run): readonly Finding[] => {
      const shell = run.name === 'RUN' && run.json === undefined ? shellAt(stage, run) : undefined
      if (shell === undefined || shell[0]?.startsWith('/') || (run.heredocs.length > 0 && heredocOf(run.rest)))
        return []
      const line = run.heredocs.length > 0 ? undefined : inOneLine(run, JSON.stringify([...shell, run.rest]))
      return [finding('shell-relative', run, replaced(run, line))]
    })
  )

const linesOf = (body: string): readonly string[] => body.replace(/\n$/, '').split('\n')

/** A word that is no line of the text. */
function endFor(start: string, body: string): string {
  const lines = new Set(body.split(/\r?\n/))
  for (let number = 1; ; number += 1) {
    if (!lines.has(`${start}${number}`)) return `${start}${number}`
  }
}

function asFile(run: Instruction, name: string, body: string): Edit | undefined {
  const running = inOneLine(run, `${SCRIPTS}/${name}`)
  if (!PLAIN_NAME.test(name) || running === undefined) return undefined
  const end = endFor('END', body)
  return inPlaceOf(run, `COPY --chmod=755 <<"${end}" ${SCRIPTS}/${name}`, ...linesOf(body), end, running)
}

function asArgument(stage: Stage, run: Instruction, body: string): Edit | undefined {
  const shell = shellAt(stage, run)
  if (shell !== undefined) {
    const line = inOneLine(run, JSON.stringify([...shell, body]))
    return line === undefined ? undefined : inPlaceOf(run, line)
  }
  // The image may have a shell of its own, so the shell form stays: all that a shell gets more are two comments.
  const end = endFor('#', body)
  const line = inOneLine(run, `# <<${end}`)
  if (line === undefined || !endsByItself(body)) return undefined
  return inPlaceOf(run, line, ...linesOf(body), end)
}

/** The shell that the file names; undefined where it is the image's. */
function shellAt(stage: Stage, run: Instruction): readonly string[] | undefined {
  const before = chainOf(stage).flatMap((one) => one.instructions.filter(({ line }) => line < run.line))
  return before.filter(({ name }) => name === 'SHELL').at(-1)?.json
}

/** Whether a comment after it stays one: no line that goes on, and no heredoc of its own without its end. */
function endsByItself(body: string): boolean {
  const lines = new Set(linesOf(body).map((line) => line.replace(/^\t+/, '')))
  const names = [...body.matchAll(/<<-?[ \t]*\\?(["']?)([\w.-]+)\1/g)].map(([, , name = '']) => name)
  return !body.trimEnd().endsWith('\\') && names.every((name) => lines.has(name))
}

/** Options that change what a program in RUN sees; what docker does without them is the same with their default. */
export const runOptions: Finder = ({ stages }) =>
  stages.used.flatMap((stage) =>
    carriedOut(stage).flatMap(({ name, flags, line }) =>
      name === 'RUN' ? flags.flatMap((flag): readonly Finding[] => optionOf(flag, line)) : []
    )
  )

const DEFAULTS: Readonly<Record<string, string>> = { network: 'default', security: 'sandbox' }

function optionOf(flag: string, line: number): readonly Finding[] {
  const [, option = '', value = ''] = /^--(mount|network|security|device)(?:=([\s\S]*))?$/.exec(flag) ?? []
  if (option === '' || value === DEFAULTS[option] || (option === 'mount' && (isPlainMount(value) || isOfMemory(flag))))
    return []
  return [
    { construct: `run-${option as 'mount' | 'network' | 'security' | 'device'}`, line, what: shown(`RUN ${flag}`) }
  ]
}

/** A mount of memory: as a cache that nothing else has, and which is as empty in the pod of one build. */
export const memoryMounts: Finder = ({ stages }) =>
  stages.used.flatMap((stage) =>
    carriedOut(stage).flatMap((run): readonly Finding[] => {
      const mounts = run.name === 'RUN' ? run.flags.filter(isOfMemory) : []
      if (mounts.length === 0) return []
      const flags = run.flags.map((flag, at) => (isOfMemory(flag) ? asCache(flag, `slipway-${run.line}-${at}`) : flag))
      const line = run.heredocs.length === 0 && !isTrigger(stage, run) ? inOneLine(run, run.rest, flags) : undefined
      return [finding('run-tmpfs', { ...run, rest: mounts.join(' ') }, replaced(run, line))]
    })
  )

const isOfMemory = (flag: string): boolean => {
  const options = optionsOf(flag.replace(/^--mount=/, ''))
  return flag.startsWith('--mount=') && options.get('type') === 'tmpfs' && [...options.keys()].every(isOfTmpfs)
}
const isOfTmpfs = (key: string): boolean => ['type', 'target', 'dst', 'destination', 'size'].includes(key)

const asCache = (flag: string, id: string): string =>
  `${flag.replace(/\btype=tmpfs\b/i, 'type=cache').replace(/,size=[^,]*|\bsize=[^,]*,/i, '')},id=${id},mode=0777`

const optionsOf = (value: string): ReadonlyMap<string, string> =>
  new Map(
    value.split(',').map((pair): [string, string] => {
      const [key = '', ...rest] = pair.split('=')
      return [key.trim().toLowerCase(), rest.join('=')]
    })
  )

/** Of the context, a cache, or a secret or agent that nobody has to have: Kaniko does these as well. */
function isPlainMount(value: string): boolean {
  const options = optionsOf(value)
  const type = (options.get('type') ?? 'bind').toLowerCase()
  // A variable may be a path, and not what kind of a mount it is.
  if ([...options.keys()].some((key) => !/^[a-z-]+$/.test(key)) || type.includes('$') || options.has('from'))
    return false
  if (type === 'cache') return !['source', 'src', 'ro', 'readonly'].some((key) => options.has(key))
  if (type === 'ssh') return !options.has('required') || options.get('required') === 'false'
  return type === 'bind' || type === 'secret'
}
