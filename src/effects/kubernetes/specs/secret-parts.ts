/** Keys of Secrets as files of one container of the build pod: a certificate for both, and for each its own credentials. */
import type { V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { Site } from '../context/site.ts'
import { CA_KEY, DOCKER_CONFIG_KEY } from '../registry/settings.ts'

export interface SecretPart {
  readonly volume: V1Volume
  readonly mount: V1VolumeMount
  /** What tells the programs of the container where it is. */
  readonly env: Readonly<Record<string, string>>
}

/** Where Kaniko looks by itself; other programs are told by DOCKER_CONFIG. */
const DOCKER_CONFIG_PATH = '/kaniko/.docker'

export interface BuildSecrets {
  /** Of the registry; in both containers. */
  readonly authority: SecretPart | undefined
  /** For images in FROM: in the container that runs the Dockerfile. */
  readonly baseLogin: SecretPart | undefined
  /** In the container that pushes, and in no other. */
  readonly pushLogin: SecretPart | undefined
}

/** `authorityPath`: directory that the certificates are mounted at. */
export function buildSecrets({ registry }: Site, authorityPath: string): BuildSecrets {
  return {
    authority: secretPart('registry-authority', registry?.caSecret, authorityPath, { key: CA_KEY, path: CA_KEY }),
    baseLogin: dockerConfig('base-image-credentials', registry?.baseImageSecret),
    pushLogin: dockerConfig('push-credentials', registry?.pushSecret)
  }
}

export const volumesOf = (...parts: readonly (SecretPart | undefined)[]): V1Volume[] =>
  parts.flatMap((part) => part?.volume ?? [])

export const mountsOf = (...parts: readonly (SecretPart | undefined)[]): V1VolumeMount[] =>
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
