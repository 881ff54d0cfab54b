/** The transfer for a claim that the runner pod and our pods mount: the files are there, and nothing is moved. */
import type { Site } from '../context/site.ts'
import { volumePath } from '../context/storage.ts'
import type { PodFiles } from '../specs/parts.ts'
import type { Transfer } from './transfer.ts'

const nothing = async (): Promise<void> => {}

export function volumeTransfer({ storage }: Site): Transfer {
  const files: PodFiles = { volume: storage.volume, nodeName: storage.nodeName, containers: [] }
  return {
    jobPod: files,
    stepPod: files,
    buildPod: ({ contextDirectory }) => ({ ...files, contextPath: volumePath(storage, contextDirectory) }),
    copyInJob: nothing,
    copyInStep: async () => ({}),
    copyInContext: nothing,
    copyInAction: nothing,
    copyOutStep: nothing,
    copyOutOfJob: nothing,
    copyOutArtifacts: nothing
  }
}
