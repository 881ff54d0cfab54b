/**
 * What builders do not agree on in who does something, and to whom a directory belongs, for the judge. Which group a user has, only the
 * image knows: where a builder takes another one, it is written out, and a check in front of it ends the build where that is wrong.
 */
import { posix } from 'node:path'
import { before, type Edit, type Finder, type Finding, finding, shown } from './constructs.ts'
import type { Dockerfile, Instruction } from './parse.ts'
import { chainOf, expand, type LookUp, type Stage, stageNamed, walk } from './stages.ts'
import { flagOf, listOf } from './words.ts'

/** USER by number without a group, and then RUN: docker's group is 0 where no user has the number. */
export const numericUsers: Finder = ({ stages, dockerfile }) =>
  stages.used.flatMap((stage) => {
    const found: User[] = []
    let user: User | undefined
    let making = ''
    walk(stages, dockerfile, stage, (instruction, lookUp, own) => {
      const { name } = instruction
      if (name === 'USER') {
        const number = numberOf(instruction, lookUp, dockerfile)
        const isMade = number === undefined || new RegExp(`\\b${number}\\b`).test(making)
        user = isMade ? undefined : { instruction, number, acts: [] }
      }
      if (name === 'RUN' && MAKING.test(commandOf(instruction))) making += ` ${commandOf(instruction)}`
      if (user === undefined || own !== stage || (name !== 'RUN' && name !== 'WORKDIR')) return
      if (name === 'RUN' && !found.includes(user)) found.push(user)
      user.acts.push(instruction)
    })
    return found.map((each): Finding => {
      const { number, instruction, acts } = each
      const what = `USER ${number} with RUN in line ${acts.find(({ name }) => name === 'RUN')?.line}`
      const edits = withGroup(dockerfile, stage, each)
      return { construct: 'user-number', line: instruction.line, what, edits, check: noUserHas(number) }
    })
  })

/** COPY for a user without a group: docker's is the user's own, which mostly has the user's number. */
export const usersAlone: Finder = ({ stages, dockerfile }) =>
  stages.used.flatMap((stage) => {
    const found: Finding[] = []
    // By lines that have looked at the users that there are now.
    let checked = new Set<string>()
    walk(stages, dockerfile, stage, (instruction, lookUp, own) => {
      const copy = own === stage ? instruction : own === stage.base ? instruction.trigger : undefined
      if (copy === undefined) return
      if (copy.name === 'RUN') checked = CHECKED.test(copy.rest) ? checked.add(`RUN ${copy.rest}`) : new Set()
      if (!isCopy(copy)) return
      const written = flagOf(copy, 'chown') ?? ''
      const owner = expand(written, lookUp, dockerfile)
      const check = groupIsOwn(owner ?? '')
      if (isAlone(owner ?? written) && !checked.has(check)) {
        const canCheck = PLAIN_NAME.test(owner ?? '') && copy === instruction && chainOf(stage)[0]?.image !== 'scratch'
        const edits = canCheck ? [before(copy, check)] : undefined
        found.push({
          construct: 'copy-user',
          line: copy.line,
          what: shown(`${copy.name} --chown=${written}`),
          edits,
          check
        })
        checked.add(check)
      }
      if (mayChangeUsers(copy)) checked = new Set()
    })
    return found
  })

/** A name, or what no text says. */
const isAlone = (owner: string): boolean => /^(?!root$)[^:]*[^:\d][^:]*$/.test(owner)
const PLAIN_NAME = /^[a-z_][\w.-]*$/i

interface User {
  readonly instruction: Instruction
  readonly number: string
  /** What is done as this user in the stage that is looked at. */
  readonly acts: Instruction[]
}

const MAKING = /useradd|adduser|passwd/

const commandOf = ({ rest, heredocs }: Instruction): string =>
  [rest, ...heredocs.map(({ content }) => content)].join(' ')

function numberOf(instruction: Instruction, lookUp: LookUp, dockerfile: Dockerfile): string | undefined {
  const number = expand(instruction.rest, lookUp, dockerfile)
  return number !== undefined && /^\d+$/.test(number) && Number(number) !== 0 ? number : undefined
}

/** Group 0 for RUN only: WORKDIR makes directories of the group with the user's number, and the image has the USER of its author. */
function withGroup(
  dockerfile: Dockerfile,
  stage: Stage,
  { number, instruction, acts }: User
): readonly Edit[] | undefined {
  const last = acts.at(-1)
  if (last === undefined || dockerfile.isOpen) return undefined
  const between = stage.instructions.filter(({ line }) => line > instruction.line && line < last.line)
  if (between.some(mayChangeUsers)) return undefined
  const [alone, grouped] = [`USER ${number}`, `USER ${number}:0`]
  let given = alone
  const edits = acts.flatMap((act): readonly Edit[] => {
    const wanted = act.name === 'RUN' ? grouped : alone
    if (wanted === given) return []
    const isFirst = !acts.slice(0, acts.indexOf(act)).some(({ name }) => name === 'RUN')
    given = wanted
    return [before(act, wanted, ...(wanted === grouped && isFirst ? [noUserHas(number)] : []))]
  })
  const next = stage.instructions.find(({ name, line }) => name === 'USER' && line > last.line)
  return next === undefined && given === grouped ? [after(dockerfile, last, alone), ...edits] : edits
}

