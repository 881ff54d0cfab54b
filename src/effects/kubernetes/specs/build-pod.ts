/**
 * The pod that builds one image and pushes it, pure: `deliver` receives the context where it is sent, `build`
 * writes an image layout without any push credentials, `push` pushes the layout without any of the Dockerfile's code.
 */
import type { V1Container, V1EnvVar, V1ObjectMeta, V1Pod, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { BuildInput } from '../../../machines/inputs.ts'
import type { ChosenBuilder } from '../../builders/choose.ts'
import type { ContainerCommand } from '../../builders/definition.ts'
import { type OwnResolver, ownResolver } from '../context/resolver-file.ts'
import type { Site } from '../context/site.ts'
import { WORK_VOLUME } from '../context/storage.ts'
import { BUILD_POD_LABEL, buildPodName, CONTENT_LABEL, COPY_IN_CONTAINER, contentLabel } from '../names.ts'
import { CA_KEY, DOCKER_CONFIG_KEY } from '../registry/settings.ts'
import { architectureFor } from '../template/architecture.ts'
import { podMetadata } from './metadata.ts'
import { type NestedContainers, nestedContainers } from './nested-containers.ts'
import {
  type ContextFiles,
  HELPER_RESOURCES,
  hardened,
  helperContainer,
  type PodFiles,
  placement,
  podBase,
  unexpanded
} from './parts.ts'
import { rewrittenDockerfile } from './rewritten-dockerfile.ts'
import type { PodParts } from './user-namespace.ts'

export const BUILD_CONTAINER = 'build'
export const PUSH_CONTAINER = 'push'

/** In place of the memory that containers of a pod share: a push needs none. */
const MEMORY: V1VolumeMount = { name: 'push-memory', mountPath: '/dev/shm' }
const MEMORY_VOLUME: V1Volume = { name: MEMORY.name, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }
/** The least of what a container can have. */
const PUSHING = { resources: HELPER_RESOURCES, securityContext: hardened() }
const TERMINATION_LOG = '/dev/termination-log'
/** The Secret's keys are those of type kubernetes.io/tls, and ca.crt. */
const CERTIFICATES_VOLUME = 'builder-certificates'

/** Keys of a Secret as files of one container. */
interface SecretPart {
  readonly volume: V1Volume
  readonly mount: V1VolumeMount
  /** What tells the programs of the container where it is. */
  readonly env: Readonly<Record<string, string>>
}

/** Where Kaniko looks by itself; other programs are told by DOCKER_CONFIG. */
const DOCKER_CONFIG_PATH = '/kaniko/.docker'

interface BuildSecrets {
  /** Of the registry; in both containers. */
  readonly authority: SecretPart | undefined
  /** For images in FROM: in the container that runs the Dockerfile. */
  readonly baseLogin: SecretPart | undefined
  /** In the container that pushes, and in no other. */
  readonly pushLogin: SecretPart | undefined
}

export function buildPod(
  site: Site,
  files: ContextFiles,
  builder: ChosenBuilder,
  input: BuildInput,
  userNamespace: PodParts
): V1Pod {
  const { plan } = input
  const { definition, daemon } = builder
  const at = (name: string) => `${definition.directory}/${name}`
  const layout: V1VolumeMount = { name: 'layout', mountPath: at('layout') }
  const context = { name: WORK_VOLUME, mountPath: at('context'), readOnly: true, subPath: files.contextPath }
  const certificates = certificatesOf(daemon?.tlsSecret, at('certificates'))
  const resolver = ownResolver(site.resolverFile, files.arrival !== undefined)
  const rewritten = rewrittenDockerfile(plan, at('dockerfile'))
  const nested = nestedContainers(builder, at('state'))
  const own = joined(userNamespace, rewritten, certificates, nested)
  const { authority, baseLogin, pushLogin } = buildSecrets(site, at('registry-authority'))
  const commands = definition.containers({
    contextPath: context.mountPath,
    dockerfile: plan.dockerfile,
    rewrittenPath: rewritten.path,
    layoutPath: layout.mountPath,
    digestPath: TERMINATION_LOG,
    pushReference: plan.pushReference,
    architecture: architectureFor(site, 'build'),
    pushTriesMax: input.pushTriesMax,
    plainHttpHosts: site.registry?.plainHttp ? [site.registry.pushHost] : [],
    registryAuthorityPath: authority && `${authority.mount.mountPath}/${CA_KEY}`,
    mirrors: builder.mirrors,
    daemon: daemon && { address: daemon.address, certificatesPath: certificates.mounts[0]?.mountPath },
    statePath: nested.mounts[0]?.mountPath
  })
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadataOf(site, input, { ...resolver.annotations, ...rewritten.annotations }),
    spec: {
      ...podBase(site),
      ...userNamespace.spec,
      ...placement(site, files, 'build'),
      // A kubelet that restarts a failing push restarts a failing build as well: the push repeats itself (docs/adr/0014).
      restartPolicy: 'Never',
      activeDeadlineSeconds: input.deadlineMs / 1_000,
      initContainers: [
        ...firstContainer(site, files, resolver),
        {
          ...container(BUILD_CONTAINER, builder.image, commands.build, baseLogin),
          securityContext: securityContextOf(builder, nested),
          volumeMounts: [context, layout, ...own.mounts, ...mountsOf(authority, baseLogin)]
        }
      ],
      containers: [
        {
          ...container(PUSH_CONTAINER, builder.pushImage, commands.push, pushLogin),
          ...PUSHING,
          volumeMounts: [{ ...layout, readOnly: true }, MEMORY, resolver.mount, ...mountsOf(authority, pushLogin)]
        }
      ],
      volumes: [
        files.volume,
        { name: layout.name, emptyDir: {} },
        MEMORY_VOLUME,
        resolver.volume,
        ...own.volumes,
        ...volumesOf(authority, baseLogin, pushLogin)
      ]
    }
  }
}

