/** The build context into the build pod, for the builder: exactly what the plan was made from. */
import { basename, dirname } from 'node:path'
import type { StepError } from '../../errors.ts'
import type { BuildPlan } from '../../machines/types.ts'
import type { Site } from './site.ts'

/** Which files of a context are sent to the builder (.dockerignore). */
export type ContextFilter = (plan: BuildPlan, signal: AbortSignal) => Promise<(path: string) => boolean>

export interface ContextDelivery {
  readonly pod: string
  readonly plan: BuildPlan
  readonly contextFilter: ContextFilter
  readonly lost: () => StepError
}

/** Rejects with `context-delivery-failed` when the files cannot be unpacked there. */
export async function deliverContext(site: Site, delivery: ContextDelivery, signal: AbortSignal): Promise<void> {
  const { pod, plan, contextFilter, lost } = delivery
  const [{ deliver }, { fromRunner }] = await Promise.all([import('./deliver.ts'), import('./sources.ts')])
  const include = await contextFilter(plan, signal)
  const top = basename(plan.contextDirectory)
  const isSent = (path: string) => path === top || include(path.slice(top.length + 1))
  const sources = [fromRunner(dirname(plan.contextDirectory), [top], isSent)]
  await deliver(
    site,
    { pod, container: 'deliver', sources, watched: [], failure: 'context-delivery-failed', lost },
    signal
  )
}
