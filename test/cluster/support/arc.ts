/** Makes a runner pod of values of ARC's chart gha-runner-scale-set (0.14.2), by the rules of its templates. */
import { readFile } from 'node:fs/promises'
import type {
  V1Container,
  V1EnvVar,
  V1PersistentVolumeClaimSpec,
  V1Pod,
  V1PodSpec,
  V1Volume
} from '@kubernetes/client-node'
import { parse } from 'yaml'
import { PULL_NODE_PORT } from './deployment.ts'
import { IMAGES } from './images.ts'

/** The part of the values that Slipway's files set. */
export interface ArcValues {
  readonly containerMode: {
    readonly type: 'kubernetes' | 'kubernetes-novolume'
    readonly kubernetesModeWorkVolumeClaim?: V1PersistentVolumeClaimSpec
  }
  readonly template: { readonly spec: V1PodSpec }
}

/** What values.yaml of the chart has, and what its templates read of `containerMode`. */
export const CHART_KEYS = {
  values: [
    ...['annotations', 'containerMode', 'controllerServiceAccount', 'githubConfigSecret', 'githubConfigUrl'],
    ...['githubServerTLS', 'keyVault', 'labels', 'listenerMetrics', 'listenerTemplate', 'maxRunners', 'minRunners'],
    ...['namespaceOverride', 'proxy', 'resourceMeta', 'runnerGroup', 'runnerScaleSetName', 'scaleSetLabels', 'template']
  ],
  containerMode: ['kubernetesModeAdditionalRoleRules', 'kubernetesModeWorkVolumeClaim', 'type'],
  template: ['metadata', 'spec']
} as const

/** Files of values, merged as helm does it: objects key by key, the later file wins, lists are replaced. */
export async function readValues(...files: readonly URL[]): Promise<ArcValues> {
  const values = await Promise.all(files.map(async (file) => parse(await readFile(file, 'utf8'))))
  return values.reduce(merge, {})
}

function merge(one: unknown, other: unknown): unknown {
  if (!isObject(one) || !isObject(other)) return other
  const merged = Object.entries(other).map(([key, value]) => [key, key in one ? merge(one[key], value) : value])
  return { ...one, ...Object.fromEntries(merged) }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The spec of the runner pods that the chart asks ARC for. */
export function runnerPodSpec({ containerMode, template }: ArcValues, serviceAccountName: string): V1PodSpec {
  const { containers, volumes = [], ...rest } = template.spec
  const hasVolume = containerMode.type === 'kubernetes'
  return {
    restartPolicy: 'Never',
    serviceAccountName,
    ...rest,
    containers: containers.map((one) => (one.name === 'runner' ? runnerContainer(one, hasVolume) : one)),
    volumes: [...(hasVolume ? [workVolume(volumes, containerMode.kubernetesModeWorkVolumeClaim)] : []), ...volumes]
  }
}

function runnerContainer(container: V1Container, hasVolume: boolean): V1Container {
  const { env = [], volumeMounts = [] } = container
  const defaults: readonly V1EnvVar[] = [
    { name: 'ACTIONS_RUNNER_CONTAINER_HOOKS', value: `/home/runner/${hasVolume ? 'k8s' : 'k8s-novolume'}/index.js` },
    { name: 'ACTIONS_RUNNER_POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'ACTIONS_RUNNER_REQUIRE_JOB_CONTAINER', value: 'true' },
    ...(hasVolume ? [] : [{ name: 'ACTIONS_RUNNER_IMAGE', value: container.image ?? '' }])
  ]
  const isSet = (name: string) => env.some((one) => one.name === name)
  const needsWork = hasVolume && !volumeMounts.some(({ name }) => name === 'work')
  return {
    ...container,
    env: [...env, ...defaults.filter(({ name }) => !isSet(name))],
    volumeMounts: [...volumeMounts, ...(needsWork ? [{ name: 'work', mountPath: '/home/runner/_work' }] : [])]
  }
}

/** The chart's own volume; Slipway's values bring none of that name. */
function workVolume(volumes: readonly V1Volume[], spec: V1PersistentVolumeClaimSpec | undefined): V1Volume {
  if (spec === undefined || volumes.some(({ name }) => name === 'work')) {
    throw new Error('these values are not what the chart makes a volume of: a claim, and no volume called work')
  }
  return { name: 'work', ephemeral: { volumeClaimTemplate: { spec } } }
}

/** What this node has in place of what the values say. */
const HERE: Readonly<Record<string, string>> = {
  ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_NODE_PORT: PULL_NODE_PORT,
  ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER_IMAGE: IMAGES.kaniko
}

/** A container of the values with this node's image and settings. */
export function containerHere<One extends V1Container>(container: One, image: string): One {
  const kept = (container.env ?? []).filter(({ name }) => !Object.hasOwn(HERE, name))
  return { ...container, image, env: [...kept, ...Object.entries(HERE).map(([name, value]) => ({ name, value }))] }
}

/** The pod of some values, with what this node has: its image, nobody to register with, and the volume of the usual pod. */
export function runnerPodHere(usual: V1Pod, values: ArcValues, serviceAccountName: string): V1Pod {
  const { containerMode, template } = values
  const containers = template.spec.containers.map((one) => ({
    ...containerHere(one, IMAGES.runner),
    command: ['sleep', 'infinity']
  }))
  const spec = runnerPodSpec(
    { containerMode, template: { spec: { ...template.spec, containers } } },
    serviceAccountName
  )
  const hasVolume = spec.volumes?.some(({ name }) => name === 'work')
  const { initContainers = [], schedulingGates = [] } = usual.spec ?? {}
  return {
    ...usual,
    spec: {
      ...spec,
      ...(hasVolume && { initContainers, schedulingGates }),
      terminationGracePeriodSeconds: 0,
      volumes: spec.volumes?.map((one) => (one.name === 'work' ? usual.spec?.volumes?.find(isWork) : one)) as []
    }
  }
}

const isWork = ({ name }: { readonly name: string }) => name === 'work'
