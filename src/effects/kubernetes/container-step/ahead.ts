/**
 * The ports of builds that no step has asked for yet, for build_ahead: those of a container step, on a site whose things belong to the
 * job pod. So Kubernetes removes what is made after that pod is gone, and nothing is made once it is known to be.
 */
import type { V1Pod } from '@kubernetes/client-node'
import type { AheadPorts } from '../../../machines/ports.ts'
import { remembered } from '../../remembered.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../context/options.ts'
import { discoverSite, type Site } from '../context/site.ts'
import { jobPodName } from '../names.ts'
import { jobPodGone } from '../pods/own.ts'
import { createPortsOn } from './backend.ts'

const JOB_LOOK_MS = 2_000

export interface AheadBackend {
  readonly ports: AheadPorts
  /** Resolves when the job pod is gone, or is another one; rejects when it is aborted. */
  jobEnds(signal: AbortSignal): Promise<void>
}

export function createAheadBackend(options: KubernetesOptions, deps: KubernetesDependencies): AheadBackend {
  const ofJob = { ...options, jobPod: jobPodName(options.runnerPod) }
  const siteOf = remembered(async (signal) => aheadOf(await discoverSite(ofJob, deps, signal)))
  return {
    ports: createPortsOn(ofJob, deps, siteOf),
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
