/** A registry as the Secrets in the runner's namespace open it: read, checked and hidden before anything is built. */
import type { V1Secret } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { Reporter } from '../../log/reporter.ts'
import { createRegistryClient, type RegistryClient } from '../../registry/client.ts'
import { byName, byPattern, type Login, loginFor, readDockerConfig, secretsIn } from '../../registry/docker-config.ts'
import type { Cluster } from '../api/cluster.ts'
import {
  CA_KEY,
  DOCKER_CONFIG_KEY,
  type RegistrySettings,
  SECRET_VARIABLES,
  type SecretNames,
  type SecretSetting
} from './settings.ts'

export interface RegistryDependencies {
  readonly cluster: Cluster
  readonly reporter: Pick<Reporter, 'hide'>
}

const DOCKER_CONFIG_TYPE = 'kubernetes.io/dockerconfigjson'

/**
 * The hook's own client. Rejects with `not-configured` when a Secret that it needs is missing or holds something else. Whom
 * the registry lets in is found out by the first call.
 */
export async function openRegistry(
  dependencies: RegistryDependencies,
  settings: RegistrySettings,
  signal: AbortSignal
): Promise<RegistryClient> {
  const { pushHost, path } = settings
  const [login, ca] = await Promise.all([
    readLogin(dependencies, settings, 'pushSecret', pushHost, path, signal),
    readCertificates(dependencies, settings, signal)
  ])
  const account = login && { ...login, source: `Secret ${settings.pushSecret}` }
  return createRegistryClient(settings, { account, ca, onSecret: dependencies.reporter.hide })
}

/** Rejects with `not-configured` when a Secret that only pods need is missing or holds something else. */
export async function checkPodSecrets(
  dependencies: RegistryDependencies,
  settings: RegistrySettings,
  signal: AbortSignal
): Promise<void> {
  await Promise.all([
    readLogin(dependencies, settings, 'pullSecret', settings.pullHost, settings.path, signal),
    readLogins(dependencies, settings, 'baseImageSecret', signal)
  ])
}

/**
 * What a build in place is given to pull images in FROM with, a Docker config file; undefined when no Secret is configured. Rejects like
 * `checkPodSecrets`.
 */
export async function readBaseImageConfig(
  dependencies: RegistryDependencies,
  baseImageSecret: string | undefined,
  signal: AbortSignal
): Promise<string | undefined> {
  return (await readDockerSecret(dependencies, { baseImageSecret }, 'baseImageSecret', signal))?.text
}

async function readLogin(
  dependencies: RegistryDependencies,
  settings: RegistrySettings,
  setting: SecretSetting,
  host: string,
  path: string | undefined,
  signal: AbortSignal
): Promise<Login | undefined> {
  const logins = await readLogins(dependencies, settings, setting, signal)
  if (logins === undefined) return undefined
  const login = loginFor(logins, host, path, setting === 'pullSecret' ? byPattern : byName)
  if (login !== undefined) return login
  const others = logins.map(({ server }) => server).join(', ') || 'no registry at all'
  throw wrong(setting, settings, `has no user name and password for ${host}, only for ${others}`)
}

async function readLogins(...args: Parameters<typeof readDockerSecret>): Promise<readonly Login[] | undefined> {
  return (await readDockerSecret(...args))?.logins
}

/** Undefined when no such Secret is configured. Everything in it is hidden: a Dockerfile may print what it finds. */
async function readDockerSecret(
  dependencies: RegistryDependencies,
  settings: SecretNames,
  setting: SecretSetting,
  signal: AbortSignal
): Promise<{ readonly text: string; readonly logins: readonly Login[] } | undefined> {
  const secret = await readSecret(dependencies, settings, setting, signal)
  if (secret === undefined) return undefined
  const text = textOf(secret, DOCKER_CONFIG_KEY)
  for (const one of secretsIn(text)) dependencies.reporter.hide(one)
  const logins = secret.type === DOCKER_CONFIG_TYPE ? readDockerConfig(text) : undefined
  if (logins === undefined) throw wrong(setting, settings, `is not of type ${DOCKER_CONFIG_TYPE}`)
  return { text, logins }
}

async function readCertificates(
  dependencies: RegistryDependencies,
  settings: RegistrySettings,
  signal: AbortSignal
): Promise<string | undefined> {
  const secret = await readSecret(dependencies, settings, 'caSecret', signal)
  if (secret === undefined) return undefined
  const certificates = textOf(secret, CA_KEY)
  if (certificates.includes('-----BEGIN CERTIFICATE-----')) return certificates
  throw wrong('caSecret', settings, `has no certificate in PEM under the key ${CA_KEY}`)
}

async function readSecret(
  { cluster }: RegistryDependencies,
  settings: SecretNames,
  setting: SecretSetting,
  signal: AbortSignal
): Promise<V1Secret | undefined> {
  const name = settings[setting]
  if (name === undefined) return undefined
  const secret = await cluster.getSecret(name, signal)
  if (secret === undefined) throw wrong(setting, settings, `is not in namespace ${cluster.namespace}: create it there`)
  return secret
}

const textOf = ({ data }: V1Secret, key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8')

const wrong = (setting: SecretSetting, settings: SecretNames, what: string) =>
  new StepError('not-configured', `Secret ${settings[setting]}, which ${SECRET_VARIABLES[setting]} names, ${what}`)
