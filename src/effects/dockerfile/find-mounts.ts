/** Mounts of RUN, for the judge: those with a place relative to the WORKDIR, and those that are not to be written to. */
import { type Finder, type Finding, finding, hasFlag, inOneLine, replaced } from './constructs.ts'
import { Places } from './places.ts'
import { expand, walk } from './stages.ts'

const TARGET = /(^|[=,])(target|dst|destination)=([^,]+)/

export const relativeMounts: Finder = ({ stages, dockerfile }) =>
  // Most files have none.
  (hasFlag(dockerfile, '--mount=') ? stages.used : []).flatMap((stage) => {
    const found: Finding[] = []
    const places = new Places()
    walk(stages, dockerfile, stage, (instruction, lookUp, of) => {
      const read = (word: string) => expand(word, lookUp, dockerfile)
      places.take(instruction, (word) => read(word) ?? word)
      if (instruction.name !== 'RUN' || of !== stage) return
      const isKnown = places.isKnown && /^[\w./@+-]+$/.test(places.directory)
      const flags = instruction.flags.map((flag) => {
        const [, start = '', name = '', written = ''] = (flag.startsWith('--mount=') && TARGET.exec(flag)) || []
        const target = read(written)
        // What nobody knows is mostly a whole path.
        if (target === undefined || written === '' || target.startsWith('/')) return flag
        return flag.replace(TARGET, () => `${start}${name}=${places.at(target)}`)
      })
      if (flags.every((flag, at) => flag === instruction.flags[at])) return
      const line =
        isKnown && instruction.heredocs.length === 0 ? inOneLine(instruction, instruction.rest, flags) : undefined
      const whole = { ...instruction, rest: instruction.flags.join(' ') }
      found.push(finding('run-mount-relative', whole, replaced(instruction, line)))
    })
    return found
  })

/** Whether a program writes into one, no text says: docker ends the build then. */
export const readOnlyMounts: Finder = ({ stages, dockerfile }) =>
  (hasFlag(dockerfile, '--mount=') ? stages.used : []).flatMap(({ instructions }) =>
    instructions.flatMap((run): readonly Finding[] => {
      const isBind = (flag: string) =>
        /^--mount=/.test(flag) && !/[=,]type=(?!bind)|[=,](?:rw|readwrite)(?:=true)?(?:,|$)/.test(flag)
      return run.name === 'RUN' && run.flags.some(isBind) ? [finding('run-mount-writes', run)] : []
    })
  )
