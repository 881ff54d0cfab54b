/**
 * Where the runner's work directory is, for the pods that need it: `volume` (a claim mounted in the runner pod, shared by
 * sub-path) or `copy` (an emptyDir with the same layout, which files are copied into and out of by tar streams).
 *
 * Both look the same to a pod: one volume called `work` whose layout is that of the runner's `_work`.
 */
import { relative } from 'node:path'
import type { V1Container, V1PersistentVolumeClaim, V1Pod, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { Mount } from '../../../machines/types.ts'
import { workDirectoryOf } from '../../work-tree/layout.ts'
import { readIfAllowed } from '../api/optional.ts'
import type { Access } from '../api/request.ts'
import type { KubernetesOptions } from './options.ts'

export const WORK_VOLUME = 'work'

export interface Storage {
  readonly mode: 'copy' | 'volume'
  /** The runner's `_work`, absolute. */
  readonly workDirectory: string
  /** The volume that holds it in our pods. */
  readonly volume: V1Volume
  /** Path of `_work` inside the volume; empty for its root. */
  readonly rootPath: string
  /** Whether nodes share the claim (ReadWriteMany); undefined where that is not known, and where there is no claim. */
  readonly isShared?: boolean | undefined
  /** Node the pods must run on, for a claim that is not known to be shared. */
  readonly nodeName?: string | undefined
}

type StorageOptions = Pick<KubernetesOptions, 'claimName' | 'claimAccessMode' | 'paths'>

/** Name of the container that runs the runner, in ARC's pod template. */
const RUNNER_CONTAINER = 'runner'

/** The runner's own container; the first one when none is called so. */
export function runnerContainer(pod: V1Pod): V1Container | undefined {
  const containers = pod.spec?.containers ?? []
  return containers.find(({ name }) => name === RUNNER_CONTAINER) ?? containers[0]
}

/** Decides the storage mode from the runner pod's own spec; `claimName` overrides what is found there. */
export function detectStorage(pod: V1Pod, options: StorageOptions): Storage {
  const workDirectory = workDirectoryOf(options.paths)
  const mount = mountOf(runnerContainer(pod), workDirectory)
  const source = pod.spec?.volumes?.find(({ name }) => name === mount?.name)
  const ownClaim = claimOf(pod, source)
  const claimName = options.claimName ?? ownClaim
  if (claimName === undefined) {
    return { mode: 'copy', workDirectory, volume: { name: WORK_VOLUME, emptyDir: {} }, rootPath: '' }
  }
  const { claimAccessMode = 'auto' } = options
  const inSpec = claimName === ownClaim ? source?.ephemeral?.volumeClaimTemplate?.spec.accessModes : undefined
  const isShared = isSharedBy(claimAccessMode === 'auto' ? inSpec : [claimAccessMode])
  return {
    mode: 'volume',
    workDirectory,
    volume: { name: WORK_VOLUME, persistentVolumeClaim: { claimName } },
    rootPath: mount === undefined ? '' : join(mount.subPath ?? '', relative(mount.mountPath, workDirectory)),
    isShared,
    nodeName: isShared ? undefined : pod.spec?.nodeName
  }
}

/** The same, with the claim itself asked where neither the setting nor the runner pod's spec says who can mount it. */
export async function discoverStorage(
  access: Access,
  pod: V1Pod,
  options: StorageOptions,
  signal: AbortSignal
): Promise<Storage> {
  const storage = detectStorage(pod, options)
  const name = storage.volume.persistentVolumeClaim?.claimName
  if (name === undefined || storage.isShared !== undefined) return storage
  const address = { resource: 'persistentvolumeclaims', name } as const
  const claim = await readIfAllowed<V1PersistentVolumeClaim>(access, address, {}, signal)
  const isShared = isSharedBy(claim?.spec?.accessModes)
  return { ...storage, isShared, nodeName: isShared ? undefined : storage.nodeName }
}

const isSharedBy = (accessModes: readonly string[] | undefined): boolean | undefined =>
  accessModes?.includes('ReadWriteMany')

/** The mount of the container that holds a directory: the one with the longest path above it. */
function mountOf(container: V1Container | undefined, directory: string): V1VolumeMount | undefined {
  return container?.volumeMounts
    ?.filter(({ mountPath }) => !relative(mountPath, directory).startsWith('..'))
    .sort((a, b) => b.mountPath.length - a.mountPath.length)[0]
}

function claimOf(pod: V1Pod, volume: V1Volume | undefined): string | undefined {
  if (volume?.persistentVolumeClaim !== undefined) return volume.persistentVolumeClaim.claimName
  // The claim of a generic ephemeral volume is called <pod>-<volume>.
  if (volume?.ephemeral !== undefined) return `${pod.metadata?.name}-${volume.name}`
  return undefined
}

/** Whether pods have copies of the runner's files, and not the files themselves. */
export const isCopied = ({ mode }: Pick<Storage, 'mode'>): boolean => mode === 'copy'

/** Whether a path of the runner's disk is the work directory, or below it. */
export const isInWork = ({ workDirectory }: Pick<Storage, 'workDirectory'>, hostPath: string): boolean =>
  hostPath === workDirectory || hostPath.startsWith(`${workDirectory}/`)

/** `_temp/_github_home` for `/home/runner/_work/_temp/_github_home`; throws `not-supported` for what is outside `_work`. */
export function workPath(storage: Storage, hostPath: string): string {
  const path = relative(storage.workDirectory, hostPath)
  if (path === '..' || path.startsWith('../')) {
    throw new StepError(
      'not-supported',
      `${hostPath} cannot be used in a container: only what lies below ${storage.workDirectory} can be mounted`
    )
  }
  return path
}

/** Path inside the work volume of a path of the runner's disk; empty for the volume's root. */
export const volumePath = (storage: Storage, hostPath: string): string =>
  join(storage.rootPath, workPath(storage, hostPath))

/** A mount of the runner's disk as a mount of the work volume. */
export function workMount(storage: Storage, mount: Mount): V1VolumeMount {
  const subPath = volumePath(storage, mount.source)
  return {
    name: WORK_VOLUME,
    mountPath: mount.target,
    readOnly: mount.readOnly,
    ...(subPath !== '' && { subPath })
  }
}

const join = (...parts: string[]): string => parts.filter((part) => part !== '').join('/')
