/** The build context into the build pod, for the builder: where images are kept, exactly what the plan was made from. */
import { StepError } from '../../../errors.ts'
import type { BuildPlan } from '../../../machines/types.ts'
import { listContext } from '../../content/context.ts'
import { type ContentEntry, contentHash } from '../../content/hash.ts'
import type { Site } from '../context/site.ts'
import { workPath } from '../context/storage.ts'
import { CONTEXT_NAME } from '../specs/build-pod.ts'

export interface ContextDelivery {
  readonly pod: string
  readonly plan: BuildPlan
  /** Of the builder, as the plan's hash has it. */
  readonly identity: string
  readonly lost: () => StepError
}

/** Rejects with `context-delivery-failed` when the files cannot be unpacked there, or are not those of the plan any more. */
export async function deliverContext(site: Site, delivery: ContextDelivery, signal: AbortSignal): Promise<void> {
  const { pod, plan, identity, lost } = delivery
  const [{ deliver }, { fromRunner }] = await Promise.all([import('./copy-in.ts'), import('./sources.ts')])
  const place = { root: site.storage.workDirectory, path: workPath(site.storage, plan.contextDirectory) }
  const listed = await listContext(place, plan.dockerfile, signal)
  const include = (path: string) => path === CONTEXT_NAME || listed.has(inContext(path))
  /** What others will be told to have this content has it: the build does not start before the last member is there. */
  const seal = (sent: readonly ContentEntry[]) => {
    const entries = sent.flatMap((entry) =>
      entry.path === CONTEXT_NAME ? [] : { ...entry, path: inContext(entry.path) }
    )
    const hash = contentHash({ entries, dockerfile: plan.dockerfile, builderIdentity: identity })
    if (hash !== plan.contentHash) throw changed(plan)
  }
  const source = { root: place.root, base: place.path, name: CONTEXT_NAME, paths: [''], include }
  await deliver(
    site,
    {
      pod,
      container: 'deliver',
      sources: [fromRunner(site.registry?.isKept ? { ...source, seal } : source)],
      watched: [],
      failure: 'context-delivery-failed',
      lost
    },
    signal
  )
}

/** Of a member of the archive. */
const inContext = (path: string): string => path.slice(CONTEXT_NAME.length + 1)

const changed = ({ contextDirectory }: BuildPlan) =>
  new StepError(
    'context-delivery-failed',
    `the files of ${contextDirectory} were changed while they were read, and an image that stays must be what its name says: leave out what others write with a .dockerignore`
  )
