/** What the Kubernetes backend is told once per run: by the hook from its environment, by tests directly. */
import type { Clock } from '../../../machines/ports.ts'
import type { BuilderName } from '../../builders/catalog.ts'
import type { Reporter } from '../../log/reporter.ts'
import type { RunnerPaths } from '../../work-tree/layout.ts'
import type { ServiceAddress } from '../api/access.ts'
import type { RegistrySettings } from '../registry/settings.ts'

export interface KubernetesOptions {
  /** KUBERNETES_SERVICE_HOST and _PORT; undefined where KUBECONFIG is set or there is no service account. */
  readonly service?: ServiceAddress | undefined
  /** ACTIONS_RUNNER_POD_NAME: base of all names, value of the label, owner of everything created. */
  readonly runnerPod: string
  /** Undefined: the namespace of the kubeconfig or of the service account. */
  readonly namespace?: string | undefined
  /** ACTIONS_RUNNER_CLAIM_NAME: forces volume mode with this PersistentVolumeClaim. */
  readonly claimName?: string | undefined
  /** ACTIONS_RUNNER_IMAGE: image of the containers that move files; undefined: the runner container's own image. */
  readonly runnerImage?: string | undefined
  /** Undefined when none of the registry variables is set: a Dockerfile then ends in `notConfigured`. */
  readonly registry?: RegistrySettings | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER; undefined: the default one. */
  readonly builder?: BuilderName | undefined
  /** Undefined: the builder's default image. */
  readonly builderImage?: string | undefined
  /** Image that pushes what was built; undefined: the builder's own choice. */
  readonly pusherImage?: string | undefined
  /** The daemon of a builder that needs one. */
  readonly builderDaemon?: BuilderDaemon | undefined
  readonly paths: RunnerPaths
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_COLLECT_MAX_GIB in bytes: how much a step may hand back in copy mode; undefined: 10 GiB. */
  readonly bytesMax?: number | undefined
  /** The job pod of the job's state; undefined: the one with the usual name, if there is one. */
  readonly jobPod?: string | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE: path of the administrator's pod template. */
  readonly templatePath?: string | undefined
}

export interface BuilderDaemon {
  /** `tcp://host:port`, as pods reach it. */
  readonly address: string
  /** Name of the Secret with ca.crt, tls.crt and tls.key; undefined: without TLS. */
  readonly tlsSecret?: string | undefined
}

export interface KubernetesDependencies {
  readonly reporter: Reporter
  readonly clock: Clock
  /** `length` random lowercase hexadecimal digits. */
  readonly randomHex: (length: number) => string
}