const mayChangeUsers = (instruction: Instruction): boolean =>
  isCopy(instruction) && /^\/?$|etc|\$/.test(listOf(instruction).at(-1) ?? '')

const isCopy = ({ name }: Instruction): boolean => name === 'COPY' || name === 'ADD'

function after({ lines }: Dockerfile, { endLine }: Instruction, added: string): Edit {
  const text = (lines[endLine - 1] ?? '').replace(/\r?\n$/, '')
  return { line: endLine, endLine, lines: [text, added] }
}

/** Where RUN works there is most often this shell; without it the build ends as well. */
const runChecked = (script: string): string => `RUN ${JSON.stringify(['/bin/sh', '-c', script])}`
const EACH_USER = 'while IFS=: read -r n p u g r || [ -n "$n" ]; do'

const noUserHas = (number: string): string =>
  runChecked(
    `[ -e /etc/passwd ] || exit 0; ${EACH_USER} [ "$u" != ${number} ] || [ "$g" = 0 ] || exit 1; done < /etc/passwd`
  )

const groupIsOwn = (user: string): string =>
  runChecked(`${EACH_USER} [ "$n" != ${user} ] || [ "$u" != "$g" ] || exit 0; done < /etc/passwd; exit 1`)
/** What such a line looks like to who reads it again. */
const CHECKED = /^\["\/bin\/sh","-c","while IFS=: read -r n p u g r/

/** Directories that the file gives to somebody, and that are copied, or copied onto, as a whole: docker leaves them to whom they belong. */
export const ownedDirectories: Finder = ({ stages, dockerfile, context }) => {
  const given = new Map<Stage | undefined, Owned>()
  return stages.used.flatMap((stage) => {
    const found: Finding[] = []
    const own = new Owned()
    given.set(stage, own)
    walk(stages, dockerfile, stage, (instruction, lookUp, of) => {
      const read = (word: string) => expand(word, lookUp, dockerfile) ?? word
      own.take(instruction, read)
      if (of !== stage || !isCopy(instruction) || flagOf(instruction, 'chown') !== undefined) return
      const words = listOf(instruction).map(read)
      const [sources, to = ''] = [words.slice(0, -1), words.at(-1)]
      const from = flagOf(instruction, 'from')
      const other = from === undefined ? undefined : given.get(stageNamed(stages.all, from))
      const isLost =
        from === undefined
          ? own.has(to) && sources.map(inContext).some((source) => source === '' || context.isDirectory(source))
          : sources.some((source) => other?.hasDirectory(posix.join('/', source)))
      if (!isLost) return
      found.push(finding('copy-owned', { ...instruction, rest: [...instruction.flags, instruction.rest].join(' ') }))
    })
    return found
  })
}

const inContext = (source: string): string => posix.join('/', source).slice(1).replace(/\/$/, '')

/** What the instructions of a stage give to others than root, as far as their text says it. */
class Owned {
  private directory = '/'
  private isRoot = true
  private readonly paths = new Set<string>()
  private readonly trees = new Set<string>()
  private readonly made = new Set<string>()

  take(instruction: Instruction, read: (word: string) => string): void {
    const { name, rest } = instruction
    if (name === 'USER') this.isRoot = /^(?:root|0)(?::|$)/.test(read(rest))
    if (name === 'WORKDIR') {
      this.directory = this.at(read(rest))
      this.made.add(this.directory)
      if (!this.isRoot) this.paths.add(this.directory)
    }
    if (name !== 'RUN') return
    for (const [, program, written = ''] of commandOf(instruction).matchAll(/\b(chown|mkdir)\s+([^&|;\n]+)/g)) {
      const words = written.split(/["'\s\],]+/).filter((word) => word !== '')
      const others = words.filter((word) => !word.startsWith('-'))
      const owner = program === 'chown' ? others.shift() : undefined
      if (owner !== undefined && /^(?:root|0)?(?::|$)/.test(owner)) continue
      const isTree = words.some((word) => /^-[^-]*R|^--recursive/.test(word))
      const paths = owner === undefined ? this.made : isTree ? this.trees : this.paths
      for (const path of others) paths.add(this.at(read(path)))
    }
  }

  /** What may be a file, a COPY keeps. */
  hasDirectory(path: string): boolean {
    return this.trees.has(this.at(path)) || (this.made.has(this.at(path)) && this.has(path))
  }

  has(path: string): boolean {
    const at = `${this.at(path)}/`
    return this.paths.has(this.at(path)) || [...this.trees].some((tree) => at.startsWith(`${tree}/`))
  }

  private at(path: string): string {
    return posix.resolve(this.directory, path)
  }
}
