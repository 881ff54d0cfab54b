/** Names, labels and owners of everything Slipway creates, as ARC and people's templates expect them (hook-protocol section 5). */
import { createHash } from 'node:crypto'
import type { V1ObjectMeta, V1OwnerReference, V1Pod } from '@kubernetes/client-node'

/** Label whose value is the runner pod's name (`runnerPodLabel`); ARC sweeps pods and secrets that carry it. */
export const RUNNER_POD_LABEL = 'runner-pod'
/** On everything Slipway creates. */
export const MANAGED_BY = { label: 'app.kubernetes.io/managed-by', value: 'slipway' } as const
/** On build pods: a pod that may be pushing is asked to end, and not killed. */
export const BUILD_POD_LABEL = 'slipway/build-pod'
/** On build pods: what they build, by which others that need the same find it. */
export const CONTENT_LABEL = 'slipway/content'
/** On all that is made for a build that no step has asked for yet, and on the note that one has: the values. */
export const AHEAD_LABEL = 'slipway/ahead'
export type AheadLabel = 'building' | 'built' | 'used' | 'taken'
/** On pods that stand for the step that takes them: what of a step they were made for, and the line that ends the build's log. */
export const MOUNTS_ANNOTATION = 'slipway/mounts'
export const MARKER_ANNOTATION = 'slipway/marker'
/** On the job pod: the names of its services, comma-separated, for the container actions of the job. */
export const SERVICE_NAMES_ANNOTATION = 'slipway/service-names'
/** On the job pod: the variables of the job container whose names no shell keeps, as JSON, for its scripts. */
export const VARIABLES_ANNOTATION = 'slipway/variables'
/** Autoscalers of nodes leave a pod with these alone: what it runs is run once, and would be lost. The template may say otherwise. */
export const UNDISTURBED = {
  'karpenter.sh/do-not-disrupt': 'true',
  'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false'
} as const
/** The job container of a job pod; people's templates and the shipped hook call it so. */
export const JOB_CONTAINER = 'job'
/** Files are moved through it for as long as its pod lives. */
export const FILES_CONTAINER = 'files'
/** Init container of a build pod or a job pod that waits until files have been copied in. */
export const COPY_IN_CONTAINER = 'deliver'
/** Of a DNS label, and of a label's value. */
const NAME_LENGTH_MAX = 63
const CONTENT_LENGTH = 40
/** Of the hash that tells names apart which are cut: two of a million runner pods share one in 2 of a million cases. */
const HASH_LENGTH = 10
/** Of any object; those of ours are shorter. */
const OBJECT_NAME_LENGTH_MAX = 253
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** Whether Kubernetes could have an object of this name: a DNS subdomain. */
export const isObjectName = (name: string): boolean => name.length <= OBJECT_NAME_LENGTH_MAX && OBJECT_NAME.test(name)

/** `<runner pod>-<kind>-<suffix>`, as `cutName` makes it. */
export const objectName = (runnerPod: string, kind: 'build' | 'step' | 'secret' | 'image', suffix: string): string =>
  cutName(runnerPod, `-${kind}-${suffix}`)

/** A name of its own for every attempt: the kubelet finds a container by its pod's name, even one that is being killed. */
export const buildPodName = (runnerPod: V1Pod, nonce: string, attempt: number): string =>
  objectName(runnerPod.metadata?.name ?? '', 'build', `${nonce}-${attempt}`)

/** Of a pod that a build makes to find out what a node can. */
export const trialPodName = (runnerPod: V1Pod, nonce: string): string =>
  objectName(runnerPod.metadata?.name ?? '', 'build', `${nonce}-trial`)

/** Of the Secret that says who has taken a pod. */
export const claimName = (pod: string): string => `${pod}-taken`

export const stepPodName = (runnerPod: V1Pod, nonce: string): string =>
  objectName(runnerPod.metadata?.name ?? '', 'step', nonce)

/** Of the Secret with a step's environment. */
export const environmentName = (runnerPod: V1Pod, nonce: string): string =>
  objectName(runnerPod.metadata?.name ?? '', 'secret', nonce)

/** The name of a runner's job pod, which people and other hooks look for. */
export const jobPodName = (runnerPod: string): string => cutName(runnerPod, '-workflow')

/** The value of the label `runner-pod`, which is the runner pod's whole name wherever a label can have it. */
export const runnerPodLabel = (runnerPod: string): string => cutName(runnerPod, '')

/**
 * A runner pod's name and a tail within a DNS label. Where that is too long, a hash of the whole name stands for what is cut
 * off: ARC's names of two runners of one scale set differ at their ends only.
 */
function cutName(runnerPod: string, tail: string): string {
  const lengthMax = NAME_LENGTH_MAX - tail.length
  if (runnerPod.length <= lengthMax) return runnerPod + tail
  const hash = createHash('sha256').update(runnerPod).digest('hex').slice(0, HASH_LENGTH)
  // Nothing but a letter or a digit may stand before a dash that is followed by the rest.
  const kept = runnerPod.slice(0, lengthMax - HASH_LENGTH - 1).replace(/[-.]+$/, '')
  return `${kept}-${hash}${tail}`
}

/** The value of the label for a content hash: the beginning of it, as tags have it. */
export const contentLabel = (contentHash: string): string => contentHash.slice(0, CONTENT_LENGTH)

/**
 * Whether an object is a runner pod's own, by its label and by the UID of its owner: only then is it believed. What is built ahead
 * belongs to the runner's job pod.
 */
export function isOwnedBy(
  object: Pick<V1Pod, 'metadata'>,
  runnerPod: Pick<V1Pod, 'metadata'>,
  jobPodUid?: string
): boolean {
  const { name, uid } = runnerPod.metadata ?? {}
  const { labels, ownerReferences: owners = [] } = object.metadata ?? {}
  if (!name || !uid || labels?.[RUNNER_POD_LABEL] !== runnerPodLabel(name)) return false
  return owners.some((one) => isPod(one) && (one.uid === uid || (jobPodUid !== undefined && one.uid === jobPodUid)))
}

/**
 * Whether what carries a runner's label may be removed for it: not what belongs to something else. Other hooks' pods have no
 * owner, and an owner of the runner pod's name is the runner pod or one that was there before it; so it is with its job pod's.
 */
export function isLeftOf({ ownerReferences: owners = [] }: V1ObjectMeta, runnerPod: string): boolean {
  const names = [runnerPod, jobPodName(runnerPod)]
  return owners.length === 0 || owners.some((one) => isPod(one) && names.includes(one.name))
}

const isPod = ({ kind }: V1OwnerReference): boolean => kind === 'Pod'

/** Metadata of everything created for a runner: found by label, and removed by the cluster when its owner goes. */
export function ownedMetadata(name: string, runnerPod: V1Pod, owner: V1Pod = runnerPod): V1ObjectMeta {
  const label = runnerPodLabel(runnerPod.metadata?.name ?? '')
  return {
    name,
    labels: { [RUNNER_POD_LABEL]: label, [MANAGED_BY.label]: MANAGED_BY.value },
    ownerReferences: [
      {
        apiVersion: 'v1',
        kind: 'Pod',
        name: owner.metadata?.name ?? '',
        uid: owner.metadata?.uid ?? '',
        controller: false,
        blockOwnerDeletion: false
      }
    ]
  }
}
