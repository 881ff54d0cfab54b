/** The credentials in a Docker config file, as Secrets of type kubernetes.io/dockerconfigjson hold one. */
import * as z from 'zod'
import { parseJson } from './auth.ts'

export interface Login {
  /** The registry as the file names it, without scheme and API version: `ghcr.io`, `ghcr.io/org`. */
  readonly server: string
  readonly username: string
  readonly password: string
}

const entry = z.object({
  username: z.string().optional(),
  password: z.string().optional(),
  auth: z.string().optional()
})
const dockerConfig = z.object({ auths: z.record(z.string(), entry) })

/** What the file's `auths` hold; undefined when it is no Docker config file. Entries without a password are left out. */
export function readDockerConfig(text: string): readonly Login[] | undefined {
  const parsed = dockerConfig.safeParse(parseJson(text))
  if (!parsed.success) return undefined
  return Object.entries(parsed.data.auths).flatMap(([server, { username, password, auth = '' }]) => {
    const name = server.replace(/^https?:\/\//, '').replace(/(\/v[12])?\/?$/, '')
    if (username && password) return { server: name, username, password }
    // `auth` is the same in one: user name, colon, password, in Base64.
    const [, user, secret] = /^([^:]+):([\s\S]+)$/.exec(Buffer.from(auth, 'base64').toString('utf8')) ?? []
    return user !== undefined && secret !== undefined ? { server: name, username: user, password: secret } : []
  })
}

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

/** `*` and `?`, as in a file name. */
const matchesGlob = (text: string, pattern: string): boolean => {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text)
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
