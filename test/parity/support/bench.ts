/** What both builders of the suite need: the registry, the base images in it, and a directory for contexts. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { registryHost } from '../../cluster/support/kubernetes-backend.ts'
import { createImageReader, type ImageReader } from '../image/registry.ts'
import type { BaseImages } from './context.ts'

const REPOSITORIES = { busybox: 'base/busybox:1', debian: 'base/debian:bookworm' }

export interface Bench {
  /** `host:port`, for this process and for pods. */
  readonly registry: string
  readonly bases: BaseImages
  readonly images: ImageReader
  /** For contexts; what is in it is removed with it. */
  readonly workDirectory: string
  close(): Promise<void>
}

export async function openBench(): Promise<Bench> {
  const registry = await registryHost()
  const workDirectory = await mkdtemp(join(tmpdir(), 'slipway-parity-'))
  return {
    registry,
    bases: {
      busybox: `${registry}/${REPOSITORIES.busybox}`,
      debian: `${registry}/${REPOSITORIES.debian}`,
      registry
    },
    images: await createImageReader(registry, REPOSITORIES),
    workDirectory,
    close: async () => await rm(workDirectory, { recursive: true, force: true })
  }
}
