/** Everything that belongs to one runner pod, removed from the cluster and the registry, for cleanup_job. */
import { StepError } from '../../errors.ts'
import { entryName, type LedgerEntry } from '../../machines/ledger.ts'
import { repositoryOf } from '../registry/reference.ts'
import { type Cluster, connectCluster } from './client.ts'
import { createJanitor, labelled } from './janitor.ts'
import type { KubernetesDependencies, KubernetesOptions } from './options.ts'
import { openRegistry } from './registry-access.ts'
import { handleOf } from './site.ts'

/** Between looks at whether everything is gone. */
const GONE_POLL_MS = 200
/** The runner asks only once, so an API server that is being restarted is waited for. */
const ATTEMPTS_MAX = 5
const BACK_OFF_MS = 2_000

/**
 * Removes everything labelled for this runner pod, in the cluster and in the registry, and waits until it is gone.
 * Idempotent; what is gone already is not an error. Resolves with
 * what was removed, as the ledger names it; rejects with `cleanup-failed` naming what could not be.
 */
export async function cleanUpJob(
  options: KubernetesOptions,
  deps: KubernetesDependencies,
  signal: AbortSignal
): Promise<readonly string[]> {
  const cluster = await connectCluster({
    service: options.service,
    namespace: options.namespace,
    clock: deps.clock,
    onRetry: deps.reporter.line
  })
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await removeAll(cluster, options, deps, signal)
    } catch (error) {
      if (!(error instanceof StepError && error.retryable) || attempt === ATTEMPTS_MAX) throw error
      deps.reporter.line(`Cleanup failed, trying again: ${error.message}`)
      await deps.clock.sleep(BACK_OFF_MS, signal)
    }
  }
}

async function removeAll(
  cluster: Cluster,
  options: KubernetesOptions,
  deps: KubernetesDependencies,
  signal: AbortSignal
): Promise<readonly string[]> {
  const place = { cluster, clock: deps.clock, reporter: deps.reporter }
  const [runnerPod, pods] = await Promise.all([
    cluster.getPod(options.runnerPod, signal),
    labelled(cluster, options.runnerPod, signal)
  ])
  await createJanitor(place, undefined).cleanUp(pods, false, signal)
  const images: LedgerEntry[] = []
  if (options.registry !== undefined && !options.registry.isKept && runnerPod !== undefined) {
    const registry = await openRegistry(place, options.registry, signal)
    const references = await registry.tagged(repositoryOf(options.registry, handleOf(runnerPod)), signal)
    images.push(...references.map((name): LedgerEntry => ({ kind: 'image', name })))
    await createJanitor(place, registry).cleanUp(images, false, signal)
  }
  while ((await labelled(cluster, options.runnerPod, signal)).length > 0) await deps.clock.sleep(GONE_POLL_MS, signal)
  return [...pods, ...images].map(entryName)
}
