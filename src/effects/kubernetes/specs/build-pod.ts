/**
 * The pod that builds one image and pushes it (design section 5), pure: `deliver` receives the context where it is sent, `build`
 * writes an image layout without any push credentials, `push` pushes the layout without any of the Dockerfile's code.
 */
import type { V1Container, V1EnvVar, V1Pod, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import { BUDGETS } from '../../../machines/budgets.ts'
import type { BuildPlan } from '../../../machines/types.ts'
import type { ChosenBuilder } from '../../builders/choose.ts'
import type { ContainerCommand } from '../../builders/definition.ts'
import { type OwnResolver, ownResolver } from '../context/resolver-file.ts'
import type { Site } from '../context/site.ts'
import { WORK_VOLUME } from '../context/storage.ts'
import { COPY_IN_CONTAINER, ownedMetadata } from '../names.ts'
import { CA_KEY } from '../registry/settings.ts'
import { type ContextFiles, hardened, helperContainer, type PodFiles, placement, podBase } from './parts.ts'
import { buildSecrets, mountsOf, type SecretPart, volumesOf } from './secret-parts.ts'

export const BUILD_CONTAINER = 'build'
export const PUSH_CONTAINER = 'push'

/** In place of the memory that containers of a pod share: a push needs none. */
const MEMORY: V1VolumeMount = { name: 'push-memory', mountPath: '/dev/shm' }
const MEMORY_VOLUME: V1Volume = { name: MEMORY.name, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }
const TERMINATION_LOG = '/dev/termination-log'
/** The Secret's keys are those of type kubernetes.io/tls, and ca.crt. */
const CERTIFICATES_VOLUME = 'builder-certificates'
/** The kubelet ends a build pod whose hook is gone after all that its stages may take. */
const DEADLINE_SECONDS = (BUDGETS.building.budgetMs + BUDGETS.pushing.budgetMs) / 1_000

export interface BuildPodRequest {
  readonly name: string
  readonly plan: BuildPlan
  readonly builder: ChosenBuilder
}

export function buildPod(site: Site, files: ContextFiles, request: BuildPodRequest): V1Pod {
  const { name: podName, plan, builder } = request
  const { definition, daemon } = builder
  const { registry } = site
  const at = (name: string) => `${definition.directory}/${name}`
  const layout: V1VolumeMount = { name: 'layout', mountPath: at('layout') }
  const context: V1VolumeMount = {
    name: WORK_VOLUME,
    mountPath: at('context'),
    readOnly: true,
    subPath: files.contextPath
  }
  const certificates = certificatesOf(daemon?.tlsSecret, at('certificates'))
  const resolver = ownResolver(site.resolverFile, files.arrival !== undefined)
  const { authority, baseLogin, pushLogin } = buildSecrets(site, at('registry-authority'))
  const commands = definition.containers({
    contextPath: context.mountPath,
    dockerfile: plan.dockerfile,
    layoutPath: layout.mountPath,
    digestPath: TERMINATION_LOG,
    pushReference: plan.pushReference,
    pushTriesMax: BUDGETS.pushing.attemptsMax,
    plainHttpHosts: registry?.plainHttp ? [registry.pushHost] : [],
    registryAuthorityPath: authority && `${authority.mount.mountPath}/${CA_KEY}`,
    daemon: daemon && { address: daemon.address, certificatesPath: certificates.mounts[0]?.mountPath }
  })
  const container = (name: string, image: string, { command, args, env }: ContainerCommand, login?: SecretPart) => ({
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    ...(command && { command: [...command] }),
    args: [...args],
    env: Object.entries({ ...env, ...login?.env }).map(([key, value]): V1EnvVar => ({ name: key, value }))
  })
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...ownedMetadata(podName, site.runnerPod), ...resolver.metadata },
    spec: {
      ...podBase(site),
      ...placement(files),
      // A kubelet that restarts a failing push restarts a failing build as well: the push repeats itself (docs/adr/0014).
      restartPolicy: 'Never',
      activeDeadlineSeconds: DEADLINE_SECONDS,
      initContainers: [
        ...firstContainer(site, files, resolver),
        {
          ...container(BUILD_CONTAINER, builder.image, commands.build, baseLogin),
          securityContext: hardened(definition.buildCapabilities),
          volumeMounts: [context, layout, ...certificates.mounts, ...mountsOf(authority, baseLogin)]
        }
      ],
      containers: [
        {
          ...container(PUSH_CONTAINER, builder.pushImage, commands.push, pushLogin),
          securityContext: hardened(),
          volumeMounts: [{ ...layout, readOnly: true }, MEMORY, resolver.mount, ...mountsOf(authority, pushLogin)]
        }
      ],
      volumes: [
        files.volume,
        { name: layout.name, emptyDir: {} },
        MEMORY_VOLUME,
        resolver.volume,
        ...certificates.volumes,
        ...volumesOf(authority, baseLogin, pushLogin)
      ]
    }
  }
}

/** Runs before anything of the Dockerfile does, where there is something to do. */
function firstContainer(site: Site, { arrival }: PodFiles, { copying }: OwnResolver): V1Container[] {
  if (copying === undefined) return []
  const waiting = arrival === undefined ? [] : [arrival]
  const words = [copying, ...waiting].map((part) => part.words).join(' && ')
  const volumeMounts = [...waiting, copying].map((part) => part.mount)
  return [helperContainer(site, { name: COPY_IN_CONTAINER, command: ['sh', '-c', words], volumeMounts })]
}

function certificatesOf(secretName: string | undefined, mountPath: string) {
  if (secretName === undefined) return { mounts: [], volumes: [] }
  const mounts: V1VolumeMount[] = [{ name: CERTIFICATES_VOLUME, mountPath, readOnly: true }]
  return { mounts, volumes: [{ name: CERTIFICATES_VOLUME, secret: { secretName } }] }
}
