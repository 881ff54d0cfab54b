/** What the variables of the registry mean together, for config.ts: one registry under its two names, and the Secrets that open it. */
import type { RegistrySettings } from '../../effects/kubernetes/registry/settings.ts'
import { StepError } from '../../errors.ts'
import { REGISTRY, type RegistrySettingName } from './registry-table.ts'
import type { SettingValue } from './settings.ts'

/** Each as its own parser gives it. */
export type RegistryValues = { readonly [Name in RegistrySettingName]?: SettingValue<Name> }

const SETTING_NAMES = Object.keys(REGISTRY) as RegistrySettingName[]
const variable = (name: RegistrySettingName): string => REGISTRY[name].variable
const HOST = variable('registryHost')
const PORT = variable('registryPort')
const NODE_PORT = variable('registryNodePort')
const PULL_HOST = variable('registryPullHost')

/** Undefined when nothing is set, or only what builds without a registry need too. Throws `not-configured` when something is missing, `invalid-input` for what contradicts itself. */
export function registryOf(values: RegistryValues): RegistrySettings | undefined {
  if (SETTING_NAMES.every((name) => values[name] === undefined || name === 'baseImageSecret')) return undefined
  const { registryHost, pushSecret, pullSecret, baseImageSecret, caSecret } = values
  if (registryHost === undefined) throw missing(HOST, 'for the registry, or none of its other variables')
  const { host, path } = splitPath(registryHost)
  const plainHttp = isPlain(values)
  if (plainHttp && caSecret !== undefined) {
    throw invalid(
      `${variable('caSecret')} is for a registry with TLS, but ${variable('plainHttp')} is true; unset one of them`
    )
  }
  if (baseImageSecret !== undefined && baseImageSecret === pushSecret) {
    throw invalid(
      `${variable('baseImageSecret')} names the Secret for pushing, which every Dockerfile could then read; name one whose user may only pull`
    )
  }
  const isKept = values.retention === 'keep'
  if (isKept && pushSecret === undefined) {
    throw missing(
      variable('pushSecret'),
      `with ${variable('retention')} keep: where everybody may push, one Dockerfile could replace what another one runs`
    )
  }
  const names = { pushHost: pushHostOf(host, values), pullHost: pullHostOf(host, values) }
  return { ...names, path, plainHttp, pushSecret, pullSecret, baseImageSecret, caSecret, ...(isKept && { isKept }) }
}

/** A registry behind a node port speaks plain HTTP unless somebody says otherwise; any other one speaks TLS. */
function isPlain({ plainHttp, registryNodePort, caSecret }: RegistryValues): boolean {
  if (plainHttp !== undefined) return plainHttp
  return registryNodePort !== undefined && caSecret === undefined
}

function splitPath(name: string): { host: string; path: string | undefined } {
  const slash = name.indexOf('/')
  return slash < 0 ? { host: name, path: undefined } : { host: name.slice(0, slash), path: name.slice(slash + 1) }
}

/** The colons of an IPv6 address stand in brackets. */
const hasPort = (host: string): boolean => /^(\[.*\]|[^[:]*):/.test(host)

function pushHostOf(host: string, { registryPort, registryNodePort }: RegistryValues): string {
  if (registryPort === undefined) {
    if (registryNodePort !== undefined && !hasPort(host)) throw missing(PORT, `with ${NODE_PORT}`)
    return host
  }
  if (hasPort(host)) throw invalid(`${HOST} has a port already; unset ${PORT}`)
  return `${host}:${registryPort}`
}

/** Names that only a pod can resolve. A single word would be taken for a repository of Docker Hub. */
const isOfService = (host: string): boolean => /\.svc(\.|:|$)/.test(host) || !/[.:]/.test(host)

function pullHostOf(host: string, { registryPort, registryNodePort, registryPullHost }: RegistryValues): string {
  if (registryNodePort !== undefined) {
    if (registryPullHost !== undefined)
      throw invalid(`${NODE_PORT} and ${PULL_HOST} both say where to pull from; unset one`)
    return `localhost:${registryNodePort}`
  }
  if (registryPullHost !== undefined) return registryPullHost
  if (registryPort !== undefined) throw missing(NODE_PORT, `with ${PORT}, or ${PULL_HOST}`)
  if (isOfService(host)) {
    throw missing(`${PORT} and ${NODE_PORT}`, `since kubelets cannot resolve '${host}', or ${PULL_HOST}`)
  }
  return host
}

const missing = (variable: string, why: string) =>
  new StepError('not-configured', `The image registry is only partly configured: set ${variable} too, ${why}`)

const invalid = (message: string) => new StepError('invalid-input', message)
