/**
 * `docker create` options of the job container and of services (`options:` in a workflow) as plain data, for the job pod.
 * What has no counterpart in Kubernetes is listed by name, for one warning.
 */
import { StepError } from '../../../../errors.ts'
import { durationSeconds, HEALTH_DEFAULTS, type HealthCheck } from './health-check.ts'
import { cut, splitWords } from './words.ts'

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
  readonly tmpfs: readonly { readonly path: string; readonly size?: string | undefined }[]
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
type Draft = { -readonly [Key in keyof Omit<CreateOptions, keyof Lists | 'env'>]: CreateOptions[Key] } & {
  readonly [Key in keyof Lists]: Lists[Key][number][]
} & {
  readonly env: Map<string, string>
  healthCommand?: string
  noHealth?: boolean
}
type HealthDraft = { -readonly [Key in keyof HealthCheck]?: HealthCheck[Key] }

interface Parsing {
  readonly draft: Draft
  readonly health: HealthDraft
}

/** Takes one option's value; false: it means something that Kubernetes has no counterpart for. */
type Take = (parsing: Parsing, value: string, option: string) => boolean | undefined | void

const isTrue = (value: string) => value !== 'false' && value !== '0'

const VALUE_OPTIONS = new Map<string, Take>(
  Object.entries<Take>({
    '--cpus': ({ draft }, value, option) => {
      if (!/^(\d+|\d*\.\d+)$/.test(value)) throw invalid(option, 'a number such as 1.5', value)
      draft.cpus = String(Number(value))
    },
    '--memory': ({ draft }, value, option) => void (draft.memory = quantity(option, value)),
    '--memory-reservation': ({ draft }, value, option) => void (draft.memoryReservation = quantity(option, value)),
    '--shm-size': ({ draft }, value, option) => void (draft.shmSize = quantity(option, value)),
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
    },
    '--name': ({ draft }, value) => void draft.names.push(value),
    '--network-alias': ({ draft }, value) => void draft.names.push(value),
    '--add-host': ({ draft }, value, option) => {
      const [, name, ip] = /^([^:=]+)[:=]\[?([^\]]+)\]?$/.exec(value) ?? []
      if (name === undefined || ip === undefined) throw invalid(option, 'name:ip', value)
      if (ip === 'host-gateway') return false
      draft.hosts.push({ name, ip })
      return true
    },
    '--entrypoint': ({ draft }, value) => void (draft.entryPoint = value),
    '--workdir': ({ draft }, value) => void (draft.workingDirectory = value),
    '--cap-add': ({ draft }, value) => void draft.capAdd.push(capability(value)),
    '--cap-drop': ({ draft }, value) => void draft.capDrop.push(capability(value)),
    '--tmpfs': ({ draft }, value, option) => {
      const [path = '', options = ''] = value.split(':')
      const size = /(?:^|,)size=([^,]+)/.exec(options)?.[1]
      draft.tmpfs.push({ path, size: size === undefined ? undefined : quantity(option, size) })
    },
    '--health-cmd': ({ draft }, value) => void (draft.healthCommand = value),
    '--health-interval': ({ health }, value, option) => void (health.intervalSeconds = durationSeconds(option, value)),
    '--health-timeout': ({ health }, value, option) => void (health.timeoutSeconds = durationSeconds(option, value)),
    '--health-start-period': ({ health }, value, option) => {
      health.startPeriodSeconds = durationSeconds(option, value)
    },
    '--health-retries': ({ health }, value, option) => {
      if (!/^\d+$/.test(value)) throw invalid(option, 'a whole number', value)
      health.retries = Number(value)
    }
  })
)

const FLAGS = new Map<string, Take>(
  Object.entries<Take>({
    '--privileged': ({ draft }, value) => void (draft.privileged = isTrue(value)),
    '--read-only': ({ draft }, value) => void (draft.readOnly = isTrue(value)),
    '--no-healthcheck': ({ draft }, value) => void (draft.noHealth = isTrue(value))
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
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] as string
    const { option, shown, value: attached } = readOption(word)
    const isAlone =
      FLAGS.has(option) || IGNORED_FLAGS.has(option) || !option.startsWith('-') || IGNORED_SHORT_FLAGS.test(option)
    if (!isAlone && attached === undefined) index += 1
    const value = attached ?? (isAlone ? 'true' : words[index])
    if (value === undefined)
      throw new StepError('invalid-input', `the option ${cut(shown)} needs a value; correct it in the workflow`)
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
  if (number === undefined) throw invalid(option, 'a size such as 512m or 2g', value)
  return unit === '' ? String(Math.ceil(Number(number))) : `${number}${unit.toUpperCase()}i`
}

const numericId = (text: string): number | undefined => {
  if (text === 'root') return 0
  return /^\d+$/.test(text) ? Number(text) : undefined
}

const capability = (text: string): string => text.toUpperCase().replace(/^CAP_/, '')

const invalid = (option: string, wanted: string, value: string) =>
  new StepError('invalid-input', `${option} must be ${wanted}, but is '${cut(value)}'; correct it in the workflow`)
