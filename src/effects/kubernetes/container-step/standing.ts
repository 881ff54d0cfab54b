/**
 * Pods that were built in place ahead, and stand for whichever step takes them: how they are found, taken, watched and removed, for steps
 * and for builds ahead alike. Nobody uses or removes one that another has taken, and a Secret of a fixed name says who has (docs/adr/0024).
 */
import { createHash } from 'node:crypto'
import type { V1ObjectMeta } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { StandInput } from '../../../machines/inputs.ts'
import type { LedgerEntry } from '../../../machines/ledger.ts'
import type { BuildSource, BuiltInPlace, StepRequest } from '../../../machines/types.ts'
import type { Site } from '../context/site.ts'
import {
  AHEAD_LABEL,
  type AheadLabel,
  claimName,
  MARKER_ANNOTATION,
  MOUNTS_ANNOTATION,
  ownedMetadata,
  RUNNER_POD_LABEL,
  runnerPodLabel
} from '../names.ts'
import { serviceAliases } from '../specs/step-pod.ts'
import { findBuilding, isOver } from './join.ts'

const KEY = 'nonce'
const LOOK_MS = 1_000

type Source = Pick<BuildSource, 'contentHash'>
type Request = Pick<StepRequest, 'mounts'>

/** What of a step is in the pod's spec: another step's pod is of no use where it differs. */
export function standingAnnotations(site: Site, { mounts }: Request, marker: string): Record<string, string> {
  return { [MOUNTS_ANNOTATION]: mountsOf(site, mounts), [MARKER_ANNOTATION]: marker }
}

function mountsOf(site: Site, mounts: Request['mounts']): string {
  const inOrder = mounts.map(({ source, target, readOnly }) => JSON.stringify([target, source, readOnly])).sort()
  return createHash('sha256')
    .update(JSON.stringify([inOrder, serviceAliases(site)]))
    .digest('hex')
}

/** For a step: a pod that nobody has taken. For a build ahead: a build of whoever, because then there is nothing to do for it. */
export async function findStanding(
  site: Site,
  { contentHash }: Source,
  { mounts }: Request,
  signal: AbortSignal
): Promise<BuiltInPlace | undefined> {
  const found = await findBuilding(site, contentHash, signal)
  if (site.aheadFor !== undefined) return found.map(asBuilt)[0]
  const wanted = mountsOf(site, mounts)
  const fitting = found.filter(({ annotations }) => annotations?.[MOUNTS_ANNOTATION] === wanted)
  if (fitting.length === 0) return undefined
  const selector = `${RUNNER_POD_LABEL}=${runnerPodLabel(site.runnerPod.metadata?.name ?? '')},${AHEAD_LABEL}=${TAKEN}`
  const taken = (await site.cluster.list('secrets', selector, signal)).map(({ name }) => name)
  return fitting.map(asBuilt).find(({ pod }) => !taken.includes(claimName(pod)))
}

const asBuilt = ({ name = '', annotations }: V1ObjectMeta): BuiltInPlace => ({
  pod: name,
  marker: annotations?.[MARKER_ANNOTATION] ?? ''
})

const TAKEN: AheadLabel = 'taken'

/** Whether a pod is `nonce`'s from now on, or was already: of all who ask for it one gets it, however often it asks. */
export async function take(site: Site, pod: string, nonce: string, signal: AbortSignal): Promise<boolean> {
  const { cluster, runnerPod, job, aheadFor } = site
  if (job === undefined) return false
  const metadata = ownedMetadata(claimName(pod), runnerPod, { metadata: { name: job.pod, uid: job.uid } })
  // For who counts what was built for nothing.
  const labels = { ...metadata.labels, ...(aheadFor === undefined && { [AHEAD_LABEL]: TAKEN }) }
  const data = { [KEY]: Buffer.from(nonce, 'utf8').toString('base64') }
  await cluster.createSecret(
    { apiVersion: 'v1', kind: 'Secret', metadata: { ...metadata, labels }, type: 'Opaque', immutable: true, data },
    signal
  )
  return (await takerOf(site, pod, signal)) === nonce
}

/** The nonce of who has taken a pod; undefined where nobody has. */
async function takerOf({ cluster }: Site, pod: string, signal: AbortSignal): Promise<string | undefined> {
  const secret = await cluster.getSecret(claimName(pod), signal)
  return secret && Buffer.from(secret.data?.[KEY] ?? '', 'base64').toString('utf8')
}

/** Removes a pod, unless another has taken it. Nobody can take it in between: it is taken first. */
export async function release(
  site: Site,
  { name, takenBy = '' }: Pick<LedgerEntry, 'name' | 'takenBy'>,
  signal: AbortSignal
): Promise<void> {
  const { cluster, aheadFor } = site
  const taker = await takerOf(site, name, signal)
  if (taker === undefined) {
    if ((await cluster.getPod(name, signal)) === undefined) return
    const isOurs = await take(site, name, takenBy, signal).catch((error) => {
      // Whose job is over has no steps that could take it.
      if (aheadFor !== undefined && error instanceof StepError && error.code === 'run-lost') return true
      throw error
    })
    if (!isOurs) return
  } else if (taker !== takenBy) return
  if (aheadFor === undefined) await cluster.deletePod(name, signal)
  else await giveUp(site, name, signal)
}

/** Removes a pod of one's own that nobody has used. */
export async function giveUp({ cluster }: Site, pod: string, signal: AbortSignal): Promise<void> {
  await cluster.deletePod(pod, signal)
  await cluster.deleteSecret(claimName(pod), signal)
}

/** Resolves when somebody has taken the pod. */
export async function stand(site: Site, { built: { pod } }: StandInput, signal: AbortSignal): Promise<void> {
  // Bounded by the signal: every stage has a budget.
  for (;;) {
    if ((await takerOf(site, pod, signal)) !== undefined) return
    if (isOver(await site.cluster.getPod(pod, signal))) {
      throw new StepError('builder-lost', `the pod ${pod} that was built ahead is gone`)
    }
    await site.clock.sleep(LOOK_MS, signal)
  }
}
