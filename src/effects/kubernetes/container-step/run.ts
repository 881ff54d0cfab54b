/** Runner and Workspace on one step pod: placed with its files, run once, and its files brought back. */
import type { V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { Runner, Workspace } from '../../../machines/ports.ts'
import type { Mount, StepRequest } from '../../../machines/types.ts'
import { openForEveryUser } from '../../work-tree/rights.ts'
import type { Site } from '../context/site.ts'
import { chooseTransfer } from '../files/choose.ts'
import { createJudge, hasStarted } from '../pods/status.ts'
import { followToEnd, waitForPod } from '../pods/wait.ts'
import { namingSecret } from '../registry/settings.ts'
import { templated } from '../specs/parts.ts'
import { environmentSecret, STEP_CONTAINER, stepPod } from '../specs/step-pod.ts'
import { applyTemplate } from '../template/merge.ts'

/** Throws `invalid-input` or `not-supported` for a step that cannot be, before anything is built or created for it. */
export function checkStep(site: Site, request: StepRequest): void {
  environmentSecret(site, request.env)
  const image = { reference: request.image ?? '', isBuilt: request.image === undefined }
  applyTemplate(stepPod(site, chooseTransfer(site).stepPod, image, request), site.template, 'step')
}

/** `isBuilt`: whether the image is one that was built for this step's plan, now or before. */
export function createRunner(site: Site, isBuilt: boolean): Runner & Workspace {
  const name = site.names.stepPod
  const transfer = chooseTransfer(site)
  const lost = () =>
    new StepError('run-lost', `the step pod ${name} disappeared: somebody deleted it, or its node is gone`)

  return {
    async pull(image, request, signal) {
      const secret = environmentSecret(site, request.env)
      const pod = templated(site, stepPod(site, transfer.stepPod, { reference: image, isBuilt }, request), 'step')
      const written = request.mounts.filter(isWritable).map(({ source }) => source)
      await openForEveryUser(site.storage.workDirectory, written)
      // Together: the kubelet needs the Secret only after it has set up the pod's network.
      await Promise.all([site.cluster.createSecret(secret, signal), site.cluster.createPod(pod, signal)])
      await transfer.copyInStep({ pod: name, lost }, request.mounts, signal)
      await waitForPod(site, name, startedOrFailed(site, isBuilt), lost, signal)
    },

    async run(_image, _request, signal) {
      const write = (chunk: Buffer) => site.reporter.output(chunk)
      const request = { pod: name, container: STEP_CONTAINER, write, lost }
      const { terminated, failure } = await followToEnd(site, request, signal)
      if (failure !== undefined) throw failure
      return { exitCode: terminated.exitCode }
    },

    async collect(request, signal) {
      await transfer.copyOutStep(name, request.mounts, signal)
    }
  }
}

const isWritable = ({ readOnly }: Mount): boolean => !readOnly

/** Checks whether the action's process has been started; gives what can heal some time to do so. */
function startedOrFailed(site: Site, isBuilt: boolean): (pod: V1Pod) => true | undefined {
  const judge = createJudge(site.clock, site.names.environment)
  return (pod) => {
    const verdict = judge(pod, STEP_CONTAINER)
    const isOurImage = isBuilt && verdict.is === 'blocked' && verdict.by === STEP_CONTAINER
    if (isOurImage) throw namingSecret(verdict.failure, site.registry)
    return hasStarted(verdict)
  }
}
