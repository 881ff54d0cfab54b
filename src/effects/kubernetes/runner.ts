/** Runner and Workspace on one step pod: placed with its files, run once, and its files brought back. */
import type { V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../errors.ts'
import type { Runner, Workspace } from '../../machines/ports.ts'
import type { Mount } from '../../machines/types.ts'
import { openForEveryUser } from './open-mounts.ts'
import { containerStatus, podFailure, terminationFailure, waitingFailure } from './pod-failures.ts'
import { followToEnd, waitForPod } from './pods.ts'
import type { Site } from './site.ts'
import { collectStep, deliverStep } from './step-files.ts'
import { environmentSecret, STEP_CONTAINER, stepPod } from './step-pod.ts'
import { templated } from './templated.ts'

/** How long one attempt watches the kubelet fail to pull before it counts as failed; all attempts stay under a minute. */
const PULL_PATIENCE_MS = 8_000

export function createRunner(site: Site): Runner & Workspace {
  const name = site.names.stepPod
  const lost = () =>
    new StepError('run-lost', `the step pod ${name} disappeared: somebody deleted it, or its node is gone`)

  return {
    async pull(image, request, signal) {
      await openForEveryUser(request.mounts.filter(isWritable).map(({ source }) => source))
      // Together: the kubelet needs the Secret only after it has set up the pod's network.
      await Promise.all([
        site.cluster.createSecret(environmentSecret(site, request.env), signal),
        site.cluster.createPod(templated(site, stepPod(site, image, request), 'step'), signal)
      ])
      if (site.storage.mode === 'copy') {
        await deliverStep(site, request.mounts, { pod: name, lost }, signal)
      }
      await waitForPod(site, name, startedOrFailed(site), lost, signal)
    },

    async run(_image, _request, signal) {
      const write = (chunk: Buffer) => site.reporter.output(chunk)
      const { pod, terminated } = await followToEnd(site, { pod: name, container: STEP_CONTAINER, write, lost }, signal)
      const failure = terminationFailure(pod, terminated)
      if (failure !== undefined) throw failure
      return { exitCode: terminated.exitCode }
    },

    async collect(request, signal) {
      if (site.storage.mode === 'copy') await collectStep(site, request.mounts, name, signal)
    }
  }
}

const isWritable = ({ readOnly }: Mount): boolean => !readOnly

/** Checks whether the action's process has been started; gives a pull error that can heal some time to do so. */
function startedOrFailed(site: Site): (pod: V1Pod) => true | undefined {
  let failingSinceMs: number | undefined
  return (pod) => {
    const status = containerStatus(pod, STEP_CONTAINER)
    if (status?.state?.running !== undefined || status?.state?.terminated !== undefined) return true
    const failure = waitingFailure(status) ?? podFailure(pod)
    if (failure === undefined) return undefined
    if (!failure.retryable) throw failure
    failingSinceMs ??= site.clock.now()
    if (site.clock.now() - failingSinceMs > PULL_PATIENCE_MS) throw failure
    return undefined
  }
}
