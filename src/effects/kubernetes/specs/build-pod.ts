/**
 * The pod that builds one image and pushes it (design section 5), pure: `deliver` receives the context where it is sent, `build`
 * writes an image layout without any push credentials, `push` pushes the layout without any of the Dockerfile's code.
 */
import type { V1Container, V1EnvVar, V1ObjectMeta, V1Pod, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { BuildInput } from '../../../machines/inputs.ts'
import type { BuildPlan } from '../../../machines/types.ts'
import type { ChosenBuilder } from '../../builders/choose.ts'
import type { ContainerCommand } from '../../builders/definition.ts'
import { type OwnResolver, ownResolver } from '../context/resolver-file.ts'
import type { Site } from '../context/site.ts'
import { WORK_VOLUME, workPath } from '../context/storage.ts'
import { BUILD_POD_LABEL, buildPodName, ownedMetadata } from '../names.ts'
import { CA_KEY } from '../registry/settings.ts'
import { AWAIT_DELIVERY, deliverContainer, hardened, placement, podBase } from './parts.ts'
import { buildSecrets, mountsOf, type SecretPart, volumesOf } from './secret-parts.ts'

export const BUILD_CONTAINER = 'build'
export const PUSH_CONTAINER = 'push'

/** Directory of the work volume that a context is delivered into. */
export const CONTEXT_NAME = 'context'

/** In place of the memory that containers of a pod share: a push needs none. */
const MEMORY: V1VolumeMount = { name: 'push-memory', mountPath: '/dev/shm' }
const MEMORY_VOLUME: V1Volume = { name: MEMORY.name, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }
const TERMINATION_LOG = '/dev/termination-log'
/** The Secret's keys are those of type kubernetes.io/tls, and ca.crt. */
const CERTIFICATES_VOLUME = 'builder-certificates'
/**
 * Whether the context is sent to the build pod, which otherwise mounts the runner's volume. What is kept for other jobs is built
 * from bytes that were looked at as they were sent: on the volume, a container of the job could change them in between.
 */
export const isDelivered = ({ storage, registry }: Site): boolean =>
  storage.mode === 'copy' || registry?.isKept === true

export function buildPod(site: Site, builder: ChosenBuilder, input: BuildInput): V1Pod {
  const { plan } = input
  const { definition, daemon } = builder
  const { registry } = site
  const at = (name: string) => `${definition.directory}/${name}`
  const layout: V1VolumeMount = { name: 'layout', mountPath: at('layout') }
  const context: V1VolumeMount = {
    name: WORK_VOLUME,
    mountPath: at('context'),
    readOnly: true,
    subPath: contextSubPath(site, plan)
  }
  const certificates = certificatesOf(daemon?.tlsSecret, at('certificates'))
  const resolver = ownResolver(site.resolverFile, isDelivered(site))
  const { authority, baseLogin, pushLogin } = buildSecrets(site, at('registry-authority'))
  const commands = definition.containers({
    contextPath: context.mountPath,
    dockerfile: plan.dockerfile,
    layoutPath: layout.mountPath,
    digestPath: TERMINATION_LOG,
    pushReference: plan.pushReference,
    pushTriesMax: input.pushTriesMax,
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
    metadata: metadataOf(site, input, resolver),
    spec: {
      ...podBase(site),
      ...(isDelivered(site) ? {} : placement(site)),
      // A kubelet that restarts a failing push restarts a failing build as well: the push repeats itself (docs/adr/0014).
      restartPolicy: 'Never',
      activeDeadlineSeconds: input.deadlineMs / 1_000,
      initContainers: [
        ...firstContainer(site, resolver),
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
        isDelivered(site) ? { name: WORK_VOLUME, emptyDir: {} } : site.storage.volume,
        { name: layout.name, emptyDir: {} },
        MEMORY_VOLUME,
        resolver.volume,
        ...certificates.volumes,
        ...volumesOf(authority, baseLogin, pushLogin)
      ]
    }
  }
}

function metadataOf({ runnerPod }: Site, { nonce, attempt }: BuildInput, resolver: OwnResolver): V1ObjectMeta {
  const metadata = ownedMetadata(buildPodName(runnerPod, nonce, attempt), runnerPod)
  return { ...metadata, labels: { ...metadata.labels, [BUILD_POD_LABEL]: '' }, ...resolver.metadata }
}

/** Runs before anything of the Dockerfile does, where there is something to do. */
function firstContainer(site: Site, { copying }: OwnResolver): V1Container[] {
  if (copying === undefined) return []
  const deliver = deliverContainer(site)
  const [words, mounts] = isDelivered(site) ? [[AWAIT_DELIVERY], deliver.volumeMounts ?? []] : [[], []]
  return [
    {
      ...deliver,
      command: ['sh', '-c', [copying.words, ...words].join(' && ')],
      volumeMounts: [...mounts, copying.mount]
    }
  ]
}

/** A context that is sent stands beside the marker that says that it is complete. */
function contextSubPath(site: Site, plan: BuildPlan): string {
  if (isDelivered(site)) return CONTEXT_NAME
  const path = workPath(site.storage, plan.contextDirectory)
  return [site.storage.rootPath, path].filter((part) => part !== '').join('/')
}

function certificatesOf(secretName: string | undefined, mountPath: string) {
  if (secretName === undefined) return { mounts: [], volumes: [] }
  const mounts: V1VolumeMount[] = [{ name: CERTIFICATES_VOLUME, mountPath, readOnly: true }]
  return { mounts, volumes: [{ name: CERTIFICATES_VOLUME, secret: { secretName } }] }
}
