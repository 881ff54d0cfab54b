/**
 * The few Kubernetes API calls Slipway makes, each with a timeout, and retried (src/effects/retry.ts) after 429, 5xx and broken
 * connections: all of them are safe to repeat. Uses no verb that ARC's stock Role does not grant.
 */
import type { V1ObjectMeta, V1Pod, V1Secret } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { Clock } from '../../../machines/ports.ts'
import { retry } from '../../retry.ts'
import { timeoutSignal } from '../../system.ts'
import { openAccess, type ServiceAddress } from './access.ts'
import { type ApiCall, apiError, isAlreadyThere, isNotFound, isTransient, serverMessage } from './errors.ts'
import { apiPath } from './path.ts'
import { type ApiAccess, type ApiRequest, ApiStatusError, requestJson } from './request.ts'

const CALL_TIMEOUT_MS = 15_000
/** Bounds one list call; what is labelled for one runner pod is a handful. */
const LIST_ITEMS_MAX = 500
/** Ten thousand pods in one namespace. */
const LIST_PAGES_MAX = 20

const METHODS = { get: 'GET', list: 'GET', create: 'POST', delete: 'DELETE' } as const

/** A cluster as one runner sees it: one namespace, pods and secrets. */
export interface Cluster {
  readonly namespace: string
  readonly access: ApiAccess
  /** Undefined when there is no such pod. */
  getPod(name: string, signal: AbortSignal): Promise<V1Pod | undefined>
  /**
   * Creating what exists already under the same fixed name is not an error when it has the same owners: an earlier answer was
   * lost. Else it is somebody else's: `cluster-rejected`, and deleting it does nothing.
   */
  createPod(pod: V1Pod, signal: AbortSignal): Promise<void>
  /** Undefined when there is no such secret. */
  getSecret(name: string, signal: AbortSignal): Promise<V1Secret | undefined>
  createSecret(secret: V1Secret, signal: AbortSignal): Promise<void>
  /** Deleting what is gone is not an error. Without a grace period the pod is gone at once, but its programs may not be. */
  deletePod(name: string, signal: AbortSignal, graceSeconds?: number): Promise<void>
  deleteSecret(name: string, signal: AbortSignal): Promise<void>
  /** Metadata of all that a label selector selects; without one, of all there are. Rejects with `not-supported` past the bound. */
  list(resource: 'pods' | 'secrets', labelSelector: string | undefined, signal: AbortSignal): Promise<V1ObjectMeta[]>
}

interface Listed {
  readonly items: readonly (V1Pod | V1Secret)[]
  readonly metadata?: { readonly continue?: string }
}

