/** Names of images: how a reference is taken apart, and what one of ours is called, for the resolver and the registry client. */
import { StepError } from '../../errors.ts'

/** One registry under its two addresses (ADR 0034): pods and kubelets may resolve names differently. */
export interface RegistryTarget {
  /** As pods and the hook see it, `host` or `host:port`. */
  readonly pushHost: string
  /** As the kubelet sees it, `host` or `host:port`. */
  readonly pullHost: string
  /** What the names of our repositories begin with, `org/slipway`; undefined: nothing. */
  readonly path?: string | undefined
  readonly plainHttp: boolean
}

/** The parts of `host/repository:tag` or `host/repository@sha256:...`. */
export interface ImageReference {
  readonly host: string
  readonly repository: string
  /** A tag or a digest: what stands behind `manifests/` in the registry's API. */
  readonly version: string
}

const REFERENCE = /^(?<host>[^/]+)\/(?<repository>[^@:]+)(?:@(?<digest>[a-z0-9]+:[0-9a-f]+)|:(?<tag>\w[\w.-]{0,127}))$/
/** OCI image specification, "Digests". */
const DIGEST = /^[a-z0-9.+_-]{1,32}:[\w=-]{1,128}$/

/** Whether a registry's word for a digest is one, and leads nowhere else when it is part of a path. */
export const isDigest = (text: unknown): text is string => typeof text === 'string' && DIGEST.test(text)

/** Whether a text names its host and a tag or digest. What a registry calls a tag need not be one. */
export const isReference = (text: string): boolean => REFERENCE.test(text)

/** The parts of a reference that names its host and a tag or digest, as all of ours do. Throws `internal` for others. */
export function parseReference(reference: string): ImageReference {
  const { host, repository, digest, tag } = REFERENCE.exec(reference)?.groups ?? {}
  const version = digest ?? tag
  if (host === undefined || repository === undefined || version === undefined) {
    throw new StepError('internal', `'${reference}' is not a complete image reference (host/repository:tag)`)
  }
  return { host, repository, version }
}

/** The repository of a handle: `org/slipway/handle`. */
export const repositoryOf = ({ path }: RegistryTarget, handle: string): string =>
  path === undefined ? handle : `${path}/${handle}`

/** The one repository of all jobs, where images are kept: the path itself. */
export const sharedRepository = ({ path = 'slipway' }: RegistryTarget): string => path

/** What an image is pushed as: `host/repository:tag`. */
export const pushReference = (registry: RegistryTarget, repository: string, tag: string): string =>
  `${registry.pushHost}/${repository}:${tag}`

/** What an image is pulled from, once `@digest` is added: `host/repository`. */
export const pullRepository = (registry: RegistryTarget, repository: string): string =>
  `${registry.pullHost}/${repository}`
