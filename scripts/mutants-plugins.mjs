// Stryker's plugins for `npm run mutants`. It knows no samples, but asks checkers which mutants are worth a try: one here lets only the
// chosen ones pass. A reporter writes down every mutant that nobody noticed as soon as it is known, since a run takes long.
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'

/** What one mutant is, whatever number it has in a run. */
export const keyOf = ({ fileName, location: { start, end }, mutatorName, replacement }) =>
  [fileName, start.line, start.column, end.line, end.column, mutatorName, replacement].join(':')

/** The status of those that are not in the sample; nothing is compiled here, so nothing else has it. */
export const NOT_CHOSEN = 'CompileError'

function createSampleChecker(options) {
  const chosen = new Set(options.mutants.chosen)
  const statusOf = (mutant) =>
    chosen.has(keyOf(mutant)) ? { status: 'passed' } : { status: 'compileError', reason: 'not in the sample' }
  return {
    init: async () => {},
    group: async (mutants) => [mutants.map(({ id }) => id)],
    check: async (mutants) => Object.fromEntries(mutants.map((mutant) => [mutant.id, statusOf(mutant)]))
  }
}
createSampleChecker.inject = ['options']

function createSurvivorReporter(options) {
  const file = options.mutants.survivors
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, '')
  // Now, since somebody may change them while the run goes on.
  const sources = new Map(options.mutate.map((path) => [resolve(path), readFileSync(path, 'utf8').split('\n')]))
  return {
    onMutantTested(result) {
      if (isSurvivor(result)) appendFileSync(file, `${describe(result, sources.get(resolve(result.fileName)))}\n`)
    }
  }
}
createSurvivorReporter.inject = ['options']

export const isSurvivor = ({ status }) => status === 'Survived' || status === 'NoCoverage'

/** Where it is, what stood there and what stands there now. */
function describe({ fileName, location: { start, end }, mutatorName, replacement, status }, lines) {
  const was = lines.slice(start.line - 1, end.line)
  const now = `${was[0].slice(0, start.column - 1)}${replacement}${was.at(-1).slice(end.column - 1)}`
  const marked = (mark, text) => text.split('\n').map((line) => `${mark} ${line}`)
  const where = `${relative(process.cwd(), fileName)}:${start.line}:${start.column}`
  return [`${status} ${mutatorName} ${where}`, ...marked('-', was.join('\n')), ...marked('+', now), ''].join('\n')
}

export const strykerPlugins = [
  { kind: 'Checker', name: 'sample', factory: createSampleChecker },
  { kind: 'Reporter', name: 'survivors', factory: createSurvivorReporter }
]

export const strykerValidationSchema = { type: 'object', properties: { mutants: { type: 'object' } } }
