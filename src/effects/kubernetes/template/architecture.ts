/**
 * The one processor architecture of a job, pure, for its pods and for the names of images: the runner's, as with docker, or the one
 * that the pod template asks for.
 */
import type { V1PodSpec } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { PodKind } from './merge.ts'
import type { PodTemplate } from './read.ts'

/** On every node, by its kubelet. */
export const ARCHITECTURE_LABEL = 'kubernetes.io/arch'

interface Asking {
  /** The runner's. */
  readonly architecture: string
  readonly template?: PodTemplate | undefined
}

/** What a pod asks for. Builds follow steps, because what is built is run there. */
export function architectureFor({ architecture, template }: Asking, kind: PodKind): string {
  if (template === undefined) return architecture
  const { extension, step, build } = template
  const parts = { job: [extension], step: [step, extension], build: [build, step, extension] }[kind]
  return parts.flatMap(({ spec }) => askedArchitecture(spec) ?? [])[0] ?? architecture
}

/** What an image is built for. Throws `invalid-input` where it could not run. */
export function imageArchitecture(asking: Asking): string {
  const [build, step] = [architectureFor(asking, 'build'), architectureFor(asking, 'step')]
  if (build === step) return build
  throw new StepError(
    'invalid-input',
    `the pod template ${asking.template?.path} asks for ${build} nodes for builds and ${step} nodes for steps, and an image runs only on what it was built for; name one ${ARCHITECTURE_LABEL}`
  )
}

/** By the spec of a pod, or part of one. Undefined where it leaves the choice between several, or says nothing. */
export function askedArchitecture({ nodeSelector, affinity }: Partial<V1PodSpec>): string | undefined {
  const asked = nodeSelector?.[ARCHITECTURE_LABEL]
  if (asked !== undefined) return asked
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const each = terms.map(({ matchExpressions }) =>
    matchExpressions?.find(({ key, operator }) => key === ARCHITECTURE_LABEL && operator === 'In')
  )
  const [first] = each[0]?.values ?? []
  return each.every((found) => found?.values?.length === 1 && found.values[0] === first) ? first : undefined
}
