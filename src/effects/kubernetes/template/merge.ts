/**
 * The administrator's pod template merged into a pod of ours, pure, by the shipped hook's rules (hook-protocol section 5,
 * Extension template) without its losses (docs/differences.md).
 */
import type { V1Affinity, V1Container, V1ObjectMeta, V1Pod, V1PodSpec } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import { FILES_CONTAINER, RUNNER_POD_LABEL, SERVICE_NAMES_ANNOTATION, UNDISTURBED } from '../names.ts'
import type { ContainerPatch, PodPatch, PodTemplate } from './read.ts'

/** Marks a container of the template as one of ours to be changed. */
const OURS = '$'
/** Which names Slipway's own sections may change; some of these containers are only there in one storage mode. */
const CHANGEABLE: Readonly<Record<PodKind, readonly string[]>> = {
  job: [],
  step: ['job', FILES_CONTAINER],
  build: ['deliver', 'build', 'push']
}
/** By these a container would do something else than what it is there for. */
const PROCESS_KEYS: readonly string[] = ['command', 'args', 'workingDir', 'restartPolicy']
const APPENDED_TO_CONTAINER: readonly string[] = ['env', 'ports', 'volumeMounts']
const MERGED_BY_KEY: readonly string[] = ['securityContext', 'nodeSelector']
const APPENDED_TO_POD: readonly string[] = ['volumes', 'imagePullSecrets', 'hostAliases']

export type PodKind = 'job' | 'step' | 'build'

type Warn = (text: string) => void

/**
 * The pod as the template wants it, and what of the template was ignored or overwrote something. Job pods get the file's
 * own PodTemplateSpec, step pods that and the section `slipway.step`, build pods only `slipway.build`. Throws `invalid-input`
 * when the result has two containers or volumes of one name.
 */
export function applyTemplate(
  pod: V1Pod,
  template: PodTemplate | undefined,
  kind: PodKind
): { readonly pod: V1Pod; readonly warnings: readonly string[] } {
  if (template === undefined) return { pod, warnings: [] }
  const warnings: string[] = []
  const warn: Warn = (text) => warnings.push(`pod template ${template.path}: ${text}`)
  const extended =
    kind === 'build' ? pod : merge(pod, kind === 'step' ? forSteps(template.extension) : template.extension, warn)
  const merged = kind === 'job' ? extended : mergeSection(extended, template[kind], kind, warn)
  refuseDoubles(merged, template.path)
  return { pod: merged, warnings }
}

/**
 * The shipped hook runs an action inside a container that idles, and its templates change how that idles. Here the action is
 * the container's own process, run once, so these parts of a template are for the job pod.
 */
function forSteps(extension: PodPatch): PodPatch {
  const { restartPolicy, ...spec } = extension.spec
  const containers = extension.containers.map((patch) =>
    patch.name.startsWith(OURS) ? (without(patch, PROCESS_KEYS) as ContainerPatch) : patch
  )
  return { ...extension, spec, containers }
}

function mergeSection(pod: V1Pod, patch: PodPatch, kind: PodKind, warn: Warn): V1Pod {
  const { restartPolicy, ...spec } = patch.spec
  if (restartPolicy !== undefined) warn(`slipway.${kind} cannot change restartPolicy`)
  const only = (patches: readonly ContainerPatch[]) =>
    patches.map((container) => {
      if (!container.name.startsWith(OURS)) return container
      if (!CHANGEABLE[kind].includes(container.name.slice(OURS.length))) {
        warn(
          `slipway.${kind} has no container ${container.name}, only ${CHANGEABLE[kind].map((name) => OURS + name).join(', ')}`
        )
      }
      const ignored = PROCESS_KEYS.filter((key) => key in container)
      if (ignored.length > 0) warn(`slipway.${kind} cannot change ${ignored.join(', ')} of ${container.name}`)
      return without(container, PROCESS_KEYS) as ContainerPatch
    })
  const containers = only(patch.containers)
  return merge(pod, { ...patch, spec, containers, initContainers: only(patch.initContainers) }, warn)
}

function merge(pod: V1Pod, patch: PodPatch, warn: Warn): V1Pod {
  return {
    ...pod,
    metadata: mergeMetadata(pod.metadata ?? {}, patch, warn),
    spec: mergeSpec(pod.spec as V1PodSpec, patch, warn)
  }
}

