/** Undoes a ledger in the cluster and the registry, and sweeps everything that carries a runner's label. */
import type { V1ObjectMeta } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import { entryName, type Ledger, type LedgerEntry } from '../../../machines/ledger.ts'
import type { Clock, Janitor } from '../../../machines/ports.ts'
import type { RegistryClient } from '../../registry/client.ts'
import type { Cluster } from '../api/cluster.ts'
import { isBuildPod, isLeftOf, RUNNER_POD_LABEL } from '../names.ts'

type Remove = (entry: LedgerEntry, signal: AbortSignal) => Promise<void>

/** What is known about the image of a build: `none` was pushed, it is `done`, or a build pod may be pushing it right now. */
export type PushState = 'none' | 'possible' | 'done'

/** How long the kubelet gets to end a program that may be pushing, before the pod is removed all the same. */
const STOP_MS_MAX = 3_000
const STOP_POLL_MS = 100
const STOP_GRACE_SECONDS = 1

function remover(
  { cluster, clock }: JanitorPlace,
  registry: RegistryClient | undefined,
  state: PushState,
  askedToStop: Set<string>
): Remove {
  /** The kubelet removes the pod once its programs have ended, so nothing is pushed after that. */
  const stop = async (name: string, signal: AbortSignal): Promise<void> => {
    const startedAtMs = clock.now()
    askedToStop.add(name)
    await cluster.deletePod(name, signal, STOP_GRACE_SECONDS)
    while (clock.now() - startedAtMs < STOP_MS_MAX) {
      if ((await cluster.getPod(name, signal)) === undefined) return
      await clock.sleep(STOP_POLL_MS, signal)
    }
    await cluster.deletePod(name, signal)
  }
  return async ({ kind, name }, signal) => {
    if (kind === 'pod') {
      // Asked once already: that attempt ran out of time, or SIGTERM cut it short.
      const mayPush = state === 'possible' && isBuildPod(name) && !askedToStop.has(name)
      await (mayPush ? stop(name, signal) : cluster.deletePod(name, signal))
    } else if (kind === 'secret') await cluster.deleteSecret(name, signal)
    else if (kind === 'image') await (state === 'none' ? undefined : registry?.remove(name, signal))
    else throw new StepError('internal', `the cluster has no ${kind} to remove`)
  }
}

export interface JanitorPlace {
  readonly cluster: Cluster
  readonly clock: Clock
}

/** Images go last, because a push that is still going on could bring one back. */
export function createJanitor(
  place: JanitorPlace,
  registry: RegistryClient | undefined,
  pushState: () => PushState = () => 'possible'
): Janitor {
  const askedToStop = new Set<string>()
  return {
    async cleanUp(ledger, _hurried, signal) {
      const remove = remover(place, registry, pushState(), askedToStop)
      const isFirst = ({ kind }: LedgerEntry) => kind !== 'image'
      const failures = [
        ...(await removeAll(remove, ledger.filter(isFirst), signal)),
        ...(await removeAll(
          remove,
          ledger.filter((entry) => !isFirst(entry)),
          signal
        ))
      ]
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

/** Everything that is labelled for a runner pod and belongs to nothing else, as a ledger; never the runner pod itself. */
export async function labelled(cluster: Cluster, runnerPod: string, signal: AbortSignal): Promise<Ledger> {
  const selector = `${RUNNER_POD_LABEL}=${runnerPod}`
  const [pods, secrets] = await Promise.all([
    cluster.list('pods', selector, signal),
    cluster.list('secrets', selector, signal)
  ])
  const entries = (kind: 'pod' | 'secret', found: readonly V1ObjectMeta[]): LedgerEntry[] =>
    found.filter((one) => isLeftOf(one, runnerPod)).flatMap(({ name }) => (name === undefined ? [] : [{ kind, name }]))
  return [...entries('pod', pods).filter(({ name }) => name !== runnerPod), ...entries('secret', secrets)]
}
