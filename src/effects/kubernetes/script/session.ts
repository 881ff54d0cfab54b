/** The text that one connection types into a shell of the job container, for the hosts of scripts: what to run, and how. */
import type { ScriptRequest } from '../../../machines/types.ts'
import { quote } from '../../shell-words.ts'
import { FILE_COMMANDS, JOB_WORK } from '../../work-tree/layout.ts'
import { BASES, SESSION, variables } from './program.ts'

export const JOB_FILE_COMMANDS = `${JOB_WORK}/${FILE_COMMANDS}`

/** A file of the runner's disk that the script needs in the job container. */
export interface CopiedFile {
  /** Absolute path in the container. */
  readonly path: string
  readonly content: Uint8Array
  /** Octal file mode creation mask that it is made with. */
  readonly umask: '000' | '022'
  /** The same for all steps: made where it is missing, if that is possible, and left there. */
  readonly stays?: boolean | undefined
}

/** What goes to and fro in copy mode; nothing does in volume mode. */
export interface Exchange {
  readonly copiedIn: readonly CopiedFile[]
  /** Absolute paths in the container of the actions that the step needs, each complete when there is `<path>.completed`. */
  readonly actions: readonly string[]
  /** Absolute path in the container, below which the runner's own files may be made. */
  readonly workspace: string
  /** Basenames, with wildcards and without regard to case, of the files that the runner needs on its own disk. */
  readonly patterns: readonly string[]
}

export interface Session {
  readonly request: ScriptRequest
  /** Begins every frame; the same for all connections of one script, and known to nobody else. */
  readonly nonce: string
  readonly exchange?: Exchange | undefined
  /** SKIP_BLOCK_BYTES of the log that were received before. */
  readonly skipBlocks: number
  /** The script is known to have been started: never start it. */
  readonly joinOnly: boolean
}

/** Every command ends with a newline; an incomplete line is none. */
export const COMMANDS = {
  copyOut: 'copy_out\n',
  finish: 'finish\n',
  send: (path: string): string => `send ${quote(path)}\n`
} as const

const defined = (name: string, lines: readonly string[]): string =>
  [`${name}() {`, ...(lines.length > 0 ? lines : [':']), '}', ''].join('\n')

/** Everything up to the point where the shell waits for commands. */
export function sessionText({ request, nonce, exchange, skipBlocks, joinOnly }: Session): string {
  const head = variables({
    nonce,
    id: request.id,
    bases: BASES,
    skip: String(skipBlocks),
    join: joinOnly ? 'yes' : ''
  })
  const prepare = [
    `(cd ${quote(request.workingDirectory)}) 2>/dev/null || failed directory`,
    ...(exchange === undefined ? [] : copyingIn(exchange)),
    `printf %s ${quote(runScript(request))} >"$run/script" || failed write "$run/script"`
  ]
  const functions = [
    defined('prepare', prepare),
    defined('list_changed', exchange === undefined ? [] : listing(exchange))
  ]
  return `${head}${SESSION}${functions.join('')}main\n`
}

/** Text is written by the shell itself, bytes by base64: a shell can hold everything but NUL. */
function copyingIn({ copiedIn: files, actions }: Exchange): string[] {
  const directories = [...new Set(files.map(({ path }) => path.slice(0, path.lastIndexOf('/'))))]
  return [
    ...actions.map((path) => `[ -e ${quote(`${path}.completed`)} ] || failed action ${quote(path)}`),
    `printf '%s\\nrm -f' ${quote(KEEP_TIME)} >"$run/forget"`,
    'umask 022',
    // One program for all: starting programs is what takes time here.
    ...(directories.length === 0
      ? []
      : [`mkdir -p ${directories.map(quote).join(' ')} || failed write ${directories.map(quote).join(' ')}`]),
    ...files.flatMap(({ path, content, umask, stays }) => {
      const make = (to: string) => `umask ${umask}; ${contentOf(content)} >${to}`
      // Renamed, because a step at the same time may look for it.
      if (stays) return `[ -e ${quote(path)} ] || { ${make('"$run/new"')} && mv "$run/new" ${quote(path)}; }`
      return [
        // What was there before this step stays there.
        `[ -e ${quote(path)} ] || printf ' %s' ${quote(quote(path))} >>"$run/forget"`,
        `${make(quote(path))} || failed write ${quote(path)}`
      ]
    }),
    'umask 077'
  ]
}

