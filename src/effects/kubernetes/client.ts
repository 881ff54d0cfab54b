/**
 * The few Kubernetes API calls Slipway makes, each with a timeout and the only retry below the machine (design section 5):
 * 429, 5xx and broken connections, on calls that are safe to repeat. Uses no verb that ARC's stock Role does not grant.
 */
import { Agent } from 'node:https'
import {
  type ConfigurationOptions,
  CoreV1Api,
  createConfiguration,
  KubeConfig,
  type V1Pod,
  type V1Secret
} from '@kubernetes/client-node'
import pRetry from 'p-retry'
import { StepError } from '../../errors.ts'
import type { Clock } from '../../machines/ports.ts'
import {
  type ApiCall,
  apiError,
  isConflict,
  isNotFound,
  isTransient,
  retryAfterMs,
  serverMessage
} from './api-errors.ts'

const CALL_TIMEOUT_MS = 15_000
const CALL_RETRIES_MAX = 4
const CALL_BACK_OFF_MS = 200
const RETRY_AFTER_MS_MAX = 10_000
/** Bounds one list call; what is labelled for one runner pod is a handful. */
const LIST_ITEMS_MAX = 500

/** A cluster as one runner sees it: one namespace, pods and secrets. */
export interface Cluster {
  readonly namespace: string
  readonly config: KubeConfig
  /** Undefined when there is no such pod. */
  getPod(name: string, signal: AbortSignal): Promise<V1Pod | undefined>
  /** Creating what exists already under the same fixed name is not an error: an earlier answer was lost. */
  createPod(pod: V1Pod, signal: AbortSignal): Promise<void>
  createSecret(secret: V1Secret, signal: AbortSignal): Promise<void>
  /** Grace period 0; deleting what is gone is not an error. */
  deletePod(name: string, signal: AbortSignal): Promise<void>
  deleteSecret(name: string, signal: AbortSignal): Promise<void>
  /** Names of what carries a label. */
  podNames(labelSelector: string, signal: AbortSignal): Promise<string[]>
  secretNames(labelSelector: string, signal: AbortSignal): Promise<string[]>
}

