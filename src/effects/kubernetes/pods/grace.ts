/** Whether what keeps a container from starting may still heal by itself, for everything that waits for one to start. */
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import type { StepError } from '../../../errors.ts'
import type { Clock } from '../../../machines/ports.ts'

/** How long a kubelet may fail to pull; with all attempts of a stage that stays under a minute. */
const PULL_PATIENCE_MS = 8_000
/** A kubelet that lacks a Secret looks again after ten to fifteen seconds; that it failed again is told much later. */
const SECRET_PATIENCE_MS = 25_000
/** A kubelet's words for a Secret that it has not got from the API server within a second. */
const NOT_SYNCED = /failed to sync (?:secret|configmap) cache/

/** True while `failure`, with which `status` waits, is worth waiting out. Remembers since when it has been there. */
export type Patience = (pod: V1Pod, failure: StepError, status?: V1ContainerStatus) => boolean

/** `ownSecret`: name of a Secret that is made together with the pod, and that the kubelet may not have heard of yet. */
export function createPatience(clock: Clock, ownSecret?: string): Patience {
  const since = new Map<string, number>()
  const limitMs = (pod: V1Pod, { code, detail = '', retryable }: StepError): number => {
    if (retryable) return PULL_PATIENCE_MS
    const isUnknown = ownSecret !== undefined && detail.includes(ownSecret)
    // On a busy node a kubelet asks the registry without the Secret that it has not got yet, and is refused.
    const isRefused = code === 'image-denied' && (pod.spec?.imagePullSecrets?.length ?? 0) > 0
    return isUnknown || isRefused || NOT_SYNCED.test(detail) ? SECRET_PATIENCE_MS : 0
  }
  return (pod, failure, status) => {
    const key = `${status?.name} ${failure.code}`
    const sinceMs = since.get(key) ?? clock.now()
    since.set(key, sinceMs)
    return clock.now() - sinceMs < limitMs(pod, failure)
  }
}
