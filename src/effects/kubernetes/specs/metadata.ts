/** Metadata of every pod of ours: whose it is, what GitHub calls the job it is for, and that it is not to be moved, for the pure builders. */
import type { V1ObjectMeta } from '@kubernetes/client-node'
import type { Site } from '../context/site.ts'
import { AHEAD_LABEL, type AheadLabel, ownedMetadata, UNDISTURBED } from '../names.ts'

/** Kubernetes refuses longer values. */
const LABEL_LENGTH_MAX = 63
/** Enough for every repository and run; what workflows and jobs are called has no bound of GitHub's. Characters. */
const ANNOTATION_LENGTH_MAX = 256

/** `slipway/repository` and the like: the label to select by, the annotation for the whole text. */
export function podMetadata(
  { runnerPod, origin = {}, aheadFor }: Pick<Site, 'runnerPod' | 'origin' | 'aheadFor'>,
  name: string
): V1ObjectMeta {
  const metadata = ownedMetadata(name, runnerPod, aheadFor)
  const said = Object.entries(origin).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const valuesOf = (clean: (text: string) => string) =>
    Object.fromEntries(
      said.map(([key, text]) => [`slipway/${key}`, clean(text)]).filter(([_key, value]) => value !== '')
    )
  return {
    ...metadata,
    labels: {
      ...metadata.labels,
      ...valuesOf(labelValue),
      ...(aheadFor && { [AHEAD_LABEL]: 'building' satisfies AheadLabel })
    },
    annotations: { ...valuesOf(annotationValue), ...UNDISTURBED }
  }
}

/** `owner.repo` for `owner/repo`: no owner has a dot. Nothing is left of a text without a letter or digit of ASCII. */
const labelValue = (text: string): string =>
  text
    .replaceAll('/', '.')
    .replace(/[^-._A-Za-z0-9]+/g, '_')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, LABEL_LENGTH_MAX)
    .replace(/[^A-Za-z0-9]+$/, '')

/** Whoever prints it gets no control characters of a workflow. */
const annotationValue = (text: string): string =>
  [...text.replace(/\p{C}/gu, '_')].slice(0, ANNOTATION_LENGTH_MAX).join('')
