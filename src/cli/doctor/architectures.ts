/** Whether runners of a cluster with nodes of several architectures say which of them they are for: all pods of a job follow. */
import type { V1NodeList, V1Pod } from '@kubernetes/client-node'
import { serverMessage } from '../../effects/kubernetes/api/errors.ts'
import { ARCHITECTURE_LABEL, askedArchitecture } from '../../effects/kubernetes/template/architecture.ts'
import { type Finding, pass, skipped, warn } from './check.ts'
import { ask, type Facts } from './facts.ts'

export const ARCHITECTURES = 'Architectures'
const NODES_MAX = 500

export async function checkArchitectures(facts: Facts, pod: V1Pod, signal: AbortSignal): Promise<Finding> {
  const { access } = await facts.access()
  try {
    const query = { limit: String(NODES_MAX) }
    const { items } = await ask<V1NodeList>(access, { method: 'GET', path: '/api/v1/nodes', query }, signal)
    return judgeArchitectures(
      items.flatMap(({ metadata }) => metadata?.labels?.[ARCHITECTURE_LABEL] ?? []),
      pod
    )
  } catch (thrown) {
    signal.throwIfAborted()
    return skipped(`nodes could not be listed: ${serverMessage(thrown)}`)
  }
}

/** `found`: of each node. */
export function judgeArchitectures(found: readonly string[], pod: V1Pod): Finding {
  const all = [...new Set(found)].sort()
  if (all.length < 2) return pass(`all nodes are ${all[0] ?? 'without a label'}`)
  const asked = askedArchitecture(pod.spec ?? {})
  if (asked !== undefined) return pass(`there are nodes of ${all.join(', ')}; this runner asks for ${asked}`)
  return warn(
    `there are nodes of ${all.join(', ')}, and the runner pod asks for none of them: it is chance on which one a job runs`,
    `let the runners say it, all pods of their jobs follow; in the values of the scale set:
template:
  spec:
    nodeSelector: { ${ARCHITECTURE_LABEL}: ${all[0]} }`
  )
}
