/** Where each directory that the job's containers see comes from, for the job pod: the work volume, or an empty one. */
import { posix } from 'node:path'
import type { V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { Mount } from '../../../machines/types.ts'
import { DOCKER_SOCKET, JOB_EXTERNALS, JOB_WORK } from '../../work-tree/layout.ts'
import { isInWork, type Storage, workMount } from '../context/storage.ts'

/** Node and its like for JavaScript actions, copied out of the runner's image. The name is the shipped hook's. */
export const EXTERNALS_VOLUME = 'externals'

export interface VolumePlan {
  /** Besides the work volume and the externals. */
  readonly volumes: readonly V1Volume[]
  /** Of each container, in the order of the requests; the first is the job container. */
  readonly mounts: readonly (readonly V1VolumeMount[])[]
  /** Sources of user volumes, which docker makes when they are missing. Absolute paths of the runner's disk. */
  readonly directories: readonly string[]
  readonly warnings: readonly string[]
}

interface Wanted {
  /** What the runner mounts. */
  readonly system: readonly Mount[]
  /** What the workflow mounts, of each container. A source may be a name, or empty for a new volume. */
  readonly user: readonly (readonly Mount[])[]
}

/** Throws `not-supported` for a directory of the runner's disk that pods cannot see. */
export function planVolumes(storage: Storage, { system, user }: Wanted): VolumePlan {
  const volumes: V1Volume[] = []
  const directories: string[] = []
  const warnings = new Set<string>()
  const named = new Map<string, string>()
  const emptyVolume = (source: string): string => {
    const known = source === '' ? undefined : named.get(source)
    if (known !== undefined) return known
    const name = `volume-${volumes.length}`
    volumes.push({ name, emptyDir: {} })
    named.set(source, name)
    return name
  }
  const ofRunner = (mount: Mount): V1VolumeMount => {
    const { source, target: mountPath, readOnly } = mount
    if (mountPath === JOB_EXTERNALS) return { name: EXTERNALS_VOLUME, mountPath, readOnly: true }
    return isInWork(storage, source) ? workMount(storage, mount) : { name: emptyVolume(source), mountPath, readOnly }
  }
  const ofUser = (mount: Mount): V1VolumeMount[] => {
    const { source, target: mountPath, readOnly } = mount
    if (DOCKER_SOCKET.test(source)) {
      warnings.add(`the volume ${source} is left out: there is no docker behind it on Kubernetes`)
      return []
    }
    if (!posix.isAbsolute(source)) return [{ name: emptyVolume(source), mountPath, readOnly }]
    if (!isInWork(storage, source)) throw outsideWork(storage, mount)
    directories.push(source)
    return [workMount(storage, mount)]
  }
  const work = system.filter(({ target }) => target === JOB_WORK)
  const mounts = user.map((own, index) => [...(index === 0 ? system : work).map(ofRunner), ...own.flatMap(ofUser)])
  return { volumes, mounts, directories, warnings: [...warnings] }
}

const outsideWork = ({ workDirectory }: Storage, { source, target }: Mount) =>
  new StepError(
    'not-supported',
    `the volume ${source}:${target} cannot be mounted: only paths below ${workDirectory}, volume names and bare targets can; for another one use the hook's pod template`
  )
