/** Which transfer a pod needs, for all that makes pods: the storage decides, and for builds also whether their images are kept. */
import type { BuildSource } from '../../../machines/types.ts'
import type { Site } from '../context/site.ts'
import { isCopied } from '../context/storage.ts'
import { copyTransfer } from './copy.ts'
import type { Transfer } from './transfer.ts'
import { volumeTransfer } from './volume.ts'

export const chooseTransfer = (site: Site): Transfer =>
  isCopied(site.storage) ? copyTransfer(site) : volumeTransfer(site)

/**
 * What is kept for other jobs is built from bytes that were looked at as they were sent: on a volume, a container of the job
 * could change them in between. And where something is left out of a context, no builder is trusted to leave it out.
 */
export const chooseContextTransfer = (site: Site, { isFiltered }: BuildSource): Transfer =>
  site.registry?.isKept || isFiltered ? copyTransfer(site) : chooseTransfer(site)
