/**
 * `docker create` options of the job container and of services (`options:` in a workflow) as plain data, for the job pod.
 * What has no counterpart in Kubernetes is listed by name, for one warning.
 */
import { splitWords } from '../../../shell-words.ts'
import { durationSeconds, HEALTH_DEFAULTS, type HealthCheck } from './health-check.ts'
import { cut, refusal, wrongValue } from './refusal.ts'

/** Sizes are Kubernetes quantities. */
export interface CreateOptions {
  readonly cpus?: string
  readonly memory?: string
  readonly memoryReservation?: string
  readonly user?: number
  readonly group?: number
  readonly env: Readonly<Record<string, string>>
  readonly hostname?: string
  /** Further names of the container on the job's network. */
  readonly names: readonly string[]
  readonly hosts: readonly { readonly ip: string; readonly name: string }[]
  readonly shmSize?: string
  readonly tmpfs: readonly { readonly path: string; readonly size?: string }[]
  /** Empty: back to none. */
  readonly entryPoint?: string
  readonly workingDirectory?: string
  readonly privileged?: boolean
  readonly readOnly?: boolean
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly health?: HealthCheck
  /** Options that were left out, by name. */
  readonly ignored: readonly string[]
}

type Lists = Pick<CreateOptions, 'names' | 'hosts' | 'tmpfs' | 'capAdd' | 'capDrop' | 'ignored'>
type ListsDraft = { readonly [Key in keyof Lists]: Lists[Key][number][] }
type ValuesDraft = { -readonly [Key in keyof Omit<CreateOptions, keyof Lists | 'env'>]: CreateOptions[Key] } & {
  healthCommand?: string
  noHealth?: boolean
}
type Draft = ListsDraft & ValuesDraft & { readonly env: Map<string, string> }
type HealthDraft = { -readonly [Key in Exclude<keyof HealthCheck, 'command'>]?: HealthCheck[Key] }

interface Parsing {
  readonly draft: Draft
  readonly health: HealthDraft
}

/** Takes one option's value; false: it means something that Kubernetes has no counterpart for. */
type Take = (parsing: Parsing, value: string, option: string) => boolean

/** How the text of a value is read; throws `invalid-input` naming the option. */
type Read<Value> = (option: string, value: string) => Value

const sets =
  <const Key extends keyof ValuesDraft>(key: Key, read: Read<ValuesDraft[Key]>): Take =>
  ({ draft }, value, option) => {
    const values: ValuesDraft = draft
    values[key] = read(option, value)
    return true
  }

const addsTo =
  <const Key extends keyof Lists>(key: Key, read: Read<Lists[Key][number]>): Take =>
  ({ draft }, value, option) => {
    const lists: ListsDraft = draft
    lists[key].push(read(option, value))
    return true
  }

const tunesHealth =
  (key: keyof HealthDraft, read: Read<number>): Take =>
  ({ health }, value, option) => {
    health[key] = read(option, value)
    return true
  }

const asGiven: Read<string> = (_option, value) => value
const isTrue: Read<boolean> = (_option, value) => value !== 'false' && value !== '0'

const VALUE_OPTIONS = new Map<string, Take>(
  Object.entries<Take>({
    '--cpus': sets('cpus', cpus),
    '--memory': sets('memory', quantity),
    '--memory-reservation': sets('memoryReservation', quantity),
    '--shm-size': sets('shmSize', quantity),
    '--user': ({ draft }, value) => {
      const [user = '', group] = value.split(':')
      const [uid, gid] = [numericId(user), group === undefined ? undefined : numericId(group)]
      // Only the image knows which numbers its names stand for.
      if (uid === undefined || (group !== undefined && gid === undefined)) return false
      draft.user = uid
      if (gid !== undefined) draft.group = gid
      return true
    },
    '--env': ({ draft }, value) => {
      const equals = value.indexOf('=')
      // Without a value docker takes it from its own environment, which is nothing a workflow sees here.
      if (equals <= 0) return false
      draft.env.set(value.slice(0, equals), value.slice(equals + 1))
      return true
    },
    // On a pod it is no note: Services, NetworkPolicies and admission go by labels, and those of the pod are not the workflow's.
    '--label': () => false,
    '--hostname': ({ draft }, value) => {
      draft.hostname = value
      draft.names.push(value)
      return true
    },
    '--name': addsTo('names', asGiven),
    '--network-alias': addsTo('names', asGiven),
    '--add-host': ({ draft }, value, option) => {
      const [, name, ip] = /^([^:=]+)[:=]\[?([^\]]+)\]?$/.exec(value) ?? []
      if (name === undefined || ip === undefined) throw wrongValue(option, 'name:ip', value)
      if (ip === 'host-gateway') return false
      draft.hosts.push({ name, ip })
      return true
    },
    '--entrypoint': sets('entryPoint', asGiven),
    '--workdir': sets('workingDirectory', asGiven),
    '--cap-add': addsTo('capAdd', capability),
    '--cap-drop': addsTo('capDrop', capability),
    '--tmpfs': addsTo('tmpfs', tmpfs),
    '--health-cmd': sets('healthCommand', asGiven),
    '--health-interval': tunesHealth('intervalSeconds', durationSeconds),
    '--health-timeout': tunesHealth('timeoutSeconds', durationSeconds),
    '--health-start-period': tunesHealth('startPeriodSeconds', durationSeconds),
    '--health-retries': tunesHealth('retries', wholeNumber)
  })
)

