/** What the Kubernetes backend is told once per run: by the hook from its environment, by tests directly. */
import type { Clock } from '../../../machines/ports.ts'
import type { BuilderChoice } from '../../builders/choose.ts'
import type { Reporter } from '../../log/reporter.ts'
import type { RunnerPaths } from '../../work-tree/layout.ts'
import type { ServiceAddress } from '../api/access.ts'
import type { RegistrySettings } from '../registry/settings.ts'

/** `auto`: where nodes can. `on`: or not at all. */
export const USER_NAMESPACE_CHOICES = ['auto', 'on', 'off'] as const
export type UserNamespaceChoice = (typeof USER_NAMESPACE_CHOICES)[number]

/** Where Dockerfiles are built: `registry`: in a pod of their own, whose image goes through a registry; `auto`: so where there is one. */
export const BUILD_MODES = ['auto', 'registry', 'in-place'] as const

/** What can be said of the claim that holds the work directory; `auto`: it is found out where it can be. */
export const CLAIM_ACCESS_MODES = ['auto', 'ReadWriteOnce', 'ReadWriteMany'] as const

/** What GitHub calls the job that pods are for, as the runner says it: texts of workflows are among them. */
export interface Origin {
  readonly repository?: string | undefined
  readonly workflow?: string | undefined
  /** GITHUB_RUN_ID. */
  readonly run?: string | undefined
  readonly job?: string | undefined
}

export interface KubernetesOptions extends BuilderChoice {
  /** KUBERNETES_SERVICE_HOST and _PORT; undefined where KUBECONFIG is set or there is no service account. */
  readonly service?: ServiceAddress | undefined
  /** ACTIONS_RUNNER_POD_NAME: base of all names, value of the label, owner of everything created. */
  readonly runnerPod: string
  /** Undefined: the namespace of the kubeconfig or of the service account. */
  readonly namespace?: string | undefined
  /** ACTIONS_RUNNER_CLAIM_NAME: forces volume mode with this PersistentVolumeClaim. */
  readonly claimName?: string | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_CLAIM_ACCESS_MODE: who can mount that claim; undefined: `auto`. */
  readonly claimAccessMode?: (typeof CLAIM_ACCESS_MODES)[number] | undefined
  /** ACTIONS_RUNNER_IMAGE: image of the containers that move files; undefined: the runner container's own image. */
  readonly runnerImage?: string | undefined
  /** Undefined when none of the registry variables is set: a Dockerfile then ends in `notConfigured`. */
  readonly registry?: RegistrySettings | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_BASE_IMAGE_SECRET, for builds in place; those with a registry have it from there. */
  readonly baseImageSecret?: string | undefined
  readonly paths: RunnerPaths
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_COLLECT_MAX_GIB in bytes: how much a step may hand back in copy mode; undefined: 10 GiB. */
  readonly bytesMax?: number | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_HOST_PORTS: whether the ports that a workflow publishes are taken on the node; undefined: no. */
  readonly hostPorts?: boolean | undefined
  /** The job pod of the job's state; undefined: the one with the usual name, if there is one. */
  readonly jobPod?: string | undefined
  /** Undefined: nobody says it. */
  readonly origin?: Origin | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE: path of the administrator's pod template. */
  readonly templatePath?: string | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_MODE; undefined: `auto`. */
  readonly buildMode?: (typeof BUILD_MODES)[number] | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_AHEAD; undefined: `on`. */
  readonly buildAhead?: 'on' | 'off' | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_IN_PLACE_INIT; undefined: `off`. */
  readonly inPlaceInit?: 'on' | 'off' | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_USER_NAMESPACE: whether build pods get one; undefined: `auto`. */
  readonly buildUserNamespace?: UserNamespaceChoice | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_STEP_USER_NAMESPACE: the same for job pods and step pods; undefined: `off`. */
  readonly stepUserNamespace?: Exclude<UserNamespaceChoice, 'auto'> | undefined
}

export interface KubernetesDependencies {
  readonly reporter: Reporter
  readonly clock: Clock
  /** `length` random lowercase hexadecimal digits. */
  readonly randomHex: (length: number) => string
}
