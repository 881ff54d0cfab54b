/** A small cluster and a registry that live on a simulated clock: what is there, and what its pods' programs have done. */
import type { V1Pod, V1Secret } from '@kubernetes/client-node'
import type { Clock } from '../../../src/machines/ports.ts'
import { type Done, type Life, startLife } from './pod-life.ts'

export const NAMESPACE = 'arc'
export const RUNNER_POD = 'runner-abc'
export const JOB_POD = `${RUNNER_POD}-workflow`

export interface World {
  readonly clock: Clock
  readonly pods: ReadonlyMap<string, Life>
  readonly secrets: ReadonlyMap<string, V1Secret>
  /** Digests by `repository:tag`. */
  readonly images: Map<string, string>
  /** What programs have done, whatever became of their pods. */
  readonly done: Done
  /** False: there is one of that name already. */
  createPod(pod: V1Pod): boolean
  /** False: there is none. */
  deletePod(name: string, graceSeconds: number): boolean
  createSecret(secret: V1Secret): boolean
  deleteSecret(name: string): boolean
}

/** Programs that are asked to end do so after this long. */
const TERMINATION_MS = 200

/** How a pod lives that was made; rejects when it is ended. */
export type Living = (life: Life, world: World) => Promise<void>

/** `lingerMs`: how long what was deleted is still there, as with a finalizer of others. */
export function createWorld(clock: Clock, runnerPod: V1Pod, live: Living, lingerMs = 0): World {
  const pods = new Map<string, Life>()
  const secrets = new Map<string, V1Secret>()
  const images = new Map<string, string>()
  const done: Done = { runs: [], buildsFailedAtMs: [], builds: 0 }
  let made = 0
  const remove = (name: string) => {
    pods.get(name)?.end()
    pods.delete(name)
  }
  pods.set(RUNNER_POD, startLife(clock, runnerPod))

  const world: World = {
    clock,
    pods,
    secrets,
    images,
    done,
    createPod(pod) {
      const name = pod.metadata?.name ?? ''
      if (pods.has(name)) return false
      made += 1
      if (pod.metadata !== undefined) pod.metadata.uid ??= `pod-${made}`
      const life = startLife(clock, pod)
      pods.set(name, life)
      live(life, world).catch((error: Error) => {
        if (!life.signal.aborted) throw error
      })
      life.onGone(() => remove(name))
      return true
    },
    deletePod(name, graceSeconds) {
      const life = pods.get(name)
      if (life === undefined) return false
      if (graceSeconds === 0 && lingerMs === 0) remove(name)
      else life.terminate(Math.max(lingerMs, TERMINATION_MS))
      return true
    },
    createSecret(secret) {
      const name = secret.metadata?.name ?? ''
      if (secrets.has(name)) return false
      secrets.set(name, secret)
      return true
    },
    deleteSecret: (name) => secrets.delete(name)
  }
  return world
}
