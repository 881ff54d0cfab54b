/**
 * What builders do not agree on in who does something, for the judge. Which group a user has, only the
 * image knows: where a builder takes another one, it is written out, and a check in front of it ends the build where that is wrong.
 */
import { after, before, type Edit, type Finder, type Finding, runChecked, shown } from './constructs.ts'
import type { Dockerfile, Instruction } from './parse.ts'
import { chainOf, expand, type LookUp, type Stage, walk } from './stages.ts'
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

const EACH_USER = 'while IFS=: read -r n p u g r || [ -n "$n" ]; do'

const noUserHas = (number: string): string =>
  runChecked(
    `[ -e /etc/passwd ] || exit 0; ${EACH_USER} [ "$u" != ${number} ] || [ "$g" = 0 ] || exit 1; done < /etc/passwd`
  )

const groupIsOwn = (user: string): string =>
  runChecked(`${EACH_USER} [ "$n" != ${user} ] || [ "$u" != "$g" ] || exit 0; done < /etc/passwd; exit 1`)
/** What such a line looks like to who reads it again. */
const CHECKED = /^\["\/bin\/sh","-c","while IFS=: read -r n p u g r/
