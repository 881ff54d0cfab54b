/** The architecture and style rules of src as functions of source text, for the tidy test: each returns what breaks it. */
import { transformSync } from 'esbuild'
import { importsOf, isBelow, roomOf, type Source, targetOf } from './rooms.ts'

/** Offences of one file, in a few words each. */
type Rule = (source: Source) => readonly string[]

const MODULE_LINES_MAX = 250
const FUNCTION_LINES_MAX = 70

/**
 * What the modules below a folder may import of this project, as far as the floors of rooms.ts let them; longest match first.
 * Packages are free, but for machines.
 */
const ARROWS: readonly {
  readonly from: string
  readonly to: readonly string[]
  readonly never?: readonly string[]
  readonly packages?: readonly string[]
}[] = [
  { from: 'src/errors.ts', to: [], packages: [] },
  { from: 'src/machines/', to: ['src/machines/', 'src/errors.ts'], packages: ['xstate'] },
  // The two backends know nothing of each other.
  {
    from: 'src/effects/local/',
    to: ['src/effects/', 'src/machines/', 'src/errors.ts'],
    never: ['src/effects/kubernetes/']
  },
  { from: 'src/effects/', to: ['src/effects/', 'src/machines/', 'src/errors.ts'] },
  { from: 'src/visualizer/', to: ['src/visualizer/', 'src/machines/', 'src/errors.ts'] },
  { from: 'src/hooks/', to: ['src/hooks/', 'src/effects/', 'src/machines/', 'src/errors.ts'] },
  { from: 'src/cli/', to: ['src/'] }
]

const SYSTEM = 'src/effects/system.ts'
const CONFIG = 'src/hooks/settings/config.ts'
const CLI = 'src/cli/main.ts'

/** Globals that read what nobody has passed in, and the one module that may use them. */
const AMBIENT: Readonly<Record<string, string>> = {
  Date: SYSTEM,
  'Math.random': SYSTEM,
  'performance.now': SYSTEM,
  'process.hrtime': SYSTEM,
  'crypto.randomUUID': SYSTEM,
  'crypto.getRandomValues': SYSTEM,
  setTimeout: SYSTEM,
  setInterval: SYSTEM,
  setImmediate: SYSTEM,
  'process.env': CONFIG,
  // What is printed goes through a reporter, or through the writer of the command line.
  'process.stdout': CLI,
  'process.stderr': CLI,
  console: 'nobody'
}

const importArrows: Rule = (source) => {
  const arrow = ARROWS.find(({ from }) => source.path.startsWith(from))
  if (arrow === undefined || roomOf(source.path) === undefined) return ['is in no known folder']
  const startsWithOne = (text: string, prefixes: readonly string[]) =>
    prefixes.some((prefix) => text.startsWith(prefix))
  return importsOf(source).flatMap((specifier) => {
    const target = targetOf(source, specifier)
    const isAllowed =
      target === undefined
        ? arrow.packages === undefined || startsWithOne(specifier, arrow.packages)
        : startsWithOne(target, arrow.to) && !startsWithOne(target, arrow.never ?? []) && isBelow(target, source.path)
    return isAllowed ? [] : [`imports ${target ?? specifier}`]
  })
}

const MARK = 'ambient$'

/** esbuild's `define` replaces exactly the uses of a global: no property, local name, string or comment of that name. */
const injectedGlobals: Rule = ({ path, text }) => {
  const names = Object.keys(AMBIENT)
  const define = Object.fromEntries(names.map((name, at) => [name, `${MARK}${at}$`]))
  const { code } = transformSync(text, { loader: 'ts', define })
  return names
    .filter((name, at) => AMBIENT[name] !== path && code.includes(`${MARK}${at}$`))
    .map((name) => `uses ${name}`)
}

const injectedTimers: Rule = (source) => {
  if (source.path === SYSTEM) return []
  const timers = importsOf(source).filter((specifier) => /^(node:)?timers(\/promises)?$/.test(specifier))
  const chance = source.text.match(/^import\s*\{[^}]*\brandom\w*[^}]*\}\s*from '(node:)?crypto'/m) ?? []
  return [...timers.map((name) => `imports ${name}`), ...(chance.length > 0 ? ['imports randomness'] : [])]
}

/** Who may use the file system by paths: what is nobody's but the runner's or the administrator's. */
const FILES_BY_PATH = [
  'src/effects/work-tree/directory.ts',
  'src/effects/local/',
  'src/effects/log/trace-file.ts',
  'src/effects/kubernetes/api/access.ts',
  'src/effects/kubernetes/context/resolver-file.ts',
  'src/effects/kubernetes/template/read.ts',
  'src/cli/'
]