const securityContextOf = ({ definition }: ChosenBuilder, nested: NestedContainers) => ({
  ...hardened(definition.buildCapabilities, definition.mayEscalate),
  ...nested.securityContext
})

/** What the container that builds has for itself. */
const joined = (...parts: readonly Pick<PodParts, 'mounts' | 'volumes'>[]): Pick<PodParts, 'mounts' | 'volumes'> => ({
  mounts: parts.flatMap(({ mounts }) => mounts),
  volumes: parts.flatMap(({ volumes }) => volumes)
})

function metadataOf(
  site: Site,
  { nonce, attempt, plan }: BuildInput,
  annotations: NonNullable<V1ObjectMeta['annotations']>
): V1ObjectMeta {
  const metadata = podMetadata(site, buildPodName(site.runnerPod, nonce, attempt))
  return {
    ...metadata,
    labels: { ...metadata.labels, [BUILD_POD_LABEL]: '', [CONTENT_LABEL]: contentLabel(plan.contentHash) },
    annotations: { ...metadata.annotations, ...annotations }
  }
}

const container = (name: string, image: string, { command, args, env }: ContainerCommand, login?: SecretPart) => ({
  name,
  image,
  imagePullPolicy: 'IfNotPresent',
  ...(command && { command: command.map(unexpanded) }),
  args: args.map(unexpanded),
  env: Object.entries({ ...env, ...login?.env }).map(
    ([key, value]): V1EnvVar => ({ name: key, value: unexpanded(value) })
  )
})

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

/** `authorityPath`: directory that the certificates are mounted at. */
function buildSecrets({ registry }: Site, authorityPath: string): BuildSecrets {
  return {
    authority: secretPart('registry-authority', registry?.caSecret, authorityPath, { key: CA_KEY, path: CA_KEY }),
    baseLogin: dockerConfig('base-image-credentials', registry?.baseImageSecret),
    pushLogin: dockerConfig('push-credentials', registry?.pushSecret)
  }
}

const volumesOf = (...parts: readonly (SecretPart | undefined)[]): V1Volume[] =>
  parts.flatMap((part) => part?.volume ?? [])

const mountsOf = (...parts: readonly (SecretPart | undefined)[]): V1VolumeMount[] =>
  parts.flatMap((part) => (part === undefined ? [] : { ...part.mount }))

function secretPart(
  name: string,
  secretName: string | undefined,
  mountPath: string,
  item: { readonly key: string; readonly path: string },
  env: SecretPart['env'] = {}
): SecretPart | undefined {
  if (secretName === undefined) return undefined
  return {
    volume: { name, secret: { secretName, defaultMode: 0o400, items: [item] } },
    mount: { name, mountPath, readOnly: true },
    env
  }
}

const dockerConfig = (name: string, secret: string | undefined): SecretPart | undefined =>
  secretPart(
    name,
    secret,
    DOCKER_CONFIG_PATH,
    { key: DOCKER_CONFIG_KEY, path: 'config.json' },
    { DOCKER_CONFIG: DOCKER_CONFIG_PATH }
  )