function mergeMetadata(metadata: V1ObjectMeta, patch: PodPatch, warn: Warn): V1ObjectMeta {
  const mergeTexts = (kind: string, ours: Record<string, string>, theirs: PodPatch['labels'], kept: string) => {
    const result = new Map(Object.entries(ours))
    for (const [key, value] of Object.entries(theirs)) {
      // Without it nothing would be found again and removed.
      if (key === kept) warn(`the ${kind} ${key} cannot be changed`)
      else {
        if ((result.get(key) ?? value) !== value && !Object.hasOwn(UNDISTURBED, key))
          warn(`the ${kind} ${key} is overwritten`)
        result.set(key, value)
      }
    }
    return Object.fromEntries(result)
  }
  return {
    ...metadata,
    labels: mergeTexts('label', metadata.labels ?? {}, patch.labels, RUNNER_POD_LABEL),
    annotations: mergeTexts('annotation', metadata.annotations ?? {}, patch.annotations, SERVICE_NAMES_ANNOTATION)
  }
}

function mergeSpec(spec: V1PodSpec, patch: PodPatch, warn: Warn): V1PodSpec {
  const change = (containers: readonly V1Container[]) =>
    containers.map((container) =>
      [...patch.containers, ...patch.initContainers]
        .filter(({ name }) => name === OURS + container.name)
        .reduce((current, found) => mergeContainer(current, found, warn), container)
    )
  const added = (containers: readonly ContainerPatch[]) =>
    containers.filter(({ name }) => !name.startsWith(OURS)) as readonly V1Container[]
  const containers = change(spec.containers)
  // What moves files stands behind everything else in job pods, and in step pods before it.
  const [last] = containers.filter(({ name }, index) => index > 0 && name === FILES_CONTAINER)
  const initContainers = [...change(spec.initContainers ?? []), ...added(patch.initContainers)]
  return {
    ...spec,
    ...mergePodKeys(spec, patch.spec),
    containers: [
      ...containers.filter((container) => container !== last),
      ...added(patch.containers),
      ...(last === undefined ? [] : [last])
    ],
    ...(initContainers.length > 0 && { initContainers })
  }
}

/** Lists that our own parts stand in are added to; keys of objects are replaced one by one; the rest replaces. */
function mergePodKeys(spec: V1PodSpec, theirs: Partial<V1PodSpec>): Partial<V1PodSpec> {
  const keys = Object.entries(theirs).map(([key, value]) => {
    const ours = spec[key as keyof V1PodSpec]
    if (APPENDED_TO_POD.includes(key)) return [key, [...((ours as unknown[]) ?? []), ...(value as unknown[])]]
    if (MERGED_BY_KEY.includes(key)) return [key, { ...(ours as object), ...(value as object) }]
    if (key === 'affinity') return [key, mergeAffinity(ours as V1Affinity | undefined, value as V1Affinity)]
    return [key, value]
  })
  // Who names an account wants its token.
  const token = theirs.serviceAccountName === undefined ? {} : { automountServiceAccountToken: undefined }
  return { ...token, ...Object.fromEntries(keys) }
}

/** Terms are alternatives, so where our pod must run is added to each of theirs. */
function mergeAffinity(ours: V1Affinity | undefined, theirs: V1Affinity): V1Affinity {
  // Ours may be what another part of the template has made of it.
  const [first] = ours?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const pinned = first?.matchFields ?? []
  if (pinned.length === 0) return theirs
  const terms = theirs.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [{}]
  const nodeSelectorTerms = terms.map((term) => ({ ...term, matchFields: [...(term.matchFields ?? []), ...pinned] }))
  return {
    ...theirs,
    nodeAffinity: { ...theirs.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } }
  }
}

function mergeContainer(container: V1Container, patch: ContainerPatch, warn: Warn): V1Container {
  if ('image' in patch) warn(`the image of ${patch.name} is ignored: the workflow decides it`)
  const kept = 'lifecycle' in patch && container.lifecycle !== undefined ? ['lifecycle'] : []
  if (kept.length > 0) warn(`the lifecycle of ${patch.name} is ignored: the files arrive by it`)
  const keys = Object.entries(without(patch, ['name', 'image', ...kept])).map(([key, value]) => {
    const ours = container[key as keyof V1Container] as unknown[] | undefined
    return APPENDED_TO_CONTAINER.includes(key)
      ? [key, [...(ours ?? []), ...((value as unknown[] | null) ?? [])]]
      : [key, value]
  })
  return { ...container, ...Object.fromEntries(keys) }
}

const without = (object: object, keys: readonly string[]): object =>
  Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)))

function refuseDoubles({ spec }: V1Pod, path: string): void {
  const lists = {
    containers: [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])],
    volumes: spec?.volumes ?? []
  }
  for (const [kind, entries] of Object.entries(lists)) {
    const names = entries.map(({ name }) => name)
    const double = names.find((name, index) => names.indexOf(name) !== index)
    if (double !== undefined) {
      throw new StepError(
        'invalid-input',
        `the pod template ${path} makes two ${kind} called ${double}; rename the one in the template${kind === 'containers' ? `, or call it ${OURS}${double} to change ours` : ''}`
      )
    }
  }
}
