/** Decides what a container action runs, and under which names, for both families of ports. */
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { StepError } from '../errors.ts'
import type { ImageResolver } from '../machines/ports.ts'
import type { BuildPlan, Creates, Resolution } from '../machines/types.ts'
import { listContext } from './content/context.ts'
import { contentHash } from './content/hash.ts'
import { pullRepository, pushReference, type RegistryTarget } from './registry/reference.ts'

export interface ResolverOptions {
  readonly registry: RegistryTarget | undefined
  /** The error for a Dockerfile when no registry is configured; names what to set. */
  readonly notConfigured: () => StepError
  /** Name of the repository for the image. */
  readonly repository: () => string
  /** Name and version of the builder, part of the hash. */
  readonly builderIdentity: string
  /** Digest of an image that was built before from the same content, when images outlive a step. */
  readonly findBuilt?: ((plan: BuildPlan, signal: AbortSignal) => Promise<string | undefined>) | undefined
  /** What the later stages will make; without a plan nothing is built. */
  readonly creates: (plan: BuildPlan | undefined) => Creates
}

/** A tag holds at most 128 characters; 40 digits of the hash are unique enough and can still be read. */
const TAG_LENGTH = 40

/** A resolver. Rejects with `invalid-input`, `not-configured`, `dockerfile-not-found` or `cancelled`. */
export function createResolver(options: ResolverOptions): ImageResolver {
  return {
    async resolve(request, signal): Promise<Resolution> {
      const { image, dockerfile } = request
      if (image !== undefined) return { kind: 'prebuilt', image, creates: options.creates(undefined) }
      if (dockerfile === undefined) throw new StepError('invalid-input', 'There is neither an image nor a Dockerfile')
      const plan = await planBuild(options, dockerfile, signal)
      const digest = await options.findBuilt?.(plan, signal)
      if (digest === undefined) return { kind: 'build', plan, creates: options.creates(plan) }
      return { kind: 'cached', image: `${plan.pullRepository}@${digest}`, creates: options.creates(undefined) }
    }
  }
}

async function planBuild(options: ResolverOptions, dockerfile: string, signal: AbortSignal): Promise<BuildPlan> {
  const { registry, builderIdentity } = options
  if (registry === undefined) throw options.notConfigured()
  await requireFile(dockerfile)
  const directory = dirname(dockerfile)
  const name = basename(dockerfile)
  const entries = await listContext(directory, name, signal)
  const hash = await contentHash({ directory, entries, dockerfile: name, builderIdentity }, signal)
  const repository = options.repository()
  return {
    contextDirectory: directory,
    dockerfile: name,
    contentHash: hash,
    pushReference: pushReference(registry, repository, hash.slice(0, TAG_LENGTH)),
    pullRepository: pullRepository(registry, repository)
  }
}

async function requireFile(path: string): Promise<void> {
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false
  )
  if (!isFile) throw new StepError('dockerfile-not-found', `There is no Dockerfile at ${path}`)
}
