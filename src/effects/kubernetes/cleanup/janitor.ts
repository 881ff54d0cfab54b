/** Undoes a ledger in the cluster and the registry, and sweeps everything that carries a runner's label. */
import type { V1ObjectMeta } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { PushState } from '../../../machines/inputs.ts'
import { entryName, type Ledger, type LedgerEntry } from '../../../machines/ledger.ts'
import type { Clock, Janitor } from '../../../machines/ports.ts'
import type { RegistryClient } from '../../registry/client.ts'
import type { Cluster } from '../api/cluster.ts'
import { BUILD_POD_LABEL, isLeftOf, RUNNER_POD_LABEL, runnerPodLabel } from '../names.ts'

type Remove = (entry: LedgerEntry, signal: AbortSignal) => Promise<void>

/** How long the kubelet gets to end a program that may be pushing, before the pod is removed all the same. */
const STOP_MS_MAX = 3_000
const STOP_POLL_MS = 100
const STOP_GRACE_SECONDS = 1

export interface CleanupDependencies {
  readonly cluster: Cluster
  readonly clock: Clock
  /** Removes a pod that stands, unless another than the entry says has taken it. Only who works with such pods has it. */
  release?(entry: LedgerEntry, signal: AbortSignal): Promise<void>
}

/** The kubelet removes the pod once its programs have ended, so nothing is pushed after that. */
async function stop({ cluster, clock }: CleanupDependencies, name: string, signal: AbortSignal): Promise<void> {
  const startedAtMs = clock.now()
  await cluster.deletePod(name, signal, STOP_GRACE_SECONDS)
  while (clock.now() - startedAtMs < STOP_MS_MAX) {
    if ((await cluster.getPod(name, signal)) === undefined) return
    await clock.sleep(STOP_POLL_MS, signal)
  }
  await cluster.deletePod(name, signal)
}

const remover =
  (
    dependencies: CleanupDependencies,
    registry: RegistryClient | undefined,
    mayPush: boolean,
    pushState: PushState
  ): Remove =>
  async (entry, signal) => {
    const { kind, name } = entry
    if (kind === 'standing-pod') await dependencies.release?.(entry, signal)
    else if (kind === 'build-pod' && mayPush) await stop(dependencies, name, signal)
    else if (isPod({ kind })) await dependencies.cluster.deletePod(name, signal)
    else if (kind === 'secret') await dependencies.cluster.deleteSecret(name, signal)
    else if (kind === 'image') await (pushState === 'none' ? undefined : registry?.remove(name, signal))
    else throw new StepError('internal', `the cluster has no ${kind} to remove`)
  }

/** Images go last, because a push that is still going on could bring one back; in a hurry there is no time to wait for its end. */
export function createJanitor(dependencies: CleanupDependencies, registry: RegistryClient | undefined): Janitor {
  return {
    async cleanUp({ ledger, hurried, pushState }, signal) {
      const remove = remover(dependencies, registry, pushState === 'possible' && !hurried, pushState)
      const isImage = ({ kind }: LedgerEntry) => kind === 'image'
      const turns = hurried ? [ledger] : [ledger.filter((entry) => !isImage(entry)), ledger.filter(isImage)]
      const failures: RemovalFailure[] = []
      for (const entries of turns) failures.push(...(await removeAll(remove, entries, signal)))
      if (failures.length > 0) throw cleanupFailed(failures)
    }
  }
}

interface RemovalFailure {
  readonly entry: LedgerEntry
  readonly reason: unknown
}

/** Removes in parallel; one failure does not keep the others from being removed. */
async function removeAll(remove: Remove, entries: Ledger, signal: AbortSignal): Promise<RemovalFailure[]> {
  const results = await Promise.allSettled(entries.map((entry) => remove(entry, signal)))
  signal.throwIfAborted()
  return results.flatMap((result, index) => {
    const entry = entries[index]
    return result.status === 'rejected' && entry !== undefined ? [{ entry, reason: result.reason }] : []
  })
}

function cleanupFailed(failures: readonly RemovalFailure[]): StepError {
  const remaining = failures.map(({ entry }) => entryName(entry))
  const detail = failures.map(({ entry, reason }) => `${entryName(entry)}: ${(reason as Error).message}`).join('\n')
  return new StepError('cleanup-failed', `could not remove ${remaining.join(', ')}`, { detail, remaining })
}

/** Whether an entry is a pod, of whatever kind. */
export const isPod = ({ kind }: Pick<LedgerEntry, 'kind'>): boolean => kind === 'pod' || kind === 'build-pod'

export interface Labelled {
  readonly pods: readonly V1ObjectMeta[]
  readonly secrets: readonly V1ObjectMeta[]
}

/** Everything that is labelled for a runner pod and belongs to nothing else; never the runner pod itself. */
export async function findLabelled(cluster: Cluster, runnerPod: string, signal: AbortSignal): Promise<Labelled> {
  const selector = `${RUNNER_POD_LABEL}=${runnerPodLabel(runnerPod)}`
  const [pods, secrets] = await Promise.all([
    cluster.list('pods', selector, signal),
    cluster.list('secrets', selector, signal)
  ])
  const isLeft = (one: V1ObjectMeta) => isLeftOf(one, runnerPod)
  return { pods: pods.filter((one) => isLeft(one) && one.name !== runnerPod), secrets: secrets.filter(isLeft) }
}

export function ledgerOf({ pods, secrets }: Labelled): Ledger {
  const entries = (found: readonly V1ObjectMeta[], kindOf: (one: V1ObjectMeta) => LedgerEntry['kind']): LedgerEntry[] =>
    found.flatMap((one) => (one.name === undefined ? [] : [{ kind: kindOf(one), name: one.name }]))
  return [
    ...entries(pods, ({ labels }) => (labels?.[BUILD_POD_LABEL] === undefined ? 'pod' : 'build-pod')),
    ...entries(secrets, () => 'secret')
  ]
}

/** The same as a ledger. */
export const labelled = async (cluster: Cluster, runnerPod: string, signal: AbortSignal): Promise<Ledger> =>
  ledgerOf(await findLabelled(cluster, runnerPod, signal))
