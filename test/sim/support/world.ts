/** A small cluster and a registry that live on a simulated clock: what is there, and what its pods' programs have done. */
import type { V1Pod, V1Secret } from '@kubernetes/client-node'
import type { Clock } from '../../../src/machines/ports.ts'
import { liveBuildPod } from './build-pod-life.ts'
import { type Life, liveStepPod, startLife } from './pod-life.ts'
import type { BuildStory, PodStory } from './story.ts'

export const NAMESPACE = 'arc'
export const RUNNER_POD = 'runner-abc'

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

export interface Done {
  /** What each start of an action's program has printed, whole lines. */
  readonly runs: string[][]
  /** When builds came to a bad end, all pods together. */
  readonly buildsFailedAtMs: number[]
}

export interface Stories {
  readonly builds: readonly BuildStory[]
  readonly step: PodStory
}

export const isBuildPod = ({ spec }: V1Pod): boolean => spec?.containers.some(({ name }) => name === 'push') ?? false

/** Programs that are asked to end do so after this long. */
const TERMINATION_MS = 200

export function createWorld(clock: Clock, stories: Stories, runnerPod: V1Pod): World {
  const pods = new Map<string, Life>()
  const secrets = new Map<string, V1Secret>()
  const images = new Map<string, string>()
  const done: Done = { runs: [], buildsFailedAtMs: [] }
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
      const life = startLife(clock, pod)
      pods.set(name, life)
      const number = Number(name.split('-').at(-1)) - 1
      const living = isBuildPod(pod)
        ? liveBuildPod(life, stories.builds[number] ?? stories.builds.at(-1), images, done)
        : liveStepPod(life, stories.step, done)
      living.catch((error: Error) => {
        if (!life.signal.aborted) throw error
      })
      life.onGone(() => remove(name))
      return true
    },
    deletePod(name, graceSeconds) {
      const life = pods.get(name)
      if (life === undefined) return false
      if (graceSeconds === 0) remove(name)
      else life.terminate(TERMINATION_MS)
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
