/** JobCleaner on the cluster and the registry: everything that belongs to one runner pod, for cleanup_job. */
import { StepError } from '../../../errors.ts'
import { entryName, type Ledger, type LedgerEntry } from '../../../machines/ledger.ts'
import type { CleanupPorts } from '../../../machines/ports.ts'
import type { JobImages } from '../../../machines/types.ts'
import { repositoryOf } from '../../registry/reference.ts'
import { remembered } from '../../remembered.ts'
import { type Cluster, connectCluster } from '../api/cluster.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../context/options.ts'
import { handleOf } from '../context/site.ts'
import { rememberedDigests } from '../registry/built-images.ts'
import { openRegistry, type RegistryDependencies } from '../registry/credentials.ts'
import { type CleanupDependencies, createJanitor, labelled } from './janitor.ts'

/** Between looks at whether everything is gone. */
const GONE_POLL_MS = 200
/** A pod whose grace period is 0 is gone at once, unless its node does not answer. */
const GONE_MS_MAX = 60_000
/** Nothing is known of what the hooks of this job were doing when they ended. */
const ATTENTIVE = { hurried: false, pushState: 'possible' } as const

export function createCleanupPorts(options: KubernetesOptions, deps: KubernetesDependencies): CleanupPorts {
  const { clock, reporter } = deps
  const { service, namespace } = options
  const clusterOf = remembered(() => connectCluster({ service, namespace, clock, onRetry: reporter.line }))
  const connected = async (signal: AbortSignal) => ({ cluster: await clusterOf(signal), clock, reporter })
  return {
    clock,
    cleaner: {
      async list({ runnerPod }, signal) {
        const { cluster } = await connected(signal)
        const [objects, images] = await Promise.all([
          labelled(cluster, runnerPod, signal),
          imagesOf(cluster, options, signal)
        ])
        return { objects, images }
      },
      removeObjects: async (objects, signal) =>
        await createJanitor(await connected(signal), undefined).cleanUp({ ledger: objects, ...ATTENTIVE }, signal),
      async confirm({ runnerPod }, signal) {
        const { cluster } = await connected(signal)
        const startedAtMs = clock.now()
        for (;;) {
          const remaining = (await labelled(cluster, runnerPod, signal)).map(entryName)
          if (remaining.length === 0) return
          if (clock.now() - startedAtMs > GONE_MS_MAX) {
            throw new StepError('cleanup-failed', `still there: ${remaining.join(', ')}`, { remaining })
          }
          await clock.sleep(GONE_POLL_MS, signal)
        }
      },
      removeImages: async (images, signal) => await removeImages(await connected(signal), options, images, signal)
    }
  }
}

/** Looked at before the objects go: the job remembers its digests in Secrets. */
async function imagesOf(
  cluster: Cluster,
  { registry, runnerPod: name }: KubernetesOptions,
  signal: AbortSignal
): Promise<JobImages | undefined> {
  if (registry === undefined || registry.isKept) return undefined
  const [digests, runnerPod] = await Promise.all([
    rememberedDigests(cluster, name, signal),
    cluster.getPod(name, signal)
  ])
  return runnerPod && { repository: repositoryOf(registry, handleOf(runnerPod)), digests }
}

async function removeImages(
  dependencies: RegistryDependencies & CleanupDependencies,
  { registry: settings }: KubernetesOptions,
  { repository, digests }: JobImages,
  signal: AbortSignal
): Promise<Ledger> {
  if (settings === undefined) return []
  const registry = await openRegistry(dependencies, settings, signal)
  const remove = async (references: readonly string[]): Promise<Ledger> => {
    const images = references.map((reference): LedgerEntry => ({ kind: 'image', name: reference }))
    await createJanitor(dependencies, registry).cleanUp({ ledger: images, ...ATTENTIVE }, signal)
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
