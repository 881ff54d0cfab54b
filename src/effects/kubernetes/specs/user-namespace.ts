/**
 * Whether our pods get a user namespace, in which root is nobody on the node (docs/adr/0018), pure: what the settings say, and before
 * them the administrator's template.
 */
import type { V1PodSpec, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { UserNamespaceChoice } from '../context/options.ts'
import type { Site } from '../context/site.ts'

/** Of build pods. Kubernetes refuses a user namespace beside one that is the node's, so a template that asks for that has none. */
export function userNamespaceOfBuilds({ template, buildUserNamespace = 'auto' }: Site): UserNamespaceChoice {
  const { hostUsers, hostNetwork, hostPID, hostIPC } = template?.build.spec ?? {}
  if (hostUsers !== undefined) return hostUsers ? 'off' : 'on'
  return buildUserNamespace === 'auto' && (hostNetwork || hostPID || hostIPC) ? 'off' : buildUserNamespace
}

/** Of job pods and step pods. */
export const userNamespaceOfSteps = ({ stepUserNamespace }: Site): Pick<V1PodSpec, 'hostUsers'> =>
  stepUserNamespace === 'on' ? { hostUsers: false } : {}

export interface PodParts {
  readonly spec: Pick<V1PodSpec, 'hostUsers'>
  /** For the container that builds. */
  readonly mounts: readonly V1VolumeMount[]
  readonly volumes: readonly V1Volume[]
}

/**
 * What makes a build pod one in a user namespace. The memory that the container which builds gets is not used: it is there so that the
 * pod fails before the build on kernels before 6.3, which cannot map ids on memory. The container that pushes needs some.
 */
export const WITH_USER_NAMESPACE: PodParts = {
  spec: { hostUsers: false },
  mounts: [{ name: 'mapped-memory', mountPath: '/dev/mapped-memory', readOnly: true }],
  volumes: [{ name: 'mapped-memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }]
}
export const WITHOUT_USER_NAMESPACE: PodParts = { spec: {}, mounts: [], volumes: [] }
