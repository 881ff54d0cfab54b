/** Decides what a container action runs, and under which names, for both backends of ports. */
import { basename, dirname, join, relative } from 'node:path'
import { StepError } from '../../errors.ts'
import type { ImageResolver } from '../../machines/ports.ts'
import type {
  BuildAhead,
  BuildPlan,
  BuildSource,
  BuiltInPlace,
  Creates,
  Resolution,
  StepRequest
} from '../../machines/types.ts'
import { pullRepository, pushReference, type RegistryTarget } from '../registry/reference.ts'
import { inDirectory, inTree, openBelow, readWhole, resolveBelow } from '../work-tree/tree.ts'
import { type ContextDirectory, lookAtContext } from './context.ts'
import { type ContentEntry, contentHash } from './hash.ts'

export interface ResolverOptions {
  /** Undefined: what is built is built in place, where that is wanted. */
  readonly registry: RegistryTarget | undefined
  readonly isInPlace?: boolean | undefined
  /** The error for a Dockerfile when no registry is configured; names what to set. */
  readonly notConfigured: () => StepError
  /** The directory that build contexts have to lie below; undefined: each is taken where it is. */
  readonly contextRoot?: string | undefined
  /** Name of the repository for the image. */
  readonly repository: () => string
  /** Whether the tag is this build's alone, for a repository in which nothing is found by its tag: no image there ever loses its name to another. */
  readonly hasOwnTag?: boolean | undefined
  /** What builds a Dockerfile. May throw `not-supported`. */
  readonly chooseBuilder: (file: FoundDockerfile) => PlannedBuilder | Promise<PlannedBuilder>
  /** Digest of an image that was built before from the same content, when images outlive a step. */
  readonly findBuilt?: ((plan: BuildPlan, signal: AbortSignal) => Promise<string | undefined>) | undefined
  /** A build of the same content that goes on already, when a step may wait for it. */
  readonly findAhead?: ((plan: BuildPlan, signal: AbortSignal) => Promise<BuildAhead | undefined>) | undefined
  /** The same for what is built in place: a container that a step may take. */
  readonly findStanding?: ((source: BuildSource, signal: AbortSignal) => Promise<BuiltInPlace | undefined>) | undefined
  /** Draws what the names of everything that is made for the step have in common. */
  readonly nonce: () => string
  /** What the later stages will make, of what was decided. */
  readonly creates: (decision: Decision, names: StepNames) => Creates
}

/** What resolving decides, without the names of what will be made for it. */
export type Decision = WithoutNames<Resolution>
type WithoutNames<T> = T extends Resolution ? Omit<T, 'nonce' | 'creates'> : never

/** A Dockerfile with all that decides what builds it. */
export interface FoundDockerfile {
  readonly text: string
  /** Of the ignore file that is named after it, if there is one. */
  readonly ignoreFile: string | undefined
  readonly entries: readonly ContentEntry[]
}

export interface PlannedBuilder extends Pick<BuildPlan, 'builder' | 'rewritten'> {
  /** Name and version, part of the hash. */
  readonly identity: string
}

/** What the names of what is made for a step are made from. */
export interface StepNames {
  readonly nonce: string
  readonly buildAttemptsMax: number
}

/** A tag holds at most 128 characters; 40 digits of the hash are unique enough and can still be read. */
const TAG_LENGTH = 40

/** A resolver. Rejects with `invalid-input`, `not-configured`, `dockerfile-not-found` or `cancelled`. */
export function createResolver(options: ResolverOptions): ImageResolver {
  return {
    async resolve({ request, buildAttemptsMax }, signal): Promise<Resolution> {
      const { image, dockerfile } = request
      const nonce = options.nonce()
      const decision = await decide(options, { image, dockerfile }, nonce, signal)
      return { ...decision, nonce, creates: options.creates(decision, { nonce, buildAttemptsMax }) }
    }
  }
}

