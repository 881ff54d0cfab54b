/** The hook's settings, from the one place that reads the environment. */
import { dirname, join } from 'node:path'
import type { ServiceAddress } from '../../effects/kubernetes/api/access.ts'
import type { KubernetesOptions } from '../../effects/kubernetes/context/options.ts'
import type { TraceDirectory } from '../../effects/log/trace-file.ts'
import { StepError } from '../../errors.ts'
import { builderOf } from './builder.ts'
import { registryOf } from './registry.ts'
import { REGISTRY, type RegistrySettingName } from './registry-table.ts'
import { SETTINGS, type SettingName, type SettingValue } from './settings.ts'
import type { Setting } from './values.ts'
import { OFF, WrongValue } from './values.ts'

const GIB_BYTES = 1024 ** 3

export type Environment = Readonly<Record<string, string | undefined>>

/** The environment of this process, for `readConfig`. */
export const environment: Environment = process.env

export interface HookConfig extends KubernetesOptions {
  /** As it is in the environment: what is wrong with it is for a warning only. */
  readonly prepareTimeout?: string | undefined
  /** Names, with wildcards, of the files that hashFiles() needs on the runner's disk in copy mode. */
  readonly hashFiles: readonly string[]
  /** Where to write one trace file per command; undefined: nowhere. */
  readonly traces?: TraceDirectory | undefined
}

/** What reaches the cluster and the registry, for tools that are not started by a runner as well. */
export type Connection = Pick<KubernetesOptions, 'service' | 'namespace' | 'registry'>

type Values<Name extends SettingName> = { readonly [Key in Name]: SettingValue<Key> }

const CLUSTER = ['namespace', 'kubeconfig', 'serviceHost', 'servicePort'] as const satisfies readonly SettingName[]
const CONNECTION = [...CLUSTER, ...(Object.keys(REGISTRY) as RegistrySettingName[])]

/**
 * The settings in an environment; an empty variable counts as unset. Throws `invalid-input` naming the variable that is
 * missing or wrong, and `not-configured` when only some of the variables are set that need one another.
 */
export function readConfig(environment: Environment): HookConfig {
  const names = Object.keys(SETTINGS) as SettingName[]
  const values = readSettings(environment, names)
  const {
    runnerPod,
    claimName,
    claimAccessMode,
    runnerImage,
    templatePath,
    prepareTimeout,
    traceDirectory,
    collectMaxGib
  } = values
  const { runnerWorkspace, runnerTemp, githubWorkspace, repository, workflow, run, job } = values
  return {
    ...connectionOf(values),
    baseImageSecret: values.baseImageSecret,
    runnerPod,
    claimName,
    claimAccessMode,
    runnerImage,
    templatePath,
    prepareTimeout,
    stepUserNamespace: values.stepUserNamespace,
    hostPorts: values.hostPorts === undefined ? undefined : values.hostPorts === 'on',
    bytesMax: collectMaxGib === undefined ? undefined : collectMaxGib * GIB_BYTES,
    ...builderOf(values),
    traces: tracesOf(traceDirectory, runnerWorkspace),
    hashFiles: values.hashFiles ?? [],
    origin: { repository, workflow, run, job },
    paths: { runnerWorkspace, runnerTemp, githubWorkspace }
  }
}

/** Like `readConfig`, without what only a runner sets. */
export const readConnection = (environment: Environment): Connection =>
  connectionOf(readSettings(environment, CONNECTION))

/** Some of the settings, each as its parser gives it. Throws `invalid-input` for the first that is missing or wrong. */
export function readSettings<Name extends SettingName>(environment: Environment, names: readonly Name[]): Values<Name> {
  return Object.fromEntries(names.map((name) => [name, readSetting(environment, SETTINGS[name])])) as Values<Name>
}

function readSetting(environment: Environment, { variable, parse, required }: Setting): unknown {
  const given = environment[variable]?.trim()
  if (!given) {
    if (required === undefined) return undefined
    throw new StepError('invalid-input', `${variable} is not set; ${required}`)
  }
  try {
    return parse(given)
  } catch (thrown) {
    if (!(thrown instanceof WrongValue)) throw thrown
    // What people put in front of a host are user names and passwords.
    const shown = given.includes('@') ? `***${given.slice(given.lastIndexOf('@'))}` : given
    throw new StepError('invalid-input', `${variable} ${thrown.message}, but is '${shown}'; correct it on the runner`)
  }
}

function connectionOf(values: Values<(typeof CONNECTION)[number]>): Connection {
  const { namespace, kubeconfig, serviceHost: host, servicePort } = values
  const isInPod = kubeconfig === undefined && host !== undefined && servicePort !== undefined
  const service: ServiceAddress | undefined = isInPod ? { host, port: servicePort } : undefined
  return { namespace, service, registry: registryOf(values) }
}

/** By default beside the runner's own logs, which it keeps apart from the work directory that users see. */
function tracesOf(chosen: string | undefined, runnerWorkspace: string): TraceDirectory | undefined {
  if (chosen === OFF) return undefined
  if (chosen !== undefined) return { directory: chosen, isDefault: false }
  return { directory: join(dirname(dirname(runnerWorkspace)), '_diag', 'slipway'), isDefault: true }
}
