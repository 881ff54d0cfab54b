/** Parts that our pods have in common, so that each security decision is written once. */
import type {
  V1Container,
  V1Pod,
  V1PodSpec,
  V1ResourceRequirements,
  V1SecurityContext,
  V1Volume,
  V1VolumeMount
} from '@kubernetes/client-node'
import type { Site } from '../context/site.ts'
import { ARCHITECTURE_LABEL, architectureFor } from '../template/architecture.ts'
import { applyTemplate, type PodKind } from '../template/merge.ts'

/** How a pod comes by the runner's files, as the transfer has chosen: data for the pure builders. */
export interface PodFiles {
  /** Has the files in the layout of the runner's work directory, or gets them. */
  readonly volume: V1Volume
  /** The only node that can mount it; undefined where every node can. */
  readonly nodeName?: string | undefined
  /** What an init container waits with until the files are there, in a shell's words; undefined where they are. */
  readonly arrival?: { readonly words: string; readonly mount: V1VolumeMount } | undefined
  /** Beside the pod's own: files are moved through them. */
  readonly containers: readonly V1Container[]
  /** Owns a volume that is new. */
  readonly fsGroup?: number | undefined
}

/** The same for a build pod. */
export interface ContextFiles extends PodFiles {
  /** Path inside the volume of the build context. */
  readonly contextPath: string
}

/** A build context that is copied into a volume of its own. */
export interface ContextPart {
  readonly volume: V1Volume
  /** The first one of the pod; the next one starts when the context is there. */
  readonly container: V1Container
  readonly mountAt: (path: string) => V1VolumeMount
  /** What opens the registries of images in FROM, as long as the build lasts; undefined where nothing does. */
  readonly login?: { readonly volume: V1Volume; readonly mountAt: (path: string) => V1VolumeMount } | undefined
}

/**
 * Text that arrives in a container as it is. In commands, arguments, probes and values of variables Kubernetes puts a variable's
 * value for `$(NAME)` and one `$` for two, so each is doubled; in Secrets, postStart hooks and exec calls it does neither.
 */
export const unexpanded = (text: string): string => text.replaceAll('$', '$$$$')

/** For containers that are not the action's own: only the capabilities named, and no privilege to gain unless that is said. */
export function hardened(capabilities: readonly string[] = [], mayEscalate = false): V1SecurityContext {
  return {
    allowPrivilegeEscalation: mayEscalate,
    privileged: false,
    capabilities: { drop: ['ALL'], ...(capabilities.length > 0 && { add: [...capabilities] }) }
  }
}

/** What every pod of ours has: no token, no service variables, the runtime's seccomp profile, the runner's pull secrets. */
export function podBase(site: Site): Partial<V1PodSpec> {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    terminationGracePeriodSeconds: 0,
    ...(site.imagePullSecrets.length > 0 && { imagePullSecrets: [...site.imagePullSecrets] })
  }
}

/** Which nodes a pod may be on: those of its job's architecture, and where only one can mount its work volume, that one. */
export function placement(site: Site, { nodeName }: Pick<PodFiles, 'nodeName'>, kind: PodKind): Partial<V1PodSpec> {
  const nodeSelector = { [ARCHITECTURE_LABEL]: architectureFor(site, kind) }
  if (nodeName === undefined) return { nodeSelector }
  const onNode = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] }
  return {
    nodeSelector,
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [onNode] } } }
  }
}

/**
 * Of containers that are not the workflow's: what quotas and policies want to see, and little enough for every node. No limits: they
 * would slow down what copies and pushes, or end it.
 */
export const HELPER_RESOURCES: V1ResourceRequirements = { requests: { cpu: '10m', memory: '32Mi' } }

/** What only a helper of ours differs in. */
type Helper = Required<Pick<V1Container, 'name' | 'command' | 'volumeMounts'>> & Pick<V1Container, 'securityContext'>

/** A container of ours beside those of the workflow, in the runner's image: that is on the node, and has what is needed. */
export const helperContainer = (
  { runnerImage: image }: Site,
  { name, command, securityContext = hardened(), volumeMounts }: Helper
): V1Container => ({
  name,
  image,
  imagePullPolicy: 'IfNotPresent',
  command,
  resources: HELPER_RESOURCES,
  securityContext,
  volumeMounts
})

/** A step or build pod as the administrator's template wants it, with what the template asked for in vain said once. */
export function templated(site: Site, plain: V1Pod, kind: Exclude<PodKind, 'job'>): V1Pod {
  const { pod, warnings } = applyTemplate(plain, site.template, kind)
  for (const warning of warnings) site.reporter.warning(warning)
  return pod
}
