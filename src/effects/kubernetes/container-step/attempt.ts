/** One attempt at a build in a pod that is made for it, in a user namespace where that can be: for builds with a registry and in place. */
import type { V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { BuildAttempt } from '../../../machines/inputs.ts'
import type { BuildSource } from '../../../machines/types.ts'
import type { ChosenBuilder } from '../../builders/choose.ts'
import type { Site } from '../context/site.ts'
import type { NewPod } from '../files/transfer.ts'
import { buildPodName, trialPodName } from '../names.ts'
import { masked } from '../specs/nested-containers.ts'
import { templated } from '../specs/parts.ts'
import {
  type PodParts,
  userNamespaceOfBuilds,
  WITH_USER_NAMESPACE,
  WITHOUT_USER_NAMESPACE
} from '../specs/user-namespace.ts'
import { inUserNamespace, isKnownUnavailable, rememberUnavailable, requireUserNamespace } from './user-namespace.ts'

export interface AttemptedPod extends NewPod {
  /** Told as soon as the container that builds has. */
  readonly hasStarted: () => Promise<void>
}

interface Attempted<T> {
  /** Whose template it has. */
  readonly kind: 'build' | 'step'
  readonly podWith: (userNamespace: PodParts) => V1Pod
  /** The builder that builds in a user namespace or not at all. */
  readonly needs?: string | undefined
  /** From a pod that was just made to what is built. */
  readonly work: (pod: AttemptedPod, signal: AbortSignal) => Promise<T>
}

export async function attemptBuild<T>(
  site: Site,
  { nonce, attempt, failedWith }: BuildAttempt,
  { kind, podWith, work, needs }: Attempted<T>,
  signal: AbortSignal
): Promise<T> {
  const pod = buildPodName(site.runnerPod, nonce, attempt)
  if (attempt > 1) await site.cluster.deletePod(buildPodName(site.runnerPod, nonce, attempt - 1), signal)
  const lost = () => new StepError('builder-lost', `the build pod ${pod} disappeared before the build had ended`)
  const choice = needs === undefined ? userNamespaceOfBuilds(site) : 'on'
  const isRefused = failedWith === 'user-namespace-unavailable'
  const isWithout = choice === 'off' || isRefused || (choice === 'auto' && (await isKnownUnavailable(site, signal)))
  const plain = podWith(isWithout ? WITHOUT_USER_NAMESPACE : WITH_USER_NAMESPACE)
  await createBuildPod(site, templated(site, plain, kind), signal)
  if (choice === 'on') await requireUserNamespace(site, { pod, needs }, signal)
  // That it has started without proves why it had not started before.
  const hasStarted = async () => (isRefused ? await rememberUnavailable(site, signal) : undefined)
  const workIn = (toWork: AbortSignal) => work({ pod, lost, hasStarted }, toWork)
  if (isWithout) return await workIn(signal)
  const trial = trialPodName(site.runnerPod, nonce)
  return await inUserNamespace(site, { pod, trial, isOptional: choice === 'auto', needs }, workIn, signal)
}

/** Pod security of older clusters refuses an unmasked /proc, which a builder can do without. */
async function createBuildPod({ cluster }: Site, pod: V1Pod, signal: AbortSignal): Promise<void> {
  await cluster.createPod(pod, signal).catch(async (error) => {
    if (!(error instanceof StepError && error.code === 'cluster-rejected' && /procMount/.test(error.message)))
      throw error
    await cluster.createPod(masked(pod), signal)
  })
}

/** The one that a plan names; the first where it names none. */
export function plannedBuilder(builders: readonly ChosenBuilder[], { builder: name }: BuildSource): ChosenBuilder {
  const builder = name === undefined ? builders[0] : builders.find(({ definition }) => definition.name === name)
  if (builder === undefined) throw new StepError('internal', `There is no builder ${name}`)
  return builder
}
