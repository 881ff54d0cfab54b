/** The few calls Slipway makes to a registry itself: is it there, what digest has a tag, remove an image. No layers. */
import * as z from 'zod/mini'
import { StepError } from '../../errors.ts'
import { type Account, createAuthenticator, parseJson } from './auth.ts'
import { createdAt, type ImageProgram, listRepositories, programOf } from './catalog.ts'
import { DELETION_OFF, denied, notRemoved, unreachable } from './failures.ts'
import { isDigest, parseReference, type RegistryTarget } from './reference.ts'
import { type Answer, createSend } from './request.ts'

export interface RegistryClient {
  /** Resolves when the registry answers and lets us in. */
  ping(signal: AbortSignal): Promise<void>
  /** `sha256:...` of what a tag or digest points to; undefined when there is no such image. */
  digestOf(reference: string, signal: AbortSignal): Promise<string | undefined>
  /**
   * References, `host/repository:tag`, of everything tagged in a repository; none when there is no such repository. What the
   * registry calls a tag may be anything. Rejects with `not-supported` past the bound.
   */
  tagged(repository: string, signal: AbortSignal): Promise<readonly string[]>
  /** Names of all repositories; undefined when the registry does not list them. */
  repositories(signal: AbortSignal): Promise<readonly string[] | undefined>
  /** What an image says of when it was made (RFC 3339); undefined when it does not. */
  createdAt(reference: string, signal: AbortSignal): Promise<string | undefined>
  /** What an image runs; undefined when there is no such image. */
  programOf(reference: string, signal: AbortSignal): Promise<ImageProgram | undefined>
  /** Removes an image by tag or digest; one that is gone already counts as removed. */
  remove(reference: string, signal: AbortSignal): Promise<void>
  /** Whether images can be removed at all, found out by removing one that does not exist. */
  mayDelete(repository: string, signal: AbortSignal): Promise<boolean>
}

export interface RegistryClientOptions {
  /** Undefined: only what anybody may have. */
  readonly account?: Account | undefined
  /** Certificates, PEM, that are trusted besides those that Node trusts. */
  readonly ca?: string | undefined
  /** Told of every token that the registry gives, before it is used. */
  readonly onSecret?: ((secret: string) => void) | undefined
  /** How long one request may take, milliseconds. */
  readonly requestMsMax?: number | undefined
}

/** Without these a registry may convert a manifest, and answer with the digest of the converted one. */
const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json'
].join(', ')

/** The digest of nothing that exists. */
const NO_IMAGE = `sha256:${'0'.repeat(64)}`

/** OCI distribution specification, "Listing Tags"; a repository whose tags are all gone answers with null. */
const tagList = z.object({ tags: z.nullish(z.array(z.unknown())) })
/** A job makes one for each Dockerfile action. */
const TAGS_MAX = 1_000
/** Of what the registry calls a tag; a longer one is none. */
const TAG_LENGTH_MAX = 128

function tagOf(given: unknown): string {
  const text = typeof given === 'string' ? given : `(${typeof given})`
  return text.length <= TAG_LENGTH_MAX ? text : `${text.slice(0, TAG_LENGTH_MAX)}…`
}

const isOk = ({ status }: Answer) => status >= 200 && status < 300

/** One call below `/v2/`; resolves with the answer, unless it is one that nobody can go on with. */
type Call = (method: string, path: string, signal: AbortSignal) => Promise<Answer>