/** Whatever containers can write to is touched in one room; types do not touch anything. */
const workTreeRoom: Rule = (source) => {
  if (FILES_BY_PATH.some((path) => source.path.startsWith(path))) return []
  const used = source.text.matchAll(
    /^import\s+(?!type\b)[^'"]*'((?:node:)?fs(?:\/promises)?)'|import\(\s*'((?:node:)?fs(?:\/promises)?)'/gm
  )
  return [...used].map(([, declared, lazy]) => `imports ${declared ?? lazy}`)
}

/** Where the output of the workflow's own programs comes from; everything else is foreign to the log. */
const PROGRAMS = [
  'src/effects/kubernetes/container-step/run.ts',
  'src/effects/kubernetes/script/host.ts',
  'src/effects/local/buildah.ts',
  'src/effects/local/docker.ts'
]

const bytesAsTheyAre: Rule = ({ path, text }) =>
  /\breporter\.output\b/.test(text) && !PROGRAMS.includes(path) ? ['passes bytes on as they are'] : []

/** Every bound of a stage comes with the call: a run with other budgets, of the doctor for example, is bound by its own. */
const givenBudgets: Rule = ({ path, text }) => {
  const imported = [...text.matchAll(/^import\s*\{([^}]*)\}/gm)].flatMap(([, names = '']) => names.split(','))
  const tables = imported.map((name) => name.trim()).filter((name) => /^(?:\w+_)?BUDGETS?$/.test(name))
  return path.startsWith('src/effects/') ? tables.map((name) => `imports ${name}`) : []
}

const linesOf = (text: string) => text.trimEnd().split('\n')

const moduleSize: Rule = ({ text }) => {
  const { length } = linesOf(text)
  return length > MODULE_LINES_MAX ? [`has ${length} lines`] : []
}

/** By indentation, which the formatter guarantees: from a line that opens a function to the next `}` at its depth. */
const functionSize: Rule = ({ text }) => {
  const lines = linesOf(text)
  return lines.flatMap((line, start) => {
    const [, indent, name] =
      /^(\s*)(?:export )?(?:default )?(?:async )?function\*? (\w+)/.exec(line) ??
      /^(\s*)(?:export )?const (\w+) = (?:async )?\(.*=> \{$/.exec(line) ??
      []
    if (indent === undefined) return []
    const length = lines.slice(start).findIndex((other) => other.startsWith(`${indent}}`)) + 1
    return length > FUNCTION_LINES_MAX ? [`${name} has ${length} lines`] : []
  })
}

const LAYOUT = 'src/effects/work-tree/layout.ts'
/** What people read names some of the paths. */
const EXPLAINS = ['src/hooks/settings/settings.ts', 'src/cli/run.ts']
/** The runner's names for its directories, and for where containers see them; comments may have them. */
const RUNNERS_NAME =
  /\b_temp\b|\b_runner_(?:file_commands|hook_responses)\b|\b_github_(?:home|workflow)\b|\/__[we]\b|\/github\/(?:workspace|home|workflow|file_commands|runner_temp)\b/

const layoutInOneModule: Rule = ({ path, text }) => {
  if (path === LAYOUT || EXPLAINS.includes(path)) return []
  const [name] = RUNNERS_NAME.exec(transformSync(text, { loader: 'ts' }).code) ?? []
  return name === undefined ? [] : [`spells ${name}`]
}

const opensWithComment: Rule = ({ text }) =>
  /^(?:#!.*\n)?\/\*\*/.test(text) ? [] : ['does not open with a comment that says what it computes and for whom']

/** All rules, by what they ask for. */
export const RULES = {
  'imports follow the arrows': importArrows,
  'clock, randomness and environment are passed in': injectedGlobals,
  'timers and random bytes come from system.ts': injectedTimers,
  'files that containers can write to are touched in work-tree/': workTreeRoom,
  'effects are given their budgets': givenBudgets,
  'only output of the workflow is passed on as it is': bytesAsTheyAre,
  [`modules have at most ${MODULE_LINES_MAX} lines`]: moduleSize,
  [`functions have at most ${FUNCTION_LINES_MAX} lines`]: functionSize,
  "the names of the runner's directories stand in layout.ts": layoutInOneModule,
  'modules open with a comment': opensWithComment
} as const satisfies Record<string, Rule>

/** Every offence against one rule, as `path: offence`. */
export function offences(rule: Rule, sources: readonly Source[]): readonly string[] {
  return sources.flatMap((source) => rule(source).map((offence) => `${source.path}: ${offence}`))
}
