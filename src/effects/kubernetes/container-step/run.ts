/** Runner and Workspace on one step pod: placed with its files, run once, and its files brought back. */
import type { V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { ActionInput, ImageInput } from '../../../machines/inputs.ts'
import type { Runner, Workspace } from '../../../machines/ports.ts'
import type { InPlace, Mount, StepRequest } from '../../../machines/types.ts'
import { untilEnd } from '../../in-place/end.ts'
import { partAt } from '../../in-place/marker.ts'
import type { RegistryClient } from '../../registry/client.ts'
import { openForEveryUser } from '../../work-tree/rights.ts'
import type { Site } from '../context/site.ts'
import { chooseTransfer } from '../files/choose.ts'
import { environmentName, stepPodName } from '../names.ts'
import { createJudge, hasStarted } from '../pods/status.ts'
import { type FollowRequest, follow, requireEnd, waitForPod } from '../pods/wait.ts'
import { namingSecret } from '../registry/settings.ts'
import { templated } from '../specs/parts.ts'
import { environmentSecret, needsProgram, STEP_CONTAINER, stepPod } from '../specs/step-pod.ts'
import type { Program } from '../specs/variables.ts'
import { applyTemplate } from '../template/merge.ts'

/** Throws `invalid-input` or `not-supported` for a step that cannot be, before anything is built or created for it. */
export function checkStep(site: Site, request: StepRequest): void {
  const input = { nonce: '', request, image: request.image ?? '', isBuilt: request.image === undefined }
  environmentSecret(site, input)
  // What is built yet can be asked when it is.
  const program = input.isBuilt ? { entryPoint: ['unknown'], args: [] } : undefined
  applyTemplate(stepPod(site, chooseTransfer(site).stepPod, input, program), site.template, 'step')
}

type LookUpRegistry = (signal: AbortSignal) => Promise<Pick<RegistryClient, 'programOf'> | undefined>

/** `registryOf`: asked only where a step cannot be without knowing what its image runs. */
export function createRunner(site: Site, registryOf: LookUpRegistry): Runner & Workspace {
  /** Of an image that was built here; undefined when the registry does not know it any more. */
  const lookUpProgram = async (image: string, signal: AbortSignal): Promise<Program | undefined> => {
    const { registry } = site
    const built = registry && `${registry.pushHost}${image.slice(registry.pullHost.length)}`
    return built === undefined ? undefined : (await registryOf(signal))?.programOf(built, signal)
  }
  const transfer = chooseTransfer(site)
  const nameOf = ({ nonce, inPlace }: ActionInput) => inPlace?.pod ?? stepPodName(site.runnerPod, nonce)
  const lostOf = (input: ActionInput) => () =>
    new StepError('run-lost', `the step pod ${nameOf(input)} disappeared: somebody deleted it, or its node is gone`)

  return {
    async pull(input, signal) {
      const { request } = input
      const [name, lost] = [nameOf(input), lostOf(input)]
      const secret = environmentSecret(site, input)
      const program = input.isBuilt && needsProgram(request) ? await lookUpProgram(input.image, signal) : undefined
      const pod = templated(site, stepPod(site, transfer.stepPod, input, program), 'step')
      const written = request.mounts.filter(isWritable).map(({ source }) => source)
      await openForEveryUser(site.storage.workDirectory, written)
      // Together: the kubelet needs the Secret only after it has set up the pod's network.
      await Promise.all([site.cluster.createSecret(secret, signal), site.cluster.createPod(pod, signal)])
      const copiedIn = await transfer.copyInStep({ pod: name, lost }, request.mounts, signal)
      await waitForPod(site, name, startedOrFailed(site, input), lost, signal)
      return copiedIn
    },

    async run(input, signal) {
      const action = { pod: nameOf(input), container: STEP_CONTAINER, lost: lostOf(input) }
      return { exitCode: await exitCodeOf(site, action, input.inPlace, signal) }
    },

    async collect(input, signal) {
      const { request, copiedIn } = input
      await transfer.copyOutStep({ pod: nameOf(input), ...copiedIn }, request.mounts, signal)
    }
  }
}

/** Shows the action's log, and resolves when it has ended: by its own last line where that says so, and else by its status. */
async function exitCodeOf(
  site: Site,
  action: Pick<FollowRequest, 'pod' | 'container' | 'lost'>,
  inPlace: InPlace | undefined,
  signal: AbortSignal
): Promise<number> {
  const show = (chunk: Buffer) => site.reporter.output(chunk)
  const ending = inPlace?.end === undefined ? undefined : untilEnd(inPlace.end, show)
  const log = inPlace && partAt(inPlace.marker, () => {}, ending?.write ?? show)
  const isEnough = () => ending?.exitCode() !== undefined
  const followed = { ...action, write: log?.write ?? show, since: inPlace?.since, isEnough }
  const ended = await follow(site, followed, signal).finally(() => ending?.finish())
  const exitCode = ending?.exitCode()
  if (exitCode !== undefined) return exitCode
  const { terminated, failure } = requireEnd(ended)
  if (failure !== undefined) throw failure
  return terminated.exitCode
}

const isWritable = ({ readOnly }: Mount): boolean => !readOnly

/** Checks whether the action's process has been started; gives what can heal some time to do so. */
function startedOrFailed(site: Site, { nonce, isBuilt }: ImageInput): (pod: V1Pod) => true | undefined {
  const judge = createJudge(site.clock, environmentName(site.runnerPod, nonce))
  return (pod) => {
    const verdict = judge(pod, STEP_CONTAINER)
    const isOurImage = isBuilt && verdict.is === 'blocked' && verdict.by === STEP_CONTAINER
    if (isOurImage) throw namingSecret(verdict.failure, site.registry)
    return hasStarted(verdict)
  }
}
