/**
 * What a build pod has for a builder that starts containers inside of its own (docs/adr/0020), pure: a seccomp profile that lets it, a /proc
 * that other containers' can be mounted beside, and a disk for their layers. None of it reaches beyond the pod's user namespace.
 */
import type { V1Pod, V1SecurityContext, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { ChosenBuilder } from '../../builders/choose.ts'

const VOLUME = 'builder-state'

export interface NestedContainers {
  readonly securityContext: Pick<V1SecurityContext, 'seccompProfile' | 'procMount'>
  readonly volumes: readonly V1Volume[]
  readonly mounts: readonly V1VolumeMount[]
}

/** Nothing for a builder that starts none. `statePath`: where the disk is mounted. */
export function nestedContainers({ seccompProfile }: ChosenBuilder, statePath: string): NestedContainers {
  if (seccompProfile === undefined) return { securityContext: {}, volumes: [], mounts: [] }
  return {
    securityContext: {
      seccompProfile: { type: 'Localhost', localhostProfile: seccompProfile },
      procMount: 'Unmasked'
    },
    // Layers cannot be kept on the container's own disk: that is made of layers itself.
    volumes: [{ name: VOLUME, emptyDir: {} }],
    mounts: [{ name: VOLUME, mountPath: statePath }]
  }
}

/** The same pod for an API server whose Baseline allows no unmasked /proc yet: before Kubernetes 1.35. */
export function masked(pod: V1Pod): V1Pod {
  const { initContainers = [], containers = [], ...spec } = pod.spec ?? {}
  const withoutProcMount = initContainers.map((container) => {
    const { procMount: _, ...securityContext } = container.securityContext ?? {}
    return { ...container, securityContext }
  })
  return { ...pod, spec: { ...spec, containers, initContainers: withoutProcMount } }
}
