/** Parts that build pods and step pods have in common, so that each security decision is written once. */
import type { V1Container, V1PodSpec, V1SecurityContext, V1VolumeMount } from '@kubernetes/client-node'
import type { Site } from '../context/site.ts'
import { WORK_VOLUME } from '../context/storage.ts'

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

/** Container that files are moved through in copy mode, as long as its pod lives. */
export const FILES_CONTAINER = 'files'
/** No stage brings files to a pod for longer, so that a pod whose hook is gone waits no longer. */
export const DELIVERY_SECONDS_MAX = 600

const wholeWork: V1VolumeMount = { name: WORK_VOLUME, mountPath: WORK_ROOT }

/** A shell's words that end when the files have arrived. */
export const AWAIT_DELIVERY = `until [ -e ${DELIVERED_MARKER} ]; do sleep 0.05; done`

/** Waits, as the runner's own user, until the files have arrived. Its own process has nothing to do with them. */
export function deliverContainer(site: Site): V1Container {
  return {
    name: 'deliver',
    image: site.runnerImage,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', AWAIT_DELIVERY],
    securityContext: hardened(),
    volumeMounts: [wholeWork]
  }
}

/** Idles while files are moved through it; root, because any user may own them. */
export const filesContainer = (site: Site): V1Container => ({
  name: FILES_CONTAINER,
  image: site.runnerImage,
  imagePullPolicy: 'IfNotPresent',
  command: ['sleep', 'infinity'],
  securityContext: { ...hardened(['CHOWN', 'FOWNER', 'DAC_OVERRIDE']), runAsUser: 0, runAsNonRoot: false },
  volumeMounts: [wholeWork]
})

/**
 * The first container of a pod whose others need the files. The kubelet starts containers in their order, and starts none
 * while a postStart hook runs: quicker by a second than an init container, whose end it has to notice first.
 */
export const filesFirst = (site: Site): V1Container => ({
  ...filesContainer(site),
  lifecycle: {
    postStart: { exec: { command: ['timeout', String(DELIVERY_SECONDS_MAX), 'sh', '-c', AWAIT_DELIVERY] } }
  }
})