/** Connects with the kubeconfig of the environment, else the pod's own service account. */
export function connectCluster(options: {
  readonly namespace?: string | undefined
  readonly clock: Clock
  /** Told of every retried call. */
  readonly onRetry: (line: string) => void
}): Cluster {
  const config = new KubeConfig()
  config.loadFromDefault()
  const namespace = options.namespace ?? namespaceOf(config)
  const api = config.makeApiClient(CoreV1Api)
  const optionsFor = callOptions()

  const call = async <T>(
    what: Omit<ApiCall, 'namespace'>,
    signal: AbortSignal,
    send: (callOptions: ConfigurationOptions) => Promise<T>
  ): Promise<T> => {
    const apiCall = { ...what, namespace }
    const attempt = async () => {
      const timeout = AbortSignal.timeout(CALL_TIMEOUT_MS)
      // A create that is under way is not cut off: whether it took effect must be known before the thing is deleted.
      const timed = what.verb === 'create' ? timeout : AbortSignal.any([signal, timeout])
      try {
        return await send(optionsFor(timed))
      } catch (error) {
        // node-fetch reports an abort as its own error: say which of the two signals it was.
        signal.throwIfAborted()
        // p-retry does not retry a TypeError, which is what a failed connection may be.
        throw error instanceof TypeError ? new Error(error.message, { cause: error }) : error
      }
    }
    try {
      return await pRetry(attempt, {
        retries: CALL_RETRIES_MAX,
        minTimeout: CALL_BACK_OFF_MS,
        randomize: true,
        signal,
        shouldRetry: ({ error }) => isTransient(error),
        onFailedAttempt: async ({ error, attemptNumber }) => {
          if (signal.aborted || !isTransient(error) || attemptNumber > CALL_RETRIES_MAX) return
          options.onRetry(
            `Kubernetes API: ${what.verb} ${what.resource} failed (${serverMessage(error)}), trying again`
          )
          await options.clock.sleep(Math.min(retryAfterMs(error) ?? 0, RETRY_AFTER_MS_MAX), signal)
        }
      })
    } catch (error) {
      signal.throwIfAborted()
      throw Object.assign(apiError(error, apiCall), { cause: error })
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

  /** Creates under way, by kind and name; deleting waits for them, so that nothing appears after it was removed. */
  const creating = new Map<string, Promise<unknown>>()
  const create = async (key: string, result: Promise<unknown>): Promise<void> => {
    creating.set(key, result)
    await unless(isConflict, result).finally(() => creating.delete(key))
  }
  const remove = async (key: string, send: () => Promise<unknown>): Promise<void> => {
    await creating.get(key)?.catch(() => {})
    await unless(isNotFound, send())
  }

  return {
    namespace,
    config,
    getPod: (name, signal) =>
      unless(
        isNotFound,
        call({ verb: 'get', resource: 'pods', name }, signal, (o) => api.readNamespacedPod({ name, namespace }, o))
      ),
    createPod(body, signal) {
      const what = { verb: 'create', resource: 'pods', name: body.metadata?.name ?? '' } as const
      return create(
        `pod ${what.name}`,
        call(what, signal, (o) => api.createNamespacedPod({ namespace, body }, o))
      )
    },
    createSecret(body, signal) {
      const what = { verb: 'create', resource: 'secrets', name: body.metadata?.name ?? '' } as const
      return create(
        `secret ${what.name}`,
        call(what, signal, (o) => api.createNamespacedSecret({ namespace, body }, o))
      )
    },
    deletePod(name, signal) {
      const what = { verb: 'delete', resource: 'pods', name } as const
      const request = { name, namespace, gracePeriodSeconds: 0 }
      return remove(`pod ${name}`, () => call(what, signal, (o) => api.deleteNamespacedPod(request, o)))
    },
    deleteSecret(name, signal) {
      const what = { verb: 'delete', resource: 'secrets', name } as const
      return remove(`secret ${name}`, () =>
        call(what, signal, (o) => api.deleteNamespacedSecret({ name, namespace }, o))
      )
    },
    async podNames(labelSelector, signal) {
      const what = { verb: 'list', resource: 'pods', name: labelSelector } as const
      const request = { namespace, labelSelector, limit: LIST_ITEMS_MAX }
      return namesOf(await call(what, signal, (o) => api.listNamespacedPod(request, o)))
    },
    async secretNames(labelSelector, signal) {
      const what = { verb: 'list', resource: 'secrets', name: labelSelector } as const
      const request = { namespace, labelSelector, limit: LIST_ITEMS_MAX }
      return namesOf(await call(what, signal, (o) => api.listNamespacedSecret(request, o)))
    }
  }
}

const namesOf = (list: { items: (V1Pod | V1Secret)[] }): string[] =>
  list.items.flatMap((item) => item.metadata?.name ?? [])

/** Options of one call: its signal, and one kept-alive agent for all (the client makes a new TLS connection per call otherwise). */
function callOptions(): (signal: AbortSignal) => ConfigurationOptions {
  let shared: Agent | undefined
  return (signal) => {
    const { middleware } = createConfiguration({
      promiseMiddleware: [
        {
          async pre(context) {
            const agent = context.getAgent()
            if (agent instanceof Agent) {
              shared ??= new Agent({ ...agent.options, keepAlive: true })
              context.setAgent(shared)
            }
            context.setSignal(signal)
            return context
          },
          post: async (response) => response
        }
      ]
    })
    return { middleware, middlewareMergeStrategy: 'append' }
  }
}

function namespaceOf(config: KubeConfig): string {
  const current = config.getContextObject(config.getCurrentContext())
  const namespace = current?.namespace ?? config.getContexts().find((context) => context.namespace)?.namespace
  if (namespace) return namespace
  throw new StepError(
    'not-configured',
    'no namespace found: set ACTIONS_RUNNER_KUBERNETES_NAMESPACE, or run the hook in a pod with a service account'
  )
}
