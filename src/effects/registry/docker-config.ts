/** The credentials in a Docker config file, as Secrets of type kubernetes.io/dockerconfigjson hold one. */
import * as z from 'zod/mini'
import { parseJson } from './auth.ts'

export interface Login {
  /** The registry as the file names it, without scheme and API version: `ghcr.io`, `ghcr.io/org`. */
  readonly server: string
  readonly username: string
  readonly password: string
}

const entry = z.object({
  username: z.optional(z.string()),
  password: z.optional(z.string()),
  auth: z.optional(z.string()),
  identitytoken: z.optional(z.unknown()),
  registrytoken: z.optional(z.unknown())
})
const dockerConfig = z.object({ auths: z.record(z.string(), entry) })

/** What the file's `auths` hold; undefined when it is no Docker config file. Entries without a password are left out. */
export function readDockerConfig(text: string): readonly Login[] | undefined {
  const parsed = dockerConfig.safeParse(parseJson(text))
  if (!parsed.success) return undefined
  return Object.entries(parsed.data.auths).flatMap(([server, { username, password, auth = '' }]) => {
    // Whoever is named in front of the host is not to be shown.
    const name = server
      .replace(/^https?:\/\//, '')
      .replace(/^[^/]*@/, '')
      .replace(/(\/v[12])?\/?$/, '')
    if (username && password) return { server: name, username, password }
    // `auth` is the same in one: user name, colon, password, in Base64.
    const [, user, secret] = /^([^:]+):([\s\S]+)$/.exec(Buffer.from(auth, 'base64').toString('utf8')) ?? []
    return user !== undefined && secret !== undefined ? { server: name, username: user, password: secret } : []
  })
}

/** What nobody may see of the file: its passwords and tokens, and `auth` as it stands and as it would be made. */
export function secretsIn(text: string): readonly string[] {
  const entries = Object.values(dockerConfig.safeParse(parseJson(text)).data?.auths ?? {})
  const logins = readDockerConfig(text) ?? []
  const given = entries.flatMap(({ password, auth, identitytoken, registrytoken }) => [
    password,
    auth,
    identitytoken,
    registrytoken
  ])
  const made = logins.flatMap(({ username, password }) => [password, basicAuth({ username, password })])
  return [...given, ...made].filter((secret) => typeof secret === 'string')
}

/** User name and password as HTTP Basic and config files have them. */
const basicAuth = ({ username, password }: Pick<Login, 'username' | 'password'>): string =>
  Buffer.from(`${username}:${password}`, 'utf8').toString('base64')

export type Match = (server: string, repository: string) => boolean

/** As builders and most registries' tools match. */
export const byName: Match = (server, repository) => repository === server || repository.startsWith(`${server}/`)

/** As a kubelet matches: each label of the host may have wildcards, `*.example.com`, and the path need only begin so. */
export const byPattern: Match = (server, repository) => {
  const [[host, path], [givenHost, givenPath]] = [splitHost(server), splitHost(repository)]
  const [labels, givenLabels] = [host.split('.'), givenHost.split('.')]
  return (
    labels.length === givenLabels.length &&
    labels.every((label, index) => matchesGlob(givenLabels[index] ?? '', label)) &&
    givenPath.startsWith(path)
  )
}

const splitHost = (reference: string): readonly [string, string] => {
  const slash = reference.indexOf('/')
  return slash < 0 ? [reference, ''] : [reference.slice(0, slash), reference.slice(slash)]
}

/** `*` and `?`, as in a file name. Only the last `*` is ever taken back: an expression would try all of them. */
function matchesGlob(text: string, pattern: string): boolean {
  let [at, of] = [0, 0]
  let star: { readonly at: number; readonly of: number } | undefined
  while (at < text.length) {
    if (pattern[of] === '*') {
      star = { at, of }
      of += 1
    } else if (pattern[of] === '?' || pattern[of] === text[at]) {
      at += 1
      of += 1
    } else if (star === undefined) return false
    else {
      star = { at: star.at + 1, of: star.of }
      at = star.at
      of = star.of + 1
    }
  }
  while (pattern[of] === '*') of += 1
  return of === pattern.length
}

/** Who to be for a repository: the login for its longest leading part, `host/org` before `host`. */
export function loginFor(
  logins: readonly Login[],
  host: string,
  path: string | undefined,
  isFor: Match = byName
): Login | undefined {
  const whole = path === undefined ? host : `${host}/${path}`
  return logins
    .filter(({ server }) => isFor(server, whole))
    .reduce<Login | undefined>((best, one) => (best && best.server.length >= one.server.length ? best : one), undefined)
}
