/** A step or build pod as the administrator's template wants it, with what the template asked for in vain said once. */
import type { V1Pod } from '@kubernetes/client-node'
import type { Site } from '../context/site.ts'
import { applyTemplate, type PodKind } from '../template/merge.ts'

export function templated(site: Site, plain: V1Pod, kind: Exclude<PodKind, 'job'>): V1Pod {
  const { pod, warnings } = applyTemplate(plain, site.template, kind)
  for (const warning of warnings) site.reporter.warning(warning)
  return pod
}
