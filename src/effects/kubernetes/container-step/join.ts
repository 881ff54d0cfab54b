/**
 * Finds a build of the same content that was begun before a step has asked for it, and waits for its image: as long as its pod goes
 * on, by the pod's own status. Who looks after that pod may have been killed, so nothing is waited for that does not move.
 */
import type { V1ObjectMeta, V1Pod } from '@kubernetes/client-node'
import type { JoinInput } from '../../../machines/inputs.ts'
import type { BuildAhead, BuildPlan, BuiltImage, Joined } from '../../../machines/types.ts'
import type { Site } from '../context/site.ts'
import { AHEAD_LABEL, CONTENT_LABEL, contentLabel, isOwnedBy, RUNNER_POD_LABEL, runnerPodLabel } from '../names.ts'
import { BUILD_CONTAINER } from '../specs/build-pod.ts'
import { digestIn } from './build-outcome.ts'

const LOOK_MS = 250
/** How long a pod may take until it builds: a file that nobody sends, or an image that nobody can pull, is not waited for longer. */
export const START_MS_MAX = 60_000
/** From the end of a push until its digest is remembered. */
const REMEMBERING_MS_MAX = 5_000

export interface JoinDependencies {
  /** Digest of what is remembered. */
  readonly find: (plan: BuildPlan, signal: AbortSignal) => Promise<string | undefined>
  /** Sees to the end of a push that nobody else looks after any more, so that its image is remembered, and removed with its job. */
  readonly takeOver: (built: BuiltImage, signal: AbortSignal) => Promise<string>
}

/** For a step: a build ahead. For a build ahead: a build of whoever, because then there is nothing to do for it. */
export async function findAhead(site: Site, plan: BuildPlan, signal: AbortSignal): Promise<BuildAhead | undefined> {
  const [found] = await findBuilding(site, plan.contentHash, signal)
  return found?.name === undefined ? undefined : { pod: found.name }
}

/** The pods of these builds, as far as they are believed. */
export async function findBuilding(site: Site, contentHash: string, signal: AbortSignal): Promise<V1ObjectMeta[]> {
  const { cluster, runnerPod, job, aheadFor } = site
  if (job === undefined) return []
  const selector = [
    `${RUNNER_POD_LABEL}=${runnerPodLabel(runnerPod.metadata?.name ?? '')}`,
    `${CONTENT_LABEL}=${contentLabel(contentHash)}`,
    ...(aheadFor === undefined ? [AHEAD_LABEL] : [])
  ].join()
  return (await cluster.list('pods', selector, signal)).filter(
    (metadata) => metadata.deletionTimestamp === undefined && isOwnedBy({ metadata }, runnerPod, job.uid)
  )
}

/** Resolves without an image as soon as the pod will not bring one. */
export async function joinBuild(
  { cluster, clock, reporter }: Site,
  { find, takeOver }: JoinDependencies,
  { plan, building }: JoinInput,
  signal: AbortSignal
): Promise<Joined> {
  const startedAtMs = clock.now()
  let pushedAtMs: number | undefined
  // Bounded by the signal: every stage has a budget.
  for (;;) {
    // In this order: who sees to the build remembers its image before the pod goes.
    const pod = await cluster.getPod(building.pod, signal)
    const digest = await find(plan, signal)
    if (digest !== undefined) return { image: `${plan.pullRepository}@${digest}` }
    const state = stateOf(pod)
    if (state === 'pushed') pushedAtMs ??= clock.now()
    const isForgotten = pushedAtMs !== undefined && clock.now() - pushedAtMs > REMEMBERING_MS_MAX
    const isStuck = state === 'waiting' && clock.now() - startedAtMs > START_MS_MAX
    const built = isForgotten ? builtIn(pod) : undefined
    if (built !== undefined) {
      const image = await takeOver(built, signal).catch(() => signal.throwIfAborted())
      if (image) return { image }
    }
    if (state === 'over' || isForgotten || isStuck) {
      // Nobody will wait for it any more.
      if (isStuck) await cluster.deletePod(building.pod, signal)
      reporter.line(`The build that was begun ahead (pod ${building.pod}) has no image: it is built now`)
      return {}
    }
    await clock.sleep(LOOK_MS, signal)
  }
}

const buildStatus = (pod: V1Pod | undefined) =>
  pod?.status?.initContainerStatuses?.find(({ name }) => name === BUILD_CONTAINER)?.state

function builtIn(pod: V1Pod | undefined): BuiltImage | undefined {
  const digest = digestIn(buildStatus(pod)?.terminated?.message)
  return digest === undefined ? undefined : { digest, pod: pod?.metadata?.name ?? '' }
}

/** Whether a pod is gone, or ends, or has ended. */
export const isOver = (pod: V1Pod | undefined): boolean =>
  pod === undefined ||
  pod.metadata?.deletionTimestamp !== undefined ||
  ['Failed', 'Succeeded'].includes(pod.status?.phase ?? '')

/** `over`: gone, or ended without an image. `waiting`: it does not build yet. */
function stateOf(pod: V1Pod | undefined): 'over' | 'pushed' | 'waiting' | 'building' {
  if (pod?.status?.phase === 'Succeeded' && pod.metadata?.deletionTimestamp === undefined) return 'pushed'
  if (isOver(pod)) return 'over'
  const state = buildStatus(pod)
  return state?.running === undefined && state?.terminated === undefined ? 'waiting' : 'building'
}
