/** Whether a node has set a pod up, with volumes, network and sandbox, as far as its status and its events tell: for everything that waits for pods. */
import type { CoreV1Event, V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import { firstLine } from '../../failure-table.ts'
import { readIfAllowed } from '../api/optional.ts'
import type { Access } from '../api/request.ts'

/** Reason of the kubelet's events for a runtime or a network that makes no sandbox. */
export const NO_SANDBOX = 'FailedCreatePodSandBox'
const EVENTS_MAX = 100
/** Reasons for which a container waits before anything was done for it. */
const NOT_BEGUN: readonly string[] = ['', 'ContainerCreating', 'PodInitializing']

/**
 * Whether a node has a pod, and nothing is known of its containers. Kubelets before 1.36 report the same of a pod whose first image
 * is being pulled (kubernetes/kubernetes#134660), and a node that is gone reports nothing.
 */
export function isNotSetUp({ spec, status }: V1Pod): boolean {
  const { conditions = [], initContainerStatuses = [], containerStatuses = [], phase = 'Pending' } = status ?? {}
  const isReady = conditions.some((one) => one.type === 'PodReadyToStartContainers' && one.status === 'True')
  const hasBegun = [...initContainerStatuses, ...containerStatuses].some(isBegun)
  return Boolean(spec?.nodeName) && phase === 'Pending' && !isReady && !hasBegun
}

const isBegun = ({ state, lastState }: V1ContainerStatus): boolean =>
  Boolean(state?.running ?? state?.terminated ?? lastState?.terminated) ||
  !NOT_BEGUN.includes(state?.waiting?.reason ?? '')

/** What happened to a pod last; undefined where the Role does not allow to read that. */
export async function newestEvent(access: Access, pod: V1Pod, signal: AbortSignal): Promise<CoreV1Event | undefined> {
  const query = { fieldSelector: `involvedObject.uid=${pod.metadata?.uid}`, limit: String(EVENTS_MAX) }
  const address = { resource: 'events' } as const
  const list = await readIfAllowed<{ readonly items?: readonly CoreV1Event[] }>(access, address, query, signal)
  return list?.items?.toSorted((one, other) => (timeOf(one) < timeOf(other) ? 1 : -1))[0]
}

/** Texts that sort by time, as they are in JSON. */
const timeOf = ({ series, lastTimestamp, eventTime }: CoreV1Event): string =>
  String(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? '')

export const wordsOf = ({ reason, message }: CoreV1Event): string => `${reason}: ${firstLine(message ?? '')}`

/** Nobody has set the pod up within so many seconds; what is known of why, and where to look. */
export function notSetUp(pod: V1Pod, seconds: number, event: CoreV1Event | undefined): StepError {
  const { name, namespace } = pod.metadata ?? {}
  const why = event === undefined ? possibleReasons(pod) : wordsOf(event)
  const look = `kubectl describe pod ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`
  return new StepError(
    'unstartable',
    `node ${pod.spec?.nodeName} has not set up pod ${name} within ${seconds} s: ${why} (while it is there, ${look} tells more)`,
    { detail: event?.message }
  )
}

function possibleReasons({ spec, status }: V1Pod): string {
  const isReported = status?.conditions?.some(({ type }) => type === 'PodReadyToStartContainers')
  const namespaces =
    spec?.hostUsers === false
      ? 'its user namespace (hostUsers: false), which an old container runtime does not know, '
      : ''
  const runtime =
    spec?.runtimeClassName === undefined ? '' : `its runtime (runtimeClassName: ${spec.runtimeClassName}), `
  return isReported
    ? `it lacks its sandbox: ${namespaces}${runtime}its network (CNI) or a volume; kubelets before 1.36 say the same while an image is pulled`
    : 'the node says nothing about it'
}
