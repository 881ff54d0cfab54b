/** Parts that build pods and step pods have in common, so that each security decision is written once. */
import type { V1Container, V1PodSpec, V1SecurityContext, V1VolumeMount } from '@kubernetes/client-node'
import type { Site } from './site.ts'
import { WORK_VOLUME } from './storage.ts'

/** Where the whole work volume is mounted in the containers that move files. */
export const WORK_ROOT = '/work'
/** Exists in the work volume when everything has been delivered. Hidden from the action, which sees sub-paths only. */
export const DELIVERED_MARKER = `${WORK_ROOT}/.delivered`

/** For containers that are not the action's own: no privilege to gain, and only the capabilities named. */
export function hardened(capabilities: readonly string[] = []): V1SecurityContext {
  return {
    allowPrivilegeEscalation: false,
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

/** Pins a pod to the runner's node when only that node can mount the work volume; the scheduler still checks that it fits. */
export function placement(site: Site): Partial<V1PodSpec> {
  const { nodeName } = site.storage
  if (nodeName === undefined) return {}
  const onNode = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] }
  return {
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [onNode] } } }
  }
}

/** Container of the job pod, in copy mode, that files are moved through. */
export const FILES_CONTAINER = 'files'

const wholeWork: V1VolumeMount = { name: WORK_VOLUME, mountPath: WORK_ROOT }

/** Waits, as the runner's own user, until the files have arrived. Its own process has nothing to do with them. */
export function deliverContainer(site: Site): V1Container {
  return {
    name: 'deliver',
    image: site.runnerImage,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', `until [ -e ${DELIVERED_MARKER} ]; do sleep 0.05; done`],
    securityContext: hardened(),
    volumeMounts: [wholeWork]
  }
}

/** Stays beside the action to hand the files back; root, because the action may have written files only root can read. */
export function collectContainer(site: Site): V1Container {
  return {
    name: 'collect',
    image: site.runnerImage,
    imagePullPolicy: 'IfNotPresent',
    command: ['sleep', 'infinity'],
    securityContext: { ...hardened(['DAC_OVERRIDE']), runAsUser: 0 },
    volumeMounts: [wholeWork]
  }
}
