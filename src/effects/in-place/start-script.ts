/** The script that becomes the action, as the user it shall be and with nothing but its own environment, for the supervisor of a build in place. */
import { StepError } from '../../errors.ts'
import { quote } from '../shell-words.ts'
import type { Process } from './process.ts'
import { BECOMING, PLACES, type Places } from './scripts.ts'

/** The kernel starts nothing with more, and most with less. */
const WORDS_BYTES_MAX = 2 * 1024 * 1024

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/
/** What a shell sets itself, and passes on. */
const PASSED_ON = ['PWD', 'OLDPWD', 'SHLVL', '_']
/** What a shell sets itself, so that its own values would reach the program. */
const OF_THE_SHELL = new Set([
  ...PASSED_ON,
  ...['IFS', 'OPTIND', 'OPTARG', 'PPID', 'LINENO', 'PS1', 'PS2', 'PS4', 'FUNCNAME'],
  ...['RANDOM', 'EPOCHTIME', 'EPOCHREALTIME', 'UID', 'EUID', 'HISTFILE', 'MAIL', 'MAILPATH', 'SHELLOPTS']
])

interface StartOptions {
  readonly places?: Places
  /** Where a shell stays before the action: what it says on stdout and on stderr when that has ended, before its exit code. */
  readonly end?: string | undefined
}

/**
 * The text of `start`. Values go through the shell's own `export`, where no other process sees them; only names that no shell
 * variable can have are words of a command for a moment. Exits with 127 when the program is not there, with 126 when it cannot
 * be started, with 255 when no kernel knows what it is.
 */
export function startScript(process: Process, { places = PLACES, end }: StartOptions = {}): string {
  const { directory, busybox } = places
  check(process)
  const variables = Object.entries(process.env)
  const isPlain = ([name]: readonly [string, string]) => IDENTIFIER.test(name) && !OF_THE_SHELL.has(name)
  const workingDirectory = quote(process.workingDirectory)
  const lines = [
    'umask 022',
    end === undefined ? `: >${quote(`${directory}/started`)}` : sayWhoStarts(places),
    ...[`${quote(`${busybox}/rm`)} -f ${quote(`${directory}/start`)}`],
    `${quote(`${busybox}/mkdir`)} -p ${workingDirectory} && cd ${workingDirectory} || exit 126`,
    refuseWithoutFormat(process, places),
    removeBuilder(places),
    ...variables.filter(isPlain).map(([name, value]) => `export ${name}=${quote(value)}`),
    `exec ${[
      ...becomeUser(process.user, busybox),
      ...run(
        process,
        variables.filter((one) => !isPlain(one)),
        busybox
      )
    ]
      .map(quote)
      .join(' ')}`,
    ''
  ]
  return (end === undefined ? lines : staying(lines, end)).join('\n')
}

/** In a shell that was forked, whose own number `$$` is not. */
const sayWhoStarts = ({ directory, proc }: Places): string =>
  `read -r self _ <${quote(`${proc}/self/stat`)} && echo "$self" >${quote(`${directory}/started`)}`

/**
 * As process 1 of a container, whose end is the container's: says how the action ended, because a kubelet looks only once a second. It waits
 * for the action in its foreground, because in the background a shell would have it ignore SIGINT. What a shell says of programs that
 * were killed is not the action's.
 */
const staying = (lines: readonly string[], end: string): readonly string[] => [
  ...['exec 3>&2 2>/dev/null', '(', 'exec 2>&3 3>&-', ...lines, ')', 'code=$?', 'exec 2>&3 3>&-'],
  ...['', ' >&2'].map((to) => `printf '\\n%s %s\\n' ${quote(end)} "$code"${to}`),
  ...['exit "$code"', '']
]

/** docker's, for a file that no kernel can start. */
const NO_FORMAT_EXIT_CODE = 255

/**
 * Ends as docker does where the program is a file that neither is ELF nor names its interpreter: some C libraries give such a one to
 * /bin/sh. In a shell of its own, whose variables reach nobody.
 */
