/**
 * How Slipway proves who it is when a registry answers 401: HTTP Basic, or a bearer token of the registry's token service
 * (CNCF distribution, "Token Authentication Specification"), for the registry client.
 */
import * as z from 'zod/mini'
import { denied, unreachable } from './failures.ts'
import type { Send } from './request.ts'

export interface Account {
  readonly username: string
  readonly password: string
  /** Where they come from, for people: `Secret push-it`. */
  readonly source: string
}

export interface Authenticator {
  /** Value of the header Authorization that the registry took last; undefined: none yet. */
  readonly current: () => string | undefined
  /**
   * A value that meets the challenge of a 401, its header WWW-Authenticate. Rejects with `push-denied` when there is none,
   * and with `registry-unreachable` when the token service does not answer.
   */
  readonly meet: (challenge: string | undefined, signal: AbortSignal) => Promise<string>
}

export interface AuthenticatorOptions {
  readonly host: string
  /** Whether the registry speaks TLS; then its token service has to as well. */
  readonly isSecure: boolean
  /** Undefined: only what anybody may have. */
  readonly account: Account | undefined
  readonly send: Send
  /** Told of every token, before it is used. */
  readonly onSecret: (secret: string) => void
}

/** As a header it has to go through, and servers take no longer ones. */
const TOKEN_LENGTH_MAX = 16 * 1024
/** A registry may want another one for every repository. */
const TOKENS_MAX = 100_000
/** Of what a registry says about itself. */
const SHOWN_LENGTH_MAX = 200

const token = z.optional(z.string().check(z.minLength(1), z.maxLength(TOKEN_LENGTH_MAX)))
/** Registries call it by either name. */
const tokenAnswer = z.object({ token, access_token: token })

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { host, account } = options
  const basic = account && `Basic ${Buffer.from(`${account.username}:${account.password}`, 'utf8').toString('base64')}`
  let current: string | undefined
  let tokens = 0

  const askForToken = async (challenge: string, signal: AbortSignal): Promise<string> => {
    const url = tokenUrl(challenge, options)
    const what = `GET ${url.origin}${url.pathname}`
    const headers: Record<string, string> = basic === undefined ? {} : { authorization: basic }
    const answer = await options.send({ method: 'GET', url: url.href, headers }, signal).catch((thrown: unknown) => {
      throw unreachable(host, what, thrown)
    })
    const { status } = answer
    if (status === 401 || status === 403) throw denied(host, `${what}: status ${status}`, account?.source, false)
    const { token: named, access_token: other } = tokenAnswer.safeParse(parseJson(answer.body)).data ?? {}
    const found = named ?? other
    if (status !== 200 || found === undefined) throw unreachable(host, what, `no token, status ${status}`)
    tokens += 1
    if (tokens > TOKENS_MAX) throw unreachable(host, what, `it wants more than ${TOKENS_MAX} tokens`)
    options.onSecret(found)
    return `Bearer ${found}`
  }

  return {
    current: () => current,
    async meet(challenge = '', signal) {
      const refused = () =>
        denied(
          host,
          `status 401, ${challenge.slice(0, SHOWN_LENGTH_MAX) || 'without a challenge'}`,
          account?.source,
          false
        )
      if (/\bbearer\b/i.test(challenge)) current = await askForToken(challenge, signal)
      // The same password once more would be refused again.
      else if (!/\bbasic\b/i.test(challenge) || basic === undefined || basic === current) throw refused()
      else current = basic
      return current
    }
  }
}

/** Where to ask for a token, and what for: as the challenge says. */
function tokenUrl(challenge: string, { host, isSecure, account }: AuthenticatorOptions): URL {
  const parameters = challenge.slice(challenge.search(/\bbearer\b/i))
  const parameter = (name: string) => new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(parameters)?.[1]
  const realm = parameter('realm') ?? ''
  const url = URL.canParse(realm) ? new URL(realm) : undefined
  const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && !isSecure)
  // A password does not leave TLS, whatever the registry asks for.
  if (url === undefined || !isAllowed) {
    const shown = url === undefined ? realm : `${url.protocol}//${url.host}${url.pathname}`
    throw denied(host, `its token service is '${shown.slice(0, SHOWN_LENGTH_MAX)}'`, account?.source, false)
  }
  const service = parameter('service')
  if (service !== undefined) url.searchParams.set('service', service)
  for (const scope of parameter('scope')?.split(' ') ?? []) url.searchParams.append('scope', scope)
  return url
}

/** The value of a JSON text; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
