/** The few calls Slipway makes to a registry itself: is it there, what digest has a tag, remove an image. No layers. */
import * as z from 'zod'
import { StepError } from '../../errors.ts'
import { timeoutSignal } from '../system.ts'
import { parseReference, type RegistryTarget } from './reference.ts'

export interface RegistryClient {
  /** Resolves when the registry answers at all. */
  ping(signal: AbortSignal): Promise<void>
  /** `sha256:...` of what a tag or digest points to; undefined when there is no such image. */
  digestOf(reference: string, signal: AbortSignal): Promise<string | undefined>
  /** References, `host/repository:tag`, of everything tagged in a repository; none when there is no such repository. */
  tagged(repository: string, signal: AbortSignal): Promise<readonly string[]>
  /** Removes an image by tag or digest; one that is gone already counts as removed. */
  remove(reference: string, signal: AbortSignal): Promise<void>
}

/** How long one request may take, milliseconds. The registry is near, and no call moves a layer. */
const REQUEST_MS_MAX = 10_000

/** Without these a registry may convert a manifest, and answer with the digest of the converted one. */
const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json'
].join(', ')

/** OCI distribution specification, "Listing Tags"; a repository whose tags are all gone answers with null. */
const tagList = z.object({ tags: z.array(z.string()).nullish() })

/** A response that has been read to its end. */
interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

const isOk = ({ status }: Answer) => status >= 200 && status < 300

/**
 * A client for a registry without credentials. Rejects with `registry-unreachable` (no connection, no answer in time,
 * 429 and 5xx), `push-denied` (401, 403), `cleanup-failed` (deletion is switched off) or `cancelled`.
 */
export function createRegistryClient(target: RegistryTarget, requestMsMax: number = REQUEST_MS_MAX): RegistryClient {
  const host = target.pushHost
  const call = async (method: string, path: string, signal: AbortSignal): Promise<Answer> => {
    const url = `${target.plainHttp ? 'http' : 'https'}://${host}/v2/${path}`
    const deadline = timeoutSignal(requestMsMax)
    try {
      const response = await fetch(url, {
        method,
        headers: { accept: MANIFEST_TYPES },
        signal: AbortSignal.any([signal, deadline])
      })
      // Read to its end here, so that the deadline covers the body as well.
      return { status: response.status, headers: response.headers, body: await response.text() }
    } catch (thrown) {
      if (signal.aborted) throw new StepError('cancelled', 'The call to the image registry was cancelled')
      const reason = deadline.aborted ? `no answer within ${requestMsMax / 1000} s` : reasonOf(thrown)
      throw unreachable(host, `${method} ${url}`, reason, thrown)
    }
  }
  /** The answer, unless it is one that no caller can go on with. */
  const request = async (method: string, path: string, signal: AbortSignal): Promise<Answer> => {
    const response = await call(method, path, signal)
    const { status } = response
    if (status === 401 || status === 403) throw denied(host, `${method} ${path}: status ${status}`)
    if (status === 429 || status >= 500) throw unreachable(host, `${method} ${path}`, `status ${status}`)
    return response
  }
  const manifestPath = (repository: string, version: string) => `${repository}/manifests/${version}`

  const digestOf = async (reference: string, signal: AbortSignal) => {
    const { repository, version } = parseReference(reference)
    const response = await request('HEAD', manifestPath(repository, version), signal)
    if (response.status === 404) return undefined
    const digest = response.headers.get('docker-content-digest')
    if (isOk(response) && digest !== null) return digest
    throw unreachable(host, `HEAD ${reference}`, `status ${response.status}, digest ${digest ?? 'not given'}`)
  }

  return {
    async ping(signal) {
      await request('GET', '', signal)
    },
    digestOf,
    async tagged(repository, signal) {
      const path = `${repository}/tags/list`
      const response = await request('GET', path, signal)
      if (response.status === 404) return []
      const listed = tagList.safeParse(parseJson(response.body))
      if (!listed.success) throw unreachable(host, `GET ${path}`, `status ${response.status} without a list of tags`)
      return (listed.data.tags ?? []).map((tag) => `${host}/${repository}:${tag}`)
    },
    async remove(reference, signal) {
      // Registries delete manifests by digest only (OCI distribution specification, "Deleting Manifests").
      const digest = await digestOf(reference, signal)
      if (digest === undefined) return
      const { repository } = parseReference(reference)
      const response = await request('DELETE', manifestPath(repository, digest), signal)
      if (isOk(response) || response.status === 404) return
      throw notRemoved(reference, response.status)
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The innermost message: fetch hides `connect ECONNREFUSED` behind `fetch failed`. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  if (thrown.cause !== undefined) return reasonOf(thrown.cause)
  // An AggregateError, of several addresses tried, has no message of its own.
  return thrown.message || ('code' in thrown ? String(thrown.code) : thrown.name)
}

const unreachable = (host: string, what: string, reason: string, cause?: unknown) =>
  new StepError('registry-unreachable', `The image registry ${host} cannot be reached: ${reason}`, {
    detail: `${what}: ${reason}`,
    cause
  })

const denied = (host: string, what: string) =>
  new StepError('push-denied', `The image registry ${host} asks for credentials, and Slipway has none for it`, {
    detail: what
  })

function notRemoved(reference: string, status: number): StepError {
  const hint =
    status === 405
      ? 'deletion is switched off in the registry; set REGISTRY_STORAGE_DELETE_ENABLED=true there'
      : `the registry answered with status ${status}`
  return new StepError('cleanup-failed', `The image ${reference} could not be removed: ${hint}`, {
    remaining: [`image ${reference}`]
  })
}
