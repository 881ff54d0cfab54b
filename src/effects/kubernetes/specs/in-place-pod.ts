/**
 * The pod of a container action that is built where it runs, pure: the container `job` begins as the builder's image, builds, and
 * becomes the action. Of the step it has the mounts, and nothing else: environment and files come once the build has ended.
 */
import type { V1Pod } from '@kubernetes/client-node'
import type { BuildInPlaceInput } from '../../../machines/inputs.ts'
import type { BuildOptions, InPlaceDefinition } from '../../builders/definition.ts'
import { PLACES, superviseScript } from '../../in-place/scripts.ts'
import type { Site } from '../context/site.ts'
import { workMount } from '../context/storage.ts'
import { BUILD_POD_LABEL, buildPodName, CONTENT_LABEL, contentLabel } from '../names.ts'
import { podMetadata } from './metadata.ts'
import { type ContextPart, type PodFiles, placement, podBase, unexpanded } from './parts.ts'
import { rewrittenDockerfile } from './rewritten-dockerfile.ts'
import { STEP_CONTAINER, serviceAliases } from './step-pod.ts'
import type { PodParts } from './user-namespace.ts'

/** How long what was built waits for its step: longer than a hook that lives takes to bring files and environment. */
const WAIT_SECONDS_MAX = 900
/** The same for what was built ahead, besides the time for which it stands. */
const STANDING_SECONDS_MAX = 1_800
const { directory: DIRECTORY } = PLACES

export interface InPlaceBuilder {
  readonly definition: InPlaceDefinition
  readonly image: string
  readonly mirrors: BuildOptions['mirrors']
}

interface Files {
  /** Of the step. */
  readonly step: PodFiles
  readonly context: ContextPart
}

interface Added {
  readonly marker: string
  readonly userNamespace: PodParts
  /** Of a pod that stands for whichever step takes it. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

export function inPlacePod(
  site: Site,
  { step, context }: Files,
  { definition, image, mirrors }: InPlaceBuilder,
  input: BuildInPlaceInput,
  { marker, userNamespace, annotations = {} }: Added
): V1Pod {
  const { source, nonce, attempt, request } = input
  const { registry, aheadFor } = site
  const waitSeconds = WAIT_SECONDS_MAX + (aheadFor === undefined ? 0 : STANDING_SECONDS_MAX)
  const contextMount = context.mountAt(`${DIRECTORY}/context`)
  const rewritten = rewrittenDockerfile(source, `${DIRECTORY}/dockerfile`)
  const { command, args, env } = definition.command({
    contextPath: contextMount.mountPath,
    dockerfile: source.dockerfile,
    rewrittenPath: rewritten.path,
    layoutPath: `${DIRECTORY}/layout`,
    digestPath: `${DIRECTORY}/digest`,
    plainHttpHosts: registry?.plainHttp ? [registry.pushHost] : [],
    mirrors
  })
  const login = context.login === undefined ? [] : [context.login.mountAt(`${DIRECTORY}/login`)]
  const loginEnv = login.map(({ mountPath }): [string, string] => ['DOCKER_CONFIG', mountPath])
  const metadata = podMetadata(site, buildPodName(site.runnerPod, nonce, attempt))
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, [BUILD_POD_LABEL]: '', [CONTENT_LABEL]: contentLabel(source.contentHash) },
      annotations: { ...metadata.annotations, ...rewritten.annotations, ...annotations }
    },
    spec: {
      ...podBase(site),
      ...userNamespace.spec,
      ...placement(site, step, 'step'),
      ...serviceAliases(site),
      restartPolicy: 'Never',
      containers: [
        context.container,
        {
          name: STEP_CONTAINER,
          image,
          command: [`${PLACES.busybox}/sh`, '-c', superviseScript({ marker, waitSeconds }), 'sh'].map(unexpanded),
          args: [...command, ...args].map(unexpanded),
          // The image's own is gone once it has built, and no exec could begin there.
          workingDir: '/',
          env: [...Object.entries(env), ...loginEnv].map(([name, value]) => ({ name, value: unexpanded(value) })),
          volumeMounts: [
            contextMount,
            ...login,
            ...rewritten.mounts,
            ...userNamespace.mounts,
            ...request.mounts.map((mount) => workMount(site.storage, mount))
          ]
        }
      ],
      volumes: [
        step.volume,
        context.volume,
        ...(context.login ? [context.login.volume] : []),
        ...rewritten.volumes,
        ...userNamespace.volumes
      ]
    }
  }
}
