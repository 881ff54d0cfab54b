/** What builders do not agree on in the file as a whole and in FROM, for the judge. */
import { type Finder, type Finding, finding, inOneLine, replaced, shown } from './constructs.ts'
import type { Instruction } from './parse.ts'
import { expand, stagesOf } from './stages.ts'
import { flagOf, pairsOf } from './words.ts'

const DOCKERS_OWN = /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?:[:@]|$)/

export const frontends: Finder = ({ dockerfile: { syntax, lines } }) => {
  const image = syntax?.split(/\s/)[0] ?? ''
  if (syntax === undefined || DOCKERS_OWN.test(image)) return []
  const line = lines.findIndex((each) => /^\s*#\s*syntax\s*=/i.test(each)) + 1
  return [{ construct: 'other-frontend', line, what: shown(`# syntax=${image}`) }]
}

export const stageNames: Finder = ({ stages }) => {
  const names = new Set<string>()
  return stages.all.flatMap(({ name, from }): readonly Finding[] => {
    const isTwice = name !== '' && names.has(name)
    names.add(name)
    return isTwice ? [finding('stage-name-twice', from)] : []
  })
}

const EXPANDED = ['ADD', 'ARG', 'COPY', 'ENV', 'EXPOSE', 'FROM', 'LABEL', 'STOPSIGNAL', 'USER', 'VOLUME', 'WORKDIR']

/** Another escape, where one of both stands in what is expanded: Kaniko knows it at the ends of lines only. */
export const otherEscapes: Finder = ({ dockerfile: { escapeToken, instructions } }) =>
  escapeToken === '\\'
    ? []
    : instructions.flatMap(({ name, line, rest, heredocs }): readonly Finding[] => {
        const expanded = [rest, ...heredocs.flatMap(({ expands, content }) => (expands ? content : ''))].join('')
        if (!EXPANDED.includes(name) || !/[\\`]/.test(expanded)) return []
        return [{ construct: 'escape-directive', line, what: shown(`# escape=\` and ${name} ${rest}`) }]
      })

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
    const words = [image, ...from.rest.split(/[\t\v\f\r ]+/).slice(1)].join(' ')
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
