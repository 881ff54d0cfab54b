/** JobCleaner on the cluster and the registry: everything that belongs to one runner pod, for cleanup_job. */
import type { V1ObjectMeta } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import { entryName, type Ledger, type LedgerEntry } from '../../../machines/ledger.ts'
import type { CleanupPorts } from '../../../machines/ports.ts'
import type { AheadCounts, JobImages, Leftovers } from '../../../machines/types.ts'
import { repositoryOf } from '../../registry/reference.ts'
import { askedEarly, remembered } from '../../remembered.ts'
import { type Cluster, connectCluster } from '../api/cluster.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../context/options.ts'
import { handleOf } from '../context/site.ts'
import { AHEAD_LABEL, type AheadLabel, BUILD_POD_LABEL, claimName } from '../names.ts'
import { rememberedDigests } from '../registry/built-images.ts'
import { openRegistry, type RegistryDependencies } from '../registry/credentials.ts'
import { type CleanupDependencies, createJanitor, findLabelled, type Labelled, labelled, ledgerOf } from './janitor.ts'

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
  // Before the machine is loaded, which takes as long as the answer.
  const list = askedEarly(async (signal): Promise<Leftovers> => {
    const { runnerPod } = options
    const { cluster } = await connected(signal)
    const [found, repository] = await Promise.all([
      findLabelled(cluster, runnerPod, signal),
      repositoryOfJob(cluster, options, signal)
    ])
    // Looked at before the objects go: the job remembers its digests in Secrets.
    const digests = repository === undefined ? [] : await rememberedDigests(cluster, found.secrets, signal)
    const images = repository === undefined ? undefined : { repository, digests }
    return { objects: ledgerOf(found), images, ahead: countAhead(found) }
  })
  return {
    clock,
    cleaner: {
      list: (_request, signal) => list(signal),
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

/** What is being built at the end of the job has no step any more that could use it. */
function countAhead({ pods, secrets }: Labelled): AheadCounts | undefined {
  const count = (found: readonly V1ObjectMeta[], value: AheadLabel) =>
    found.filter(({ labels }) => labels?.[AHEAD_LABEL] === value).length
  // What a step has taken went with it, unless that was killed.
  const taken = secrets.filter(({ labels }) => labels?.[AHEAD_LABEL] === ('taken' satisfies AheadLabel))
  const isTaken = ({ name = '' }: V1ObjectMeta) => taken.some((claim) => claim.name === claimName(name))
  const builds = pods.filter((pod) => pod.labels?.[BUILD_POD_LABEL] !== undefined && !isTaken(pod))
  const images = count(builds, 'building') + count(secrets, 'built')
  const begun = images + taken.length
  const used = Math.min(count(secrets, 'used'), images) + taken.length
  return begun === 0 ? undefined : { used, unused: begun - used }
}

/** All of which is the job's; undefined where the job can have no images, or nobody can say which. */
async function repositoryOfJob(
  cluster: Cluster,
  { registry, runnerPod: name }: KubernetesOptions,
  signal: AbortSignal
): Promise<string | undefined> {
  if (registry === undefined || registry.isKept) return undefined
  const runnerPod = await cluster.getPod(name, signal)
  return runnerPod && repositoryOf(registry, handleOf(runnerPod))
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
