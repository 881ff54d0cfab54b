/** The build context into the build pod, for the builder: where images are kept, exactly what the plan was made from. */
import { StepError } from '../../../errors.ts'
import type { BuildSource } from '../../../machines/types.ts'
import { listContext } from '../../content/context.ts'
import { type ContentEntry, contentHash } from '../../content/hash.ts'
import type { Site } from '../context/site.ts'
import { workPath } from '../context/storage.ts'
import { COPY_IN_CONTAINER } from '../names.ts'
import { copyIn } from './copy-in.ts'
import { fromRunner, type Source } from './sources.ts'
import type { BuildContext, NewPod } from './transfer.ts'

interface CopiedContext extends BuildContext {
  readonly name: string
  /** What receives it; undefined: the container that waits for it in a build pod. */
  readonly container?: string
  readonly root?: string
  /** Beside the context. */
  readonly others?: readonly Source[]
}

/** `name`: of the directory in the volume. Rejects with `context-delivery-failed` when the files are not those of the plan any more, too. */
export async function copyInContext(
  site: Site,
  to: NewPod,
  { plan, identity, name, container = COPY_IN_CONTAINER, root, others = [] }: CopiedContext,
  signal: AbortSignal
): Promise<void> {
  const directory = { root: site.storage.workDirectory, path: workPath(site.storage, plan.contextDirectory) }
  const listed = await listContext(directory, plan.dockerfile, signal)
  /** Of a member of the archive. */
  const inContext = (path: string): string => path.slice(name.length + 1)
  const include = (path: string) => path === name || listed.has(inContext(path))
  /** What others will be told to have this content has it: the build does not start before the last member is there. */
  const seal = (sent: readonly ContentEntry[]) => {
    const entries = sent.flatMap((entry) => (entry.path === name ? [] : { ...entry, path: inContext(entry.path) }))
    const hash = contentHash({ entries, dockerfile: plan.dockerfile, builderIdentity: identity })
    if (hash !== plan.contentHash) throw changed(plan)
  }
  const source = { root: directory.root, base: directory.path, name, paths: [''], include }
  const sources = [fromRunner(site.registry?.isKept ? { ...source, seal } : source), ...others]
  const failure = 'context-delivery-failed'
  await copyIn(site, { ...to, container, sources, watched: [], failure, ...(root && { root }) }, signal)
}

const changed = ({ contextDirectory }: BuildSource) =>
  new StepError(
    'context-delivery-failed',
    `the files of ${contextDirectory} were changed while they were read, and an image that stays must be what its name says: leave out what others write with a .dockerignore`
  )
