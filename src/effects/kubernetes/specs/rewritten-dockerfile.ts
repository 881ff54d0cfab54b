/**
 * What a builder is given in place of the author's Dockerfile, pure, for the build pod: files that the kubelet makes of the pod's own
 * annotations, since contexts are read-only and another object would be one more to remove.
 */
import type { V1ObjectMeta, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { BuildSource } from '../../../machines/types.ts'

const VOLUME = 'rewritten-dockerfile'
const NAME = 'Dockerfile'
const ANNOTATIONS = { text: 'slipway/dockerfile', ignoreFile: 'slipway/dockerignore' } as const

interface Delivered {
  /** Absolute; undefined: the author's own is built. */
  readonly path: string | undefined
  readonly annotations: NonNullable<V1ObjectMeta['annotations']>
  readonly volumes: readonly V1Volume[]
  readonly mounts: readonly V1VolumeMount[]
}

/** `directory`: where it is mounted. Builders look for an ignore file beside the Dockerfile first. */
export function rewrittenDockerfile({ rewritten }: BuildSource, directory: string): Delivered {
  if (rewritten === undefined) return { path: undefined, annotations: {}, volumes: [], mounts: [] }
  const { text, ignoreFile } = rewritten
  const item = (path: string, annotation: string) => ({
    path,
    fieldRef: { fieldPath: `metadata.annotations['${annotation}']` }
  })
  const beside = ignoreFile === undefined ? [] : [item(`${NAME}.dockerignore`, ANNOTATIONS.ignoreFile)]
  return {
    path: `${directory}/${NAME}`,
    annotations: {
      [ANNOTATIONS.text]: text,
      ...(ignoreFile !== undefined && { [ANNOTATIONS.ignoreFile]: ignoreFile })
    },
    volumes: [{ name: VOLUME, downwardAPI: { items: [item(NAME, ANNOTATIONS.text), ...beside] } }],
    mounts: [{ name: VOLUME, mountPath: directory, readOnly: true }]
  }
}
