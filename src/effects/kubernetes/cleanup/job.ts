/** Everything that belongs to one runner pod, removed from the cluster and the registry, for cleanup_job. */
import { StepError } from '../../../errors.ts'
import { entryName, type Ledger, type LedgerEntry } from '../../../machines/ledger.ts'
import { repositoryOf } from '../../registry/reference.ts'
import { connectCluster } from '../api/cluster.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../context/options.ts'
import { handleOf } from '../context/site.ts'
import { rememberedDigests } from '../registry/built-images.ts'
import { openRegistry, type RegistryPlace } from '../registry/credentials.ts'
import { createJanitor, isPod, type JanitorPlace, labelled } from './janitor.ts'

/** Between looks at whether everything is gone. */
const GONE_POLL_MS = 200
/** The runner asks only once, so an API server that is being restarted is waited for. */
const ATTEMPTS_MAX = 5
/** `slipway gc` removes images, too. */
const REGISTRY_ATTEMPTS_MAX = 2
const BACK_OFF_MS = 2_000
/** Nothing is known of what the hooks of this job were doing when they ended. */
const ATTENTIVE = { hurried: false, pushState: 'possible' } as const

/**
 * Removes everything labelled for this runner pod, waits until it is gone, and removes the job's images from the registry.
 * Idempotent; what is gone already is not an error. Resolves with what was removed, as the ledger names it; rejects with
 * `cleanup-failed` naming what could not be. A registry that cannot be asked is a warning: most jobs have no image in it.
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
  const place = { cluster, clock: deps.clock, reporter: deps.reporter }
  const again = async <T>(attemptsMax: number, work: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof StepError && error.retryable) || attempt === attemptsMax) throw error
        deps.reporter.line(`Cleanup failed, trying again: ${error.message}`)
        await deps.clock.sleep(BACK_OFF_MS, signal)
      }
    }
  }
  const { registry, runnerPod } = options
  const isAsked = registry !== undefined && !registry.isKept
  const digests = isAsked ? await again(ATTEMPTS_MAX, () => rememberedDigests(cluster, runnerPod, signal)) : []
  const objects = await again(ATTEMPTS_MAX, () => removeObjects(place, runnerPod, signal))
  const images = await again(REGISTRY_ATTEMPTS_MAX, () => removeImages(place, options, digests, signal)).catch(
    (error: unknown): Ledger => {
      signal.throwIfAborted()
      deps.reporter.warning(
        `Images of this job, if it built any, stay in the registry until \`slipway gc\` removes them: ${(error as Error).message}`
      )
      return []
    }
  )
  return [...objects.filter(isPod), ...images, ...objects.filter((entry) => !isPod(entry))].map(entryName)
}

async function removeObjects(place: JanitorPlace, runnerPod: string, signal: AbortSignal): Promise<Ledger> {
  const found = await labelled(place.cluster, runnerPod, signal)
  await createJanitor(place, undefined).cleanUp({ ledger: found, ...ATTENTIVE }, signal)
  while ((await labelled(place.cluster, runnerPod, signal)).length > 0) await place.clock.sleep(GONE_POLL_MS, signal)
  return found
}

/** After the pods: one of them could be pushing. */
async function removeImages(
  place: RegistryPlace & JanitorPlace,
  { registry: settings, runnerPod: name }: KubernetesOptions,
  digests: readonly string[],
  signal: AbortSignal
): Promise<Ledger> {
  if (settings === undefined || settings.isKept) return []
  const runnerPod = await place.cluster.getPod(name, signal)
  if (runnerPod === undefined) return []
  const registry = await openRegistry(place, settings, signal)
  const repository = repositoryOf(settings, handleOf(runnerPod))
  const remove = async (references: readonly string[]): Promise<Ledger> => {
    const images = references.map((reference): LedgerEntry => ({ kind: 'image', name: reference }))
    await createJanitor(place, registry).cleanUp({ ledger: images, ...ATTENTIVE }, signal)
    return images
  }
  const tagged = await remove(await registry.tagged(repository, signal))
  // Images whose tags somebody has moved to others.
  const untagged = await Promise.all(
    digests.map(async (digest) => {
      const reference = `${settings.pushHost}/${repository}@${digest}`
      return (await registry.digestOf(reference, signal)) === undefined ? [] : [reference]
    })
  )
  return [...tagged, ...(await remove(untagged.flat()))]
}
