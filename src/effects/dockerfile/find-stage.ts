/**
 * What builders do not agree on in files that RUN leaves, for the judge: links, names of one file and pipes that another stage copies,
 * and a WORKDIR that is gone. Where the text says it, it is refused or put right; where it only may be, another builder is surer.
 */
import { posix } from 'node:path'
import { before, type Finder, type Finding, finding, hasFlag } from './constructs.ts'
import { meantBy, sourcesOf } from './find-copy.ts'
import { Places } from './places.ts'
import { chainOf, expand, type Stage, stageNamed, walk } from './stages.ts'
import { flagOf, listOf } from './words.ts'

export const stageFiles: Finder = ({ stages, dockerfile }) => {
  if (!hasFlag(dockerfile, '--from=')) return []
  const left = new Map<Stage, Places>()
  return stages.used.flatMap((stage) => {
    const found: Finding[] = []
    const places = new Places()
    left.set(stage, places)
    walk(stages, dockerfile, stage, (instruction, lookUp, of) => {
      const read = (word: string) => expand(word, lookUp, dockerfile) ?? word
      places.take(instruction, read)
      const from = of === stage ? stageNamed(stages.all, flagOf(instruction, 'from') ?? '') : undefined
      // Of a name that a later stage has as well, docker means that one, and refuses it.
      if (from !== undefined && from.index >= stage.index) found.push(finding('stage-later', instruction))
      const there = from && left.get(from)
      if (from === undefined || there === undefined || instruction.name !== 'COPY') return
      const whole = { ...instruction, rest: [...instruction.flags, instruction.rest].join(' ') }
      const sources = sourcesOf(instruction).map((source) => posix.join('/', read(source)))
      const isRun = chainOf(from).some(({ instructions }) => instructions.some(({ name }) => name === 'RUN'))
      if (sources.some((source) => there.isSoftLink(source))) found.push(finding('stage-link', whole))
      else if (sources.some((source) => there.hasHardLinks(source))) found.push(finding('stage-hard-links', whole))
      else if (sources.some((source) => there.hasPipe(source))) found.push(finding('stage-pipe', whole))
      else if (sources.some((source) => there.hasSpecial(source))) found.push(finding('stage-modes', whole))
      else if (isRun) found.push(finding('stage-files', whole))
    })
    return found
  })
}

const REMOVING = /\b(?:rm|rmdir|mv)\b/

/** Texts in a Dockerfile that are copied through a link, or have a path in the place of a name. */
export const heredocPlaces: Finder = ({ stages, dockerfile }) =>
  (dockerfile.instructions.some(({ name, heredocs }) => name !== 'RUN' && heredocs.length > 0)
    ? stages.used
    : []
  ).flatMap((stage) => {
    const found: Finding[] = []
    const places = new Places()
    walk(stages, dockerfile, stage, (instruction, lookUp, of) => {
      const read = (word: string) => expand(word, lookUp, dockerfile) ?? word
      places.take(instruction, read)
      const { name, heredocs } = instruction
      if (of !== stage || name === 'RUN' || heredocs.length === 0) return
      if (heredocs.some((heredoc) => heredoc.name.includes('/'))) found.push(finding('heredoc-name', instruction))
      if (places.isSoftLink(read(listOf(instruction).at(-1) ?? ''))) found.push(finding('heredoc-link', instruction))
    })
    return found
  })

/** Directories that are made where each gets the group of the one around it. */
export const setgidParents: Finder = ({ stages, dockerfile, context }) =>
  stages.used.flatMap((stage) => {
    const found: Finding[] = []
    const places = new Places()
    walk(stages, dockerfile, stage, (instruction, lookUp, of) => {
      const read = (word: string) => expand(word, lookUp, dockerfile) ?? word
      const { name, rest } = instruction
      const isCopy = (name === 'COPY' || name === 'ADD') && context.directories.size > 0
      const isTo = isCopy || (name === 'ADD' && context.archives.size > 0)
      const path = name === 'WORKDIR' ? read(rest) : isTo ? read(listOf(instruction).at(-1) ?? '') : '/'
      for (let up = posix.dirname(places.at(path)); of === stage && up !== '/'; up = posix.dirname(up)) {
        if (places.isSpecial(up) && !places.isDirectory(path)) found.push(finding('setgid-parent', instruction))
      }
      const sources = name === 'ADD' && of === stage ? sourcesOf(instruction) : []
      const meant = sources.flatMap((source) => meantBy(source, read, context))
      const isArchive = meant.some(({ to = '' }) => context.archives.has(to))
      if (isArchive && places.hasLinkBelow(path)) found.push(finding('add-over-link', instruction))
      places.take(instruction, read)
    })
    return found
  })

/** The WORKDIR once more: RUN makes it where it is gone. */
export const goneDirectories: Finder = ({ stages, dockerfile }) =>
  stages.used.flatMap((stage) => {
    const found: Finding[] = []
    const places = new Places()
    let isDoubtful = false
    walk(stages, dockerfile, stage, (instruction, lookUp, of) => {
      places.take(instruction, (word) => expand(word, lookUp, dockerfile) ?? word)
      const { name, rest, heredocs } = instruction
      if (name === 'WORKDIR') isDoubtful = false
      if (name !== 'RUN') return
      const text = [rest, ...heredocs.map(({ content }) => content)].join(' ')
      // Lines that look at something.
      if (text.includes('/dev/slipway-')) return
      if (isDoubtful && of === stage) {
        const again = /[\s$"'\\`]/.test(places.directory)
          ? undefined
          : [before(instruction, `WORKDIR ${places.directory}`)]
        found.push({
          construct: 'workdir-gone',
          line: instruction.line,
          what: `RUN in ${places.directory}`,
          edits: again
        })
        isDoubtful = false
      }
      const last = posix.basename(places.directory)
      const isNamed = last !== '' && text.includes(last)
      isDoubtful ||= REMOVING.test(text) && isNamed && places.isKnown && places.isRoot()
    })
    return found
  })