const refuseWithoutFormat = ({ argv, env }: Process, { busybox }: Places): string =>
  [
    '(',
    `  name=${quote(argv[0] ?? '')}`,
    '  case $name in */*) file=$name ;; *)',
    '    file=; set -f; IFS=:',
    `    path=${quote(env.PATH ?? '')}`,
    '    for one in $path; do',
    '      if [ -f "${one:-.}/$name" ] && [ -x "${one:-.}/$name" ]; then file=${one:-.}/$name; break; fi',
    '    done',
    '  esac',
    '  [ -f "$file" ] && [ -x "$file" ] || exit 0',
    `  case $(${quote(`${busybox}/head`)} -c 4 "$file" | ${quote(`${busybox}/tr`)} '\\000\\177' '..') in '#!'*|.ELF) exit 0 ;; esac`,
    '  echo "exec $name: exec format error" >&2',
    '  exit 1',
    `) || exit ${NO_FORMAT_EXIT_CODE}`
  ].join('\n')

/** What still has to be there while the action starts: for this script, and for the one that hands over. */
const STILL_NEEDED = ['busybox', 'sh', 'env', 'su', 'chpst', 'rm', 'cat', 'cut', 'sleep', 'tr']

/** The builder and what it has written is gone before the action starts; the script that hands over removes the rest. */
const removeBuilder = ({ directory, busybox, builder }: Places): string =>
  [
    `set -- ${quote(`${directory}/layout`)} ${quote(`${directory}/digest`)}`,
    `for one in ${quote(builder)}/* ${quote(builder)}/.[!.]* ${quote(busybox)}/*; do`,
    `  case $one in ${[directory, ...STILL_NEEDED.map((name) => `${busybox}/${name}`)].map(quote).join('|')}) ;; *) set -- "$@" "$one" ;; esac`,
    'done',
    `${quote(`${busybox}/rm`)} -rf -- "$@" 2>/dev/null`,
    'set --'
  ].join('\n')

/** Begins a command that runs as the user who has the groups of a passwd entry. */
const becomeUser = ({ name }: Process['user'], busybox: string): readonly string[] =>
  name === undefined ? [] : [`${busybox}/su`, '-p', '-s', `${busybox}/sh`, '-c', BECOMING, '--', name]

/** The last programs before the action, neither of which is a shell that would run what has no format. */
function run({ argv, user }: Process, odd: readonly (readonly [string, string])[], busybox: string): readonly string[] {
  const [program = ''] = argv
  const { uid, gid, name } = user
  const changesUser = name === undefined && (uid !== 0 || gid !== 0)
  // It would be a variable for env, or an option.
  const isOdd = program.includes('=') || program.startsWith('-')
  return [
    `${busybox}/env`,
    ...PASSED_ON.flatMap((one) => ['-u', one]),
    '--',
    ...odd.map(([one, value]) => `${one}=${value}`),
    ...(changesUser || isOdd ? [`${busybox}/chpst`, ...(changesUser ? ['-u', `${uid}:${gid}`] : []), '--'] : []),
    ...argv
  ]
}

/** Refuses what no kernel would start. */
function check({ argv, env, workingDirectory }: Process): void {
  const names = Object.keys(env)
  const words = [...argv, workingDirectory, ...names, ...Object.values(env)]
  if (words.some((word) => word.includes('\0')) || names.some((name) => name === '' || name.includes('='))) {
    throw failed('its command or environment has a character that none can have')
  }
  const bytes = words.reduce((sum, word) => sum + Buffer.byteLength(word), 0)
  if (bytes > WORDS_BYTES_MAX) {
    throw failed(
      `its arguments and environment have ${bytes} bytes, more than the ${WORDS_BYTES_MAX} a program can get: pass large values through files`
    )
  }
}

const failed = (words: string): StepError => new StepError('start-failed', `the built action cannot start: ${words}`)
