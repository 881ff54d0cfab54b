/**
 * The pod that builds one image and pushes it (design section 5), pure: `deliver` receives the context in copy mode,
 * `build` writes an image layout without any push credentials, `push` pushes the layout without any of the Dockerfile's code.
 */
import { basename } from 'node:path'
import type { V1EnvVar, V1Pod, V1VolumeMount } from '@kubernetes/client-node'
import { BUDGETS } from '../../machines/budgets.ts'
import type { BuildPlan } from '../../machines/types.ts'
import type { BuilderDefinition, ContainerCommand } from '../builders/catalog.ts'
import { ownedMetadata } from './names.ts'
import { deliverContainer, hardened, placement, podBase } from './pod-parts.ts'
import type { Site } from './site.ts'
import { WORK_VOLUME, workPath } from './storage.ts'

export const BUILD_CONTAINER = 'build'
export const PUSH_CONTAINER = 'push'

// Below /kaniko, which no Dockerfile uses and Kaniko leaves alone: elsewhere a Dockerfile's own WORKDIR could be hidden.
const CONTEXT_PATH = '/kaniko/slipway/context'
const LAYOUT_PATH = '/kaniko/slipway/layout'
const TERMINATION_LOG = '/dev/termination-log'
/** What a Dockerfile's RUN and COPY may need: shipwright's list for Kaniko; within the Baseline pod security standard. */
const BUILD_CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID', 'SETFCAP', 'KILL']
/** The kubelet ends a build pod whose hook is gone after all that its stages may take. */
const DEADLINE_SECONDS = (BUDGETS.building.budgetMs + BUDGETS.pushing.budgetMs) / 1_000

export interface BuildPodRequest {
  readonly name: string
  readonly plan: BuildPlan
  readonly builder: BuilderDefinition
  readonly builderImage: string
  readonly plainHttpHosts: readonly string[]
}

export function buildPod(site: Site, request: BuildPodRequest): V1Pod {
  const { name: podName, plan, builder, builderImage, plainHttpHosts } = request
  const { storage } = site
  const commands = builder.containers({
    contextPath: CONTEXT_PATH,
    dockerfile: plan.dockerfile,
    layoutPath: LAYOUT_PATH,
    digestPath: TERMINATION_LOG,
    pushReference: plan.pushReference,
    plainHttpHosts
  })
  const layout: V1VolumeMount = { name: 'layout', mountPath: LAYOUT_PATH }
  const context: V1VolumeMount = {
    name: WORK_VOLUME,
    mountPath: CONTEXT_PATH,
    readOnly: true,
    subPath: contextSubPath(site, plan)
  }
  const container = (name: string, { args, env }: ContainerCommand) => ({
    name,
    image: builderImage,
    imagePullPolicy: 'IfNotPresent',
    args: [...args],
    env: Object.entries(env).map(([key, value]): V1EnvVar => ({ name: key, value }))
  })
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: ownedMetadata(podName, site.runnerPod),
    spec: {
      ...podBase(site),
      ...placement(site),
      // The kubelet restarts a failing push; a failing build is deleted before it would be restarted.
      restartPolicy: 'OnFailure',
      activeDeadlineSeconds: DEADLINE_SECONDS,
      initContainers: [
        ...(storage.mode === 'copy' ? [deliverContainer(site)] : []),
        {
          ...container(BUILD_CONTAINER, commands.build),
          securityContext: hardened(BUILD_CAPABILITIES),
          volumeMounts: [context, layout]
        }
      ],
      containers: [
        {
          ...container(PUSH_CONTAINER, commands.push),
          securityContext: hardened(),
          volumeMounts: [{ ...layout, readOnly: true }]
        }
      ],
      volumes: [storage.volume, { name: layout.name, emptyDir: {} }]
    }
  }
}

/** In copy mode the context is delivered under its own name, beside the marker that says that it is complete. */
function contextSubPath(site: Site, plan: BuildPlan): string {
  if (site.storage.mode === 'copy') return basename(plan.contextDirectory)
  const path = workPath(site.storage, plan.contextDirectory)
  return [site.storage.rootPath, path].filter((part) => part !== '').join('/')
}
