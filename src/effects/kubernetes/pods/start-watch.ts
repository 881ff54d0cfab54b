/**
 * What keeps a pod from starting before any of its containers can say so: no node takes it, or its node does not set it up. Told
 * while it is waited for, and given up in the end, for everything that waits for new pods.
 */
import type { V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { Clock } from '../../../machines/ports.ts'
import type { Reporter } from '../../log/reporter.ts'
import type { Cluster } from '../api/cluster.ts'
import { isNotSetUp, NO_SANDBOX, newestEvent, notSetUp } from './set-up.ts'
import { unschedulableReason } from './status.ts'

/** How long a cluster may take to find or make a node; below every stage's own budget, so that the reason is told. */
const SCHEDULING_MS_MAX = 9 * 60_000
/** The same for what comes before the containers. Not less: an image that is being pulled may look the same (set-up.ts). */
const SETTING_UP_MS_MAX = SCHEDULING_MS_MAX
/** Where an event says that there is no sandbox. The network of a new node may come up later than the node. */
const SANDBOX_MS_MAX = 2 * 60_000
/** Most pods are set up within a second, and have their volumes within ten. */
const TOLD_AFTER_MS = 15_000

export interface Pods {
  readonly cluster: Cluster
  readonly clock: Clock
  readonly reporter: Reporter
  /** How long a cluster may take to find or make a node; undefined: nine minutes. */
  readonly schedulingMsMax?: number | undefined
  /** How long that node may take until containers can start; undefined: nine minutes. */
  readonly settingUpMsMax?: number | undefined
}

/** Looks at a pod that has not started. Rejects with `unschedulable` or `unstartable` when it is given up. */
export type StartWatch = (pod: V1Pod) => Promise<void>

export function watchStart(pods: Pods, name: string, signal: AbortSignal): StartWatch {
  const { clock, reporter, schedulingMsMax = SCHEDULING_MS_MAX } = pods
  const startedAtMs = clock.now()
  const watchNode = watchSettingUp(pods, name, signal)
  let said: string | undefined
  return async (pod) => {
    const reason = unschedulableReason(pod)
    if (reason === undefined) return await watchNode(pod)
    if (reason !== said) reporter.line(`Waiting for a node for pod ${name}: ${reason}`)
    said = reason
    if (clock.now() - startedAtMs > schedulingMsMax) {
      throw new StepError('unschedulable', `no node took pod ${name} within ${schedulingMsMax / 1_000} s: ${reason}`)
    }
  }
}

function watchSettingUp(pods: Pods, name: string, signal: AbortSignal): StartWatch {
  const { cluster, clock, reporter, settingUpMsMax = SETTING_UP_MS_MAX } = pods
  /** When it is looked into why. */
  const looksMs = [TOLD_AFTER_MS, SANDBOX_MS_MAX].filter((ms) => ms < settingUpMsMax).concat(settingUpMsMax)
  let sinceMs: number | undefined
  return async (pod) => {
    if (!isNotSetUp(pod)) {
      sinceMs = undefined
      return
    }
    sinceMs ??= clock.now()
    const [dueMs] = looksMs
    if (dueMs === undefined || clock.now() - sinceMs < dueMs) return
    looksMs.shift()
    const event = await newestEvent(cluster, pod, signal)
    const failure = notSetUp(pod, dueMs / 1_000, event)
    if (looksMs.length === 0 || (dueMs >= SANDBOX_MS_MAX && event?.reason === NO_SANDBOX)) throw failure
    if (dueMs === TOLD_AFTER_MS) reporter.line(`Waiting for pod ${name}: ${failure.message}`)
  }
}
