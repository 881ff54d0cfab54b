/** What builders do not agree on in the file as a whole and in FROM, for the judge. */

import { EXPANDED, withBackslashes } from './backslashes.ts'
import { type Edit, type Finder, type Finding, finding, inOneLine, inPlaceOf, replaced, shown } from './constructs.ts'
import type { Instruction } from './parse.ts'
import { expand, type Stage, stagesOf } from './stages.ts'
import { flagOf, pairsOf } from './words.ts'

const BLANKS = /[\t\v\f\r ]+/
const DOCKERS_OWN = /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?:[:@]|$)/

export const frontends: Finder = ({ dockerfile: { syntax, lines } }) => {
  const image = syntax?.split(/\s/)[0] ?? ''
  if (syntax === undefined || DOCKERS_OWN.test(image)) return []
  const line = lines.findIndex((each) => /^\s*#\s*syntax\s*=/i.test(each)) + 1
  return [{ construct: 'other-frontend', line, what: shown(`# syntax=${image}`) }]
}

/** Names that a later stage has as well: COPY --from means the last of them, FROM the last before it. */
/** Warnings that end the build. */
export const strictChecks: Finder = ({ dockerfile: { lines } }) => {
  const first = lines.findIndex((line) => !/^\s*#\s*[a-z]+\s*=/i.test(line))
  const directives = first < 0 ? lines : lines.slice(0, first)
  return directives.flatMap((line, at): readonly Finding[] =>
    /^\s*#\s*check\s*=(?!.*\bskip=all\b).*\berror=true/i.test(line)
      ? [{ construct: 'check-error', line: at + 1, what: shown(line.trim()) }]
      : []
  )
}

export const stageNames: Finder = ({ stages: { all } }) => {
  const isTaken = ({ name, index }: Stage) => name !== '' && all.findLastIndex((other) => other.name === name) !== index
  const renamed = new Map(all.filter(isTaken).map((stage) => [stage, `slipway-stage-${stage.index}`]))
  if (renamed.size === 0) return []
  const isFree = all.every(({ name }) => ![...renamed.values()].includes(name))
  const edits = all.flatMap((stage): readonly (Edit | undefined)[] => {
    const [name, base] = [renamed.get(stage), stage.base && renamed.get(stage.base)]
    if (name === undefined && base === undefined) return []
    const [image, ...as] = stage.from.rest.split(BLANKS)
    const line = inOneLine(stage.from, [base ?? image, ...(name === undefined ? as : ['AS', name])].join(' '))
    return [line === undefined ? undefined : inPlaceOf(stage.from, line)]
  })
  const known = edits.filter((edit) => edit !== undefined)
  const isPossible = isFree && known.length === edits.length
  return [...renamed.keys()].map(({ from }, at) =>
    finding('stage-name-twice', from, isPossible ? (at === 0 ? known : []) : undefined)
  )
}

/** Another escape, where one of both stands in what is expanded: Kaniko knows it at the ends of lines only. */
export const otherEscapes: Finder = ({ dockerfile }) => {
  const { escapeToken, instructions } = dockerfile
  if (escapeToken === '\\') return []
  const read = instructions.filter(({ name, rest, heredocs }) => {
    const expanded = [rest, ...heredocs.flatMap(({ expands, content }) => (expands ? content : ''))].join('')
    return EXPANDED.has(name) && /[\\`]/.test(expanded)
  })
  const edits = withBackslashes(dockerfile)
  return read.map(({ name, line, rest }, at) => ({
    construct: 'escape-directive',
    line,
    what: shown(`# escape=\` and ${name} ${rest}`),
    edits: edits && at > 0 ? [] : edits
  }))
}

export const platforms: Finder = ({ dockerfile, stages, platform: { os, architecture } }) =>
  stages.used.flatMap(({ from }): readonly Finding[] => {
    const written = flagOf(from, 'platform')
    if (written === undefined) return []
    const wanted = expand(written, (name) => stages.globals.get(name), dockerfile)
    if ([os, architecture, `${os}/${architecture}`, `${os}/${architecture}/v8`].includes(wanted?.toLowerCase() ?? ''))
      return []
    return [
      {
        construct: 'from-platform',
        line: from.line,
        what: shown(`FROM --platform=${written} on ${os}/${architecture}`)
      }
    ]
  })

/** What stays one word, whoever reads it. */
const PLAIN = /^[\w./:@+-]*$/

/** Arguments that docker predefines, where they decide an image or another argument in front of the first FROM. */
export const platformArguments: Finder = ({ dockerfile, stages }) => {
  const without = stagesOf(dockerfile, new Map())
  const args = stages.global.flatMap((arg): readonly Finding[] => {
    const values = pairsOf(arg, dockerfile.escapeToken).map(([name, value]) => {
      const known = stages.globals.get(name)
      return { name, value, known, differs: value !== undefined && known !== without.globals.get(name) }
    })
    if (!values.some(({ differs }) => differs)) return []
    const isPlain = values.every(
      ({ value, known }) => value === undefined || (known !== undefined && PLAIN.test(known))
    )
    const words = values.map(({ name, value, known }) => (value === undefined ? name : `${name}=${known}`))
    return [platformFinding(arg, isPlain ? words.join(' ') : undefined)]
  })
  const images = stages.used.flatMap(({ from, image, index }): readonly Finding[] => {
    if (image === without.all[index]?.image) return []
    const words = [image, ...from.rest.split(BLANKS).slice(1)].join(' ')
    return [platformFinding(from, image !== undefined && PLAIN.test(image) ? words : undefined)]
  })
  return [...args, ...images]
}

const platformFinding = (instruction: Instruction, rest: string | undefined): Finding =>
  finding(
    'platform-arguments',
    instruction,
    rest === undefined ? undefined : replaced(instruction, inOneLine(instruction, rest))
  )