function contentOf(content: Uint8Array): string {
  const bytes = Buffer.from(content)
  const text = bytes.toString('utf8')
  const isText = !text.includes('\0') && Buffer.from(text).equals(bytes)
  return isText ? `printf %s ${quote(text)}` : `printf %s ${bytes.toString('base64')} | base64 -d`
}

/**
 * The file commands of this step, and no others: those of other steps can be in the container, too. Then
 * what changed since the last time; without `-cnewer`, or the first time, all there is. A copied file may have an old mtime.
 */
function listing({ copiedIn, workspace, patterns }: Exchange): string[] {
  const names = patterns.map((pattern) => `-iname ${quote(pattern)}`).join(' -o ')
  const commands = copiedIn.map(({ path }) => path).filter((path) => path.startsWith(`${JOB_FILE_COMMANDS}/`))
  return [
    ...(commands.length > 0 ? [`printf '%s\\n' ${commands.map(quote).join(' ')}`] : []),
    'set --',
    'last=$base/.slipway-copied-out',
    '[ ! -e "$last" ] || ! find "$last" -cnewer "$last" >/dev/null 2>&1 || set -- -cnewer "$last"',
    `find ${quote(workspace)} \\( -name .git -o -name node_modules \\) -prune -o -type l -print -o -type f \\( ${names} \\) "$@" -print 2>/dev/null | followed`
  ]
}

/** What follows on the step, however it ended, besides the removal of files. */
const KEEP_TIME = '[ ! -e "$run/copying-out" ] || mv "$run/copying-out" "$base/.slipway-copied-out"'

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/
/** What shells keep for themselves: assigning it fails, or has another effect than a plain value. */
const OF_SHELLS =
  /^(_|BASH.*|DIRSTACK|E?UID|ENV|EPOCH.*|FUNCNAME|GROUPS|HISTCMD|IFS|LINENO|OLDPWD|OPT(ARG|ERR|IND)|PIPESTATUS|PPID|PS\d|PWD|S?RANDOM|SECONDS|SHELLOPTS|SHLVL)$/

/**
 * The program that becomes the script: it says which session it is, removes itself, and hands over. No value is expanded, and
 * none stands in an argument vector, except for those whose name no shell can export.
 */
export function runScript({ entryPoint, args, env, prependPath, workingDirectory }: ScriptRequest): string {
  const { PATH, ...others } = env
  const names = Object.keys(others)
  const isExported = (name: string) => IDENTIFIER.test(name) && !OF_SHELLS.test(name)
  const assigned = names.filter((name) => !isExported(name)).map((name) => quote(`${name}=${env[name]}`))
  const command = [entryPoint, ...args].map(quote).join(' ')
  return [
    'read -r stat <"/proc/$$/stat"',
    'run=$1 mask=$2',
    'set -- ${stat##*) }',
    'echo "$4" >"$run/session" || exit 125',
    'rm -f "$run/script"',
    'umask "$mask"',
    `cd ${quote(workingDirectory)} || exit 125`,
    'unset OLDPWD',
    ...(assigned.length > 0 ? ['env=$(command -v env)'] : []),
    ...names.filter(isExported).map((name) => `export ${name}=${quote(env[name] ?? '')}`),
    ...(PATH === undefined ? [] : [`export PATH=${quote(PATH)}`]),
    ...(prependPath.length > 0 ? [`export PATH=${quote(prependPath.join(':'))}"\${PATH:+:$PATH}"`] : []),
    assigned.length > 0 ? `exec "$env" ${assigned.join(' ')} ${command}` : `exec ${command}`,
    ''
  ].join('\n')
}