async function decide(
  options: ResolverOptions,
  { image, dockerfile }: Pick<StepRequest, 'image' | 'dockerfile'>,
  nonce: string,
  signal: AbortSignal
): Promise<Decision> {
  if (image !== undefined) return { kind: 'prebuilt', image }
  if (dockerfile === undefined) throw new StepError('invalid-input', 'There is neither an image nor a Dockerfile')
  const { registry, isInPlace, hasOwnTag } = options
  if (isInPlace) {
    const source = await readSource(options, dockerfile, signal)
    const standing = await options.findStanding?.(source, signal)
    return standing === undefined ? { kind: 'in-place', source } : { kind: 'standing', source, standing }
  }
  if (registry === undefined) throw options.notConfigured()
  const source = await readSource(options, dockerfile, signal)
  const repository = options.repository()
  const ofContent = source.contentHash.slice(0, TAG_LENGTH)
  const plan: BuildPlan = {
    ...source,
    pushReference: pushReference(registry, repository, hasOwnTag ? `${ofContent}-${nonce}` : ofContent),
    pullRepository: pullRepository(registry, repository)
  }
  const [digest, building] = await Promise.all([options.findBuilt?.(plan, signal), options.findAhead?.(plan, signal)])
  if (digest !== undefined) return { kind: 'cached', image: `${plan.pullRepository}@${digest}` }
  return building === undefined ? { kind: 'build', plan } : { kind: 'ahead', plan, building }
}

async function readSource(options: ResolverOptions, dockerfile: string, signal: AbortSignal): Promise<BuildSource> {
  const { chooseBuilder } = options
  const place = await contextOf(dockerfile, options.contextRoot ?? dirname(dockerfile))
  const name = basename(dockerfile)
  const { entries, hasSockets } = await lookAtContext(place, name, signal)
  const scopedIgnoreFile = `${name}${IGNORE_FILE}`
  const [text = '', ignoreFile] = [await readText(place, name), await readText(place, scopedIgnoreFile)]
  const { identity, builder, rewritten } = await chooseBuilder({ text, ignoreFile, entries })
  return {
    contextDirectory: join(place.root, place.path),
    dockerfile: name,
    contentHash: contentHash({ entries, dockerfile: name, builderIdentity: identity }),
    builder,
    rewritten,
    isFiltered: hasSockets || entries.some(({ path }) => path === IGNORE_FILE || path === scopedIgnoreFile)
  }
}

const IGNORE_FILE = '.dockerignore'
/** Read into memory at the most; what is too large for a Dockerfile is told by its parser. */
const READ_BYTES_MAX = 1024 * 1024

/** Undefined when there is no such file. */
async function readText({ root, path }: ContextDirectory, name: string): Promise<string | undefined> {
  return await inTree(root, (tree) =>
    inDirectory(tree, path, async (context) => {
      const real = await resolveBelow(context, join(root, path), name)
      const file = real === undefined ? undefined : await openBelow(context, real)
      return file && (await readWhole(file, name, READ_BYTES_MAX)).toString('utf8')
    })
  )
}

/** Where the context of a Dockerfile really is. Links on the way are followed inside the root, and the Dockerfile's own inside the context. */
async function contextOf(dockerfile: string, root: string): Promise<ContextDirectory> {
  const [directory, name] = [dirname(dockerfile), basename(dockerfile)]
  const below = relative(root, directory)
  if (below === '..' || below.startsWith('../')) {
    throw new StepError(
      'not-supported',
      `The build context ${directory} is outside of ${root}, and what is there is not given to builds; move the action below it`
    )
  }
  const notFound = () => new StepError('dockerfile-not-found', `There is no Dockerfile at ${dockerfile}`)
  return await inTree(root, async (tree) => {
    const path = await resolveBelow(tree, root, below)
    if (path === undefined) throw notFound()
    const isFile = await inDirectory(tree, path, async (context) => {
      const real = await resolveBelow(context, join(root, path), name)
      const file = real === undefined ? undefined : await openBelow(context, real)
      await file?.handle.close()
      return file !== undefined
    })
    if (isFile !== true) throw notFound()
    return { root, path }
  }).catch((error: NodeJS.ErrnoException) => {
    // The root itself, where each is taken where it is.
    throw error.code === 'ENOENT' || error.code === 'ENOTDIR' ? notFound() : error
  })
}