/** Connects with the kubeconfig of the environment, else the pod's own service account. */
export async function connectCluster(options: {
  readonly service?: ServiceAddress | undefined
  readonly namespace?: string | undefined
  readonly clock: Clock
  /** Told of every retried call. */
  readonly onRetry: (line: string) => void
}): Promise<Cluster> {
  const { access, namespace } = await openAccess(options.service, options.namespace)

  /** An outage is said once, not with every try. */
  let saidRetry: string | undefined
  const call = async <T>(
    what: Omit<ApiCall, 'namespace' | 'resource'> & { readonly resource: 'pods' | 'secrets' },
    signal: AbortSignal,
    request: Omit<ApiRequest, 'method' | 'path'> = {}
  ): Promise<T> => {
    const isOfOne = what.verb === 'get' || what.verb === 'delete'
    const path = apiPath({ namespace, resource: what.resource, name: isOfOne ? what.name : undefined })
    const attempt = () => {
      const timeout = timeoutSignal(CALL_TIMEOUT_MS)
      // A create that is under way is not cut off: whether it took effect must be known before the thing is deleted.
      const timed = what.verb === 'create' ? timeout : AbortSignal.any([signal, timeout])
      return requestJson<T>(access, { ...request, method: METHODS[what.verb], path }, timed)
    }
    const say = (error: unknown) => {
      const line = `Kubernetes API: ${what.verb} ${what.resource} failed (${serverMessage(error)}), trying again`
      if (line !== saidRetry) options.onRetry(line)
      saidRetry = line
    }
    try {
      const result = await retry('apiCall', attempt, {
        clock: options.clock,
        signal,
        mayHeal: isTransient,
        say,
        askedForMs: (error) => (error instanceof ApiStatusError ? (error.retryAfterMs ?? 0) : 0)
      })
      saidRetry = undefined
      return result
    } catch (error) {
      signal.throwIfAborted()
      throw apiError(error, { ...what, namespace })
    }
  }
  const unless = async <T>(tolerated: (cause: unknown) => boolean, result: Promise<T>): Promise<T | undefined> => {
    try {
      return await result
    } catch (error) {
      if (error instanceof StepError && tolerated(error.cause)) return undefined
      throw error
    }
  }
  const getOne = <T>(resource: 'pods' | 'secrets', name: string, signal: AbortSignal) =>
    unless(isNotFound, call<T>({ verb: 'get', resource, name }, signal))
  /** Creates under way, by kind and name; deleting waits for them, so that nothing appears after it was removed. */
  const creating = new Map<string, Promise<unknown>>()
  /** What was to be created, until it is known to be: deleting looks whether it is what has the name. */
  const uncertain = new Map<string, V1Pod | V1Secret>()
  const createOne = async (resource: 'pods' | 'secrets', body: V1Pod | V1Secret, signal: AbortSignal) => {
    const name = body.metadata?.name ?? ''
    const key = `${resource} ${name}`
    uncertain.set(key, body)
    const creation = call({ verb: 'create', resource, name }, signal, { body }).then(() => 'created')
    creating.set(key, creation)
    const isCreated = (await unless(isAlreadyThere, creation).finally(() => creating.delete(key))) === 'created'
    if (!isCreated && !(await isTheSame(resource, body, signal))) {
      throw new StepError('cluster-rejected', `${resource} ${name} exists already and does not belong to this runner`)
    }
    uncertain.delete(key)
  }
  const isTheSame = async (resource: 'pods' | 'secrets', body: V1Pod | V1Secret, signal: AbortSignal) => {
    const { name = '', ownerReferences = [] } = body.metadata ?? {}
    if (ownerReferences.length === 0) return true
    const there = await getOne<V1Pod | V1Secret>(resource, name, signal)
    const uids = new Set(there?.metadata?.ownerReferences?.map(({ uid }) => uid))
    return there === undefined || ownerReferences.every(({ uid }) => uids.has(uid))
  }
  const deleteOne = async (resource: 'pods' | 'secrets', name: string, signal: AbortSignal, graceSeconds = 0) => {
    const key = `${resource} ${name}`
    await creating.get(key)?.catch(() => {})
    const body = uncertain.get(key)
    if (body !== undefined && !(await isTheSame(resource, body, signal))) return
    const query = { gracePeriodSeconds: String(graceSeconds) }
    await unless(isNotFound, call({ verb: 'delete', resource, name }, signal, { query }))
  }
  const list: Cluster['list'] = async (resource, labelSelector, signal) => {
    const found: V1ObjectMeta[] = []
    let next: string | undefined
    for (let page = 0; page < LIST_PAGES_MAX; page += 1) {
      const limits = { limit: String(LIST_ITEMS_MAX), ...(next !== undefined && { continue: next }) }
      const query = { ...limits, ...(labelSelector !== undefined && { labelSelector }) }
      const what = { verb: 'list', resource, name: labelSelector ?? '' } as const
      const { items, metadata } = await call<Listed>(what, signal, { query })
      found.push(...items.flatMap((item) => item.metadata ?? []))
      next = metadata?.continue || undefined
      if (next === undefined) return found
    }
    const bound = LIST_PAGES_MAX * LIST_ITEMS_MAX
    throw new StepError('not-supported', `namespace ${namespace} has more than ${bound} ${resource}`)
  }

  return {
    namespace,
    access,
    getPod: (name, signal) => getOne<V1Pod>('pods', name, signal),
    getSecret: (name, signal) => getOne<V1Secret>('secrets', name, signal),
    createPod: (body, signal) => createOne('pods', body, signal),
    createSecret: (body, signal) => createOne('secrets', body, signal),
    deletePod: (name, signal, graceSeconds) => deleteOne('pods', name, signal, graceSeconds),
    deleteSecret: (name, signal) => deleteOne('secrets', name, signal),
    list
  }
}
