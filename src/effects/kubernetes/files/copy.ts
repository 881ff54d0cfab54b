/**
 * The transfer for pods that have a volume of their own: files are copied in before the work begins, and what changed is copied out
 * after it. What moves them is loaded only then.
 */
import type { V1Volume } from '@kubernetes/client-node'
import type { Site } from '../context/site.ts'
import { WORK_VOLUME } from '../context/storage.ts'
import { ARRIVAL, CONTEXT_NAME, filesContainer, filesFirst } from './containers.ts'
import type { Transfer } from './transfer.ts'

/** The user and group of GitHub's runner image, whose files the job shares. */
const RUNNER_GROUP = 1001

export function copyTransfer(site: Site): Transfer {
  const volume: V1Volume = { name: WORK_VOLUME, emptyDir: {} }
  return {
    jobPod: { volume, arrival: ARRIVAL, containers: [filesContainer(site)], fsGroup: RUNNER_GROUP },
    stepPod: { volume, containers: [filesFirst(site)] },
    buildPod: () => ({ volume, arrival: ARRIVAL, containers: [], contextPath: CONTEXT_NAME }),
    async copyInJob(to, signal) {
      const { copyInJob } = await import('./job.ts')
      await copyInJob(site, to, signal)
    },
    async copyInStep(to, mounts, signal) {
      const { copyInStep } = await import('./step.ts')
      return await copyInStep(site, to, mounts, signal)
    },
    async copyInContext(to, context, signal) {
      const { copyInContext } = await import('./context.ts')
      await copyInContext(site, to, { ...context, name: CONTEXT_NAME }, signal)
    },
    async copyInAction(action, signal) {
      const { copyInAction } = await import('./job.ts')
      await copyInAction(site, action, signal)
    },
    async copyOutStep(from, mounts, signal) {
      const { copyOutStep } = await import('./step.ts')
      await copyOutStep(site, from, mounts, signal)
    },
    async copyOutOfJob(directory, signal) {
      const { copyOutOfJob } = await import('./job.ts')
      await copyOutOfJob(site, directory, signal)
    },
    async copyOutArtifacts(written, signal) {
      const { copyOutArtifacts } = await import('./artifacts.ts')
      await copyOutArtifacts(site, written, signal)
    }
  }
}
