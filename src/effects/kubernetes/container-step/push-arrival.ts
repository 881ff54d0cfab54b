/**
 * Whether a pushed image has arrived in the registry, for the builder: the registry knows up to a second before the kubelet looks
 * at containers again and the pod's status says so.
 */
import type { Clock } from '../../../machines/ports.ts'
import { timeoutSignal } from '../../system.ts'
import { createPause } from '../pods/wait.ts'
import type { DigestOf } from '../registry/built-images.ts'

/** How long the registry may take to answer, milliseconds; it is not asked again after that. */
const REGISTRY_MS_MAX = 1_000

export interface Arrival {
  hasArrived(): boolean
  /** Waits until it is time to look at the pod again, and asks the registry. */
  pause(): Promise<void>
}

/** Without `digestOf`, or once the registry could not be asked from here, only the pod's status will tell. */
export function watchArrival(
  clock: Clock,
  digestOf: DigestOf | undefined,
  image: { readonly reference: string; readonly digest: string },
  signal: AbortSignal
): Arrival {
  const sleep = createPause(clock, signal)
  let ask = digestOf
  let hasArrived = false
  return {
    hasArrived: () => hasArrived,
    async pause() {
      await sleep()
      const found = await ask?.(image.reference, AbortSignal.any([signal, timeoutSignal(REGISTRY_MS_MAX)])).catch(
        () => {
          ask = undefined
        }
      )
      hasArrived = found === image.digest
    }
  }
}
