/** The runner pod and its job pod as the cluster has them, for every command that uses one: the job pod only if it is this runner's own. */
import type { V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { Cluster } from '../api/cluster.ts'
import { isOwnedBy, jobPodName } from '../names.ts'

export interface OwnPods {
  readonly runnerPod: V1Pod
  /** Undefined when there is none of this runner's. */
  readonly jobPod?: V1Pod | undefined
  /** Name of a pod that stands where the job pod would, and is not this runner's. */
  readonly stranger?: string | undefined
}

/**
 * Looks at both. The job's state comes back from a file that containers may write to, so what it names is believed no
 * more than any other pod. Rejects with `not-configured` when there is no runner pod, and for a job pod that the state names
 * with `run-lost` when it is not there and with `invalid-input` when it is somebody else's.
 */
export async function lookAtOwnPods(
  cluster: Pick<Cluster, 'namespace' | 'getPod'>,
  options: { readonly runnerPod: string; readonly jobPod?: string | undefined },
  signal: AbortSignal
): Promise<OwnPods> {
  const name = options.jobPod ?? jobPodName(options.runnerPod)
  // One after the other, on one connection: opening a second one takes longer.
  const runnerPod = await cluster.getPod(options.runnerPod, signal)
  if (runnerPod === undefined) {
    throw new StepError(
      'not-configured',
      `there is no pod ${options.runnerPod} in namespace ${cluster.namespace}: set ACTIONS_RUNNER_POD_NAME to the runner's own pod`
    )
  }
  const found = await cluster.getPod(name, signal)
  if (found === undefined) {
    if (options.jobPod !== undefined) throw jobPodGone(name)
    return { runnerPod }
  }
  if (isOwnedBy(found, runnerPod)) return { runnerPod, jobPod: found }
  if (options.jobPod !== undefined) throw jobPodOfOther(name)
  return { runnerPod, stranger: name }
}

export const jobPodGone = (name: string): StepError =>
  new StepError('run-lost', `the job pod ${name} is gone: it was deleted, evicted, or its node was lost`)

export const jobPodOfOther = (name: string): StepError =>
  new StepError(
    'invalid-input',
    `the pod ${name} is not this runner's job pod: another runner, another hook or a container that changed the job's state has named it; run the job again`
  )