const FLAGS = new Map<string, Take>(
  Object.entries<Take>({
    '--privileged': sets('privileged', isTrue),
    '--read-only': sets('readOnly', isTrue),
    '--no-healthcheck': sets('noHealth', isTrue)
  })
)

const SHORT = new Map(
  Object.entries({ m: '--memory', u: '--user', e: '--env', h: '--hostname', w: '--workdir', l: '--label' })
)

/** Options of docker that stand alone and have no counterpart; everything else unknown takes a value. */
const IGNORED_FLAGS = new Set(
  '--init --interactive --tty --rm --detach --publish-all --oom-kill-disable --disable-content-trust --sig-proxy --quiet'.split(
    ' '
  )
)
const IGNORED_SHORT_FLAGS = /^-[itdPq]+$/

/** Throws `invalid-input`, naming the option, for what docker would refuse too. */
export function parseCreateOptions(text: string | undefined): CreateOptions {
  const draft: Draft = { env: new Map(), names: [], hosts: [], tmpfs: [], capAdd: [], capDrop: [], ignored: [] }
  const parsing = { draft, health: {} }
  const words = splitWords(text ?? '')
  if (words === undefined) throw refusal(`the options '${cut(text ?? '')}' have a quote that is not closed`)
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] as string
    const { option, shown, value: attached } = readOption(word)
    const isAlone =
      FLAGS.has(option) || IGNORED_FLAGS.has(option) || !option.startsWith('-') || IGNORED_SHORT_FLAGS.test(option)
    if (!isAlone && attached === undefined) index += 1
    const value = attached ?? (isAlone ? 'true' : words[index])
    if (value === undefined) throw refusal(`the option ${cut(shown)} needs a value`)
    const take = VALUE_OPTIONS.get(option) ?? FLAGS.get(option)
    if (take === undefined || take(parsing, value, shown) === false) draft.ignored.push(cut(shown))
  }
  return finish(parsing)
}

/** `--cpus=1`, `-m512m`, `-m=512m`, `-m`, `-p80:80`: the long name if there is one, and the value that is attached to it. */
function readOption(word: string): { option: string; shown: string; value?: string | undefined } {
  if (word.startsWith('--')) {
    const [name = word] = word.split('=', 1)
    return { option: name, shown: name, value: name === word ? undefined : word.slice(name.length + 1) }
  }
  if (!word.startsWith('-') || IGNORED_SHORT_FLAGS.test(word)) return { option: word, shown: word }
  const [shown, rest] = [word.slice(0, 2), word.slice(2).replace(/^=/, '')]
  return { option: SHORT.get(word[1] ?? '') ?? shown, shown, value: rest === '' ? undefined : rest }
}

function finish({ draft, health }: Parsing): CreateOptions {
  const { healthCommand, noHealth, env, ...rest } = draft
  const options = { ...rest, env: Object.fromEntries(env), ignored: [...new Set(rest.ignored)] }
  if (noHealth === true || healthCommand === 'none') return options
  if (healthCommand !== undefined && healthCommand !== '') {
    return { ...options, health: { ...HEALTH_DEFAULTS, ...health, command: healthCommand } }
  }
  // They would tune the image's own HEALTHCHECK, which Kubernetes does not look at.
  const untied = Object.keys(health).length > 0 ? ['--health-* without --health-cmd'] : []
  return { ...options, ignored: [...options.ignored, ...untied] }
}

/** `512m` as docker reads it (binary, bytes without a unit) is `512Mi`. */
function quantity(option: string, value: string): string {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(value) ?? []
  if (number === undefined) throw wrongValue(option, 'a size such as 512m or 2g', value)
  return unit === '' ? String(Math.ceil(Number(number))) : `${number}${unit.toUpperCase()}i`
}

const numericId = (text: string): number | undefined => {
  if (text === 'root') return 0
  return /^\d+$/.test(text) ? Number(text) : undefined
}

function capability(_option: string, value: string): string {
  return value.toUpperCase().replace(/^CAP_/, '')
}

function tmpfs(option: string, value: string): CreateOptions['tmpfs'][number] {
  const [path = '', options = ''] = value.split(':')
  const size = /(?:^|,)size=([^,]+)/.exec(options)?.[1]
  return { path, ...(size !== undefined && { size: quantity(option, size) }) }
}

function cpus(option: string, value: string): string {
  if (!/^(\d+|\d*\.\d+)$/.test(value)) throw wrongValue(option, 'a number such as 1.5', value)
  return String(Number(value))
}

function wholeNumber(option: string, value: string): number {
  if (!/^\d+$/.test(value)) throw wrongValue(option, 'a whole number', value)
  return Number(value)
}