function createCall({ pushHost: host, plainHttp }: RegistryTarget, options: RegistryClientOptions): Call {
  const { account, onSecret = () => {} } = options
  const send = createSend(options.ca, options.requestMsMax)
  const authenticator = createAuthenticator({ host, isSecure: !plainHttp, account, send, onSecret })

  const attempt = async (
    method: string,
    path: string,
    authorization: string | undefined,
    signal: AbortSignal
  ): Promise<Answer> => {
    const url = `${plainHttp ? 'http' : 'https'}://${host}/v2/${path}`
    const headers = { accept: MANIFEST_TYPES, ...(authorization !== undefined && { authorization }) }
    return await send({ method, url, headers }, signal).catch((thrown: unknown) => {
      throw unreachable(host, `${method} ${url}`, thrown)
    })
  }
  const authenticated: Call = async (method, path, signal) => {
    const answer = await attempt(method, path, authenticator.current(), signal)
    if (answer.status !== 401) return answer
    // Nobody has asked before, a token has expired, or it was for something else.
    const authorization = await authenticator.meet(answer.headers['www-authenticate'], signal)
    return await attempt(method, path, authorization, signal)
  }
  return async (method, path, signal) => {
    const answer = await authenticated(method, path, signal).catch((thrown: unknown) => {
      if (signal.aborted) throw new StepError('cancelled', 'The call to the image registry was cancelled')
      throw thrown
    })
    const { status } = answer
    // Who has a token is known to the registry.
    const isKnown = status === 403 || authenticator.current()?.startsWith('Bearer ') === true
    if (status === 401 || status === 403) {
      throw denied(host, `${method} ${path}: status ${status}`, account?.source, isKnown)
    }
    if (status === 429 || status >= 500) throw unreachable(host, `${method} ${path}`, `status ${status}`)
    return answer
  }
}

/**
 * A client for one registry. Rejects with `registry-unreachable` (no connection, no answer in time, 429 and 5xx),
 * `push-denied` (401, 403), `cleanup-failed` (deletion is switched off) or `cancelled`.
 */
export function createRegistryClient(target: RegistryTarget, options: RegistryClientOptions = {}): RegistryClient {
  const host = target.pushHost
  const request = createCall(target, options)
  const get = (path: string, signal: AbortSignal) => request('GET', path, signal)
  const manifestPath = (repository: string, version: string) => `${repository}/manifests/${version}`

  const digestOf = async (reference: string, signal: AbortSignal) => {
    const { repository, version } = parseReference(reference)
    const answer = await request('HEAD', manifestPath(repository, version), signal)
    if (answer.status === 404) return undefined
    const digest = answer.headers['docker-content-digest']
    if (isOk(answer) && isDigest(digest)) return digest
    throw unreachable(
      host,
      `HEAD ${reference}`,
      `status ${answer.status}, ${digest === undefined ? 'without a digest' : 'with a digest that is none'}`
    )
  }

  return {
    async ping(signal) {
      const answer = await request('GET', '', signal)
      if (!isOk(answer)) throw unreachable(host, 'GET /v2/', `status ${answer.status}, as if it were no registry`)
    },
    digestOf,
    async tagged(repository, signal) {
      const path = `${repository}/tags/list`
      const answer = await request('GET', path, signal)
      if (answer.status === 404) return []
      const listed = tagList.safeParse(parseJson(answer.body))
      if (!listed.success) throw unreachable(host, `GET ${path}`, `status ${answer.status} without a list of tags`)
      const tags = listed.data.tags ?? []
      if (tags.length > TAGS_MAX) {
        throw new StepError('not-supported', `The repository ${host}/${repository} has more than ${TAGS_MAX} tags`)
      }
      return tags.map((tag) => `${host}/${repository}:${tagOf(tag)}`)
    },
    repositories: (signal) => listRepositories(get, signal),
    createdAt: (reference, signal) => createdAt(get, parseReference(reference), signal),
    programOf: (reference, signal) => programOf(get, parseReference(reference), signal),
    async remove(reference, signal) {
      // Registries delete manifests by digest only (OCI distribution specification, "Deleting Manifests").
      const digest = await digestOf(reference, signal)
      if (digest === undefined) return
      const { repository } = parseReference(reference)
      const answer = await request('DELETE', manifestPath(repository, digest), signal)
      if (isOk(answer) || answer.status === 404) return
      throw notRemoved(reference, answer.status)
    },
    async mayDelete(repository, signal) {
      const { status } = await request('DELETE', manifestPath(repository, NO_IMAGE), signal)
      return status !== DELETION_OFF
    }
  }
}
