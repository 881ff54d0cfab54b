/** Undoes a ledger in the cluster and the registry, and sweeps everything that carries a runner's label. */
import { StepError } from '../../errors.ts'
import { entryName, type Ledger, type LedgerEntry } from '../../machines/ledger.ts'
import type { Janitor } from '../../machines/ports.ts'
import type { RegistryClient } from '../registry/client.ts'
import type { Cluster } from './client.ts'
import { RUNNER_POD_LABEL } from './names.ts'

type Remove = (entry: LedgerEntry, signal: AbortSignal) => Promise<void>

function remover(cluster: Cluster, registry: RegistryClient | undefined): Remove {
  return async ({ kind, name }, signal) => {
    if (kind === 'pod') await cluster.deletePod(name, signal)
    else if (kind === 'secret') await cluster.deleteSecret(name, signal)
    else if (kind === 'image') await registry?.remove(name, signal)
    else throw new StepError('internal', `the cluster has no ${kind} to remove`)
  }
}

/** Images go last, because a push that is still going on could bring one back; all at once when there is no time. */
export function createJanitor(cluster: Cluster, registry: RegistryClient | undefined): Janitor {
  const remove = remover(cluster, registry)
  return {
    async cleanUp(ledger, hurried, signal) {
      const isFirst = ({ kind }: LedgerEntry) => hurried || kind !== 'image'
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

/** Everything labelled for a runner pod, as a ledger; the runner pod itself is never part of it. */
export async function labelled(cluster: Cluster, runnerPod: string, signal: AbortSignal): Promise<Ledger> {
  const selector = `${RUNNER_POD_LABEL}=${runnerPod}`
  const [pods, secrets] = await Promise.all([cluster.podNames(selector, signal), cluster.secretNames(selector, signal)])
  return [
    ...pods.filter((name) => name !== runnerPod).map((name): LedgerEntry => ({ kind: 'pod', name })),
    ...secrets.map((name): LedgerEntry => ({ kind: 'secret', name }))
  ]
}
