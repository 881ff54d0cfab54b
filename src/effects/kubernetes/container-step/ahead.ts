/**
 * The ports of builds that no step has asked for yet, for build_ahead: those of a container step, on a site whose things belong to the
 * job pod. So Kubernetes removes what is made after that pod is gone, and nothing is made once it is known to be.
 */
import type { V1Pod } from '@kubernetes/client-node'
import type { BuildInPlaceInput } from '../../../machines/inputs.ts'
import type { AheadPorts } from '../../../machines/ports.ts'
import type { BuiltInPlace } from '../../../machines/types.ts'
import { remembered } from '../../remembered.ts'
import { openForEveryUser } from '../../work-tree/rights.ts'
import { buildPlaceOf } from '../context/build-place.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../context/options.ts'
import { discoverSite, type Site } from '../context/site.ts'
import { isCopied } from '../context/storage.ts'
import { buildPodName, jobPodName } from '../names.ts'
import { jobPodGone } from '../pods/own.ts'
import { asPort, createPortsOn } from './backend.ts'
import { stand, take } from './standing.ts'

const JOB_LOOK_MS = 2_000
const UP_LOOK_MS = 500

export interface AheadBackend {
  readonly ports: AheadPorts
  /**
   * Resolves with whether to build ahead at all: once the job pod is up, which nothing may slow down, and whose address an action needs
   * for the names of services. Rejects when it will not be up. To be asked before anything else.
   */
  ready(signal: AbortSignal): Promise<boolean>
  /** Resolves when the job pod is gone, or is another one; rejects when it is aborted. */
  jobEnds(signal: AbortSignal): Promise<void>
}

export function createAheadBackend(options: KubernetesOptions, deps: KubernetesDependencies): AheadBackend {
  const ofJob = { ...options, jobPod: jobPodName(options.runnerPod) }
  const lookAtSite = async (signal: AbortSignal) => aheadOf(await discoverSite(ofJob, deps, signal))
  const isInPlace = buildPlaceOf(options) === 'in-place'
  const siteOf = remembered(lookAtSite)
  const ports = createPortsOn(ofJob, deps, siteOf)
  return {
    ports: {
      ...ports,
      inPlace: {
        buildInPlace: (input, signal) =>
          asPort(signal, async () => {
            const site = await siteOf(signal)
            const earlier = await earlierTaken(site, input, signal)
            if (earlier !== undefined) return earlier
            // What is missing a kubelet would make, as root.
            const written = input.request.mounts.filter(({ readOnly }) => !readOnly).map(({ source }) => source)
            await openForEveryUser(site.storage.workDirectory, written)
            return await ports.inPlace.buildInPlace(input, signal)
          })
      },
      stander: { stand: (input, signal) => asPort(signal, async () => stand(await siteOf(signal), input, signal)) }
    },
    async ready(signal) {
      const { cluster, clock, job, storage } = await lookAtSite(signal)
      if (isInPlace && !isCopied(storage) && options.buildAhead !== 'on') return false
      // Bounded by the signal: build_ahead has one.
      while (!isUp(await cluster.getPod(job?.pod ?? '', signal), job)) await clock.sleep(UP_LOOK_MS, signal)
      return true
    },
    async jobEnds(signal) {
      for (;;) {
        const isThere = await siteOf(signal).then(
          (site) => isJobThere(site, signal),
          () => true
        )
        if (!isThere) return
        await deps.clock.sleep(JOB_LOOK_MS, signal)
      }
    }
  }
}

function isUp(pod: V1Pod | undefined, job: Site['job']): boolean {
  if (pod === undefined || !isSame(pod, job?.uid)) throw jobPodGone(job?.pod ?? '')
  const statuses = pod.status?.containerStatuses ?? []
  return statuses.length === pod.spec?.containers.length && statuses.every(({ state }) => state?.waiting === undefined)
}

/** What an attempt before has made, where a step has taken it: that sees to it now. */
async function earlierTaken(
  site: Site,
  { attempt, nonce }: BuildInPlaceInput,
  signal: AbortSignal
): Promise<BuiltInPlace | undefined> {
  if (attempt === 1) return undefined
  const pod = buildPodName(site.runnerPod, nonce, attempt - 1)
  return (await take(site, pod, nonce, signal)) ? undefined : { pod, marker: '' }
}

/** An API server that does not answer says nothing about the job. */
const isJobThere = async ({ cluster, job }: Site, signal: AbortSignal): Promise<boolean> =>
  await cluster.getPod(job?.pod ?? '', signal).then(
    (pod) => isSame(pod, job?.uid),
    () => true
  )

const isSame = (pod: V1Pod | undefined, uid: string | undefined): boolean =>
  pod?.metadata?.uid === uid && pod?.metadata?.deletionTimestamp === undefined

/** The same place, where what is made is the job pod's, and only made while that is there. */
export function aheadOf(site: Site): Site {
  const { cluster, job } = site
  if (job === undefined) throw jobPodGone(jobPodName(site.runnerPod.metadata?.name ?? ''))
  const requireJob = async (signal: AbortSignal) => {
    if (!isSame(await cluster.getPod(job.pod, signal), job.uid)) throw jobPodGone(job.pod)
  }
  return {
    ...site,
    aheadFor: { metadata: { name: job.pod, uid: job.uid } },
    cluster: {
      ...cluster,
      async createPod(pod, signal) {
        await requireJob(signal)
        await cluster.createPod(pod, signal)
      },
      async createSecret(secret, signal) {
        await requireJob(signal)
        await cluster.createSecret(secret, signal)
      }
    }
  }
}
