/** The job that the runner asks for, as plain data with docker's defaults filled in, for the machine. */
import { posix } from 'node:path'
import {
  DOCKER_SOCKET,
  GITHUB,
  HOME,
  JOB_EXTERNALS,
  JOB_WORK,
  type RunnerPaths,
  WORKFLOW,
  workDirectoryOf
} from '../../effects/work-tree/layout.ts'
import { StepError } from '../../errors.ts'
import type { ContainerRequest, JobRequest, Mount } from '../../machines/types.ts'
import { undoQuoting } from './arguments.ts'
import type { ContainerArgs, HookInput, MountArgs } from './protocol.ts'

type JobArgs = Extract<HookInput, { command: 'prepare_job' }>['args']

/** Throws `invalid-input`, naming the field. */
export function toJobRequest({ container, services }: JobArgs, paths: RunnerPaths): JobRequest {
  return {
    container: container && toContainer(container, 'args.container'),
    services: services.map((service, index) => toContainer(service, `args.services[${index}]`)),
    mounts: toMounts(container?.systemMountVolumes ?? [], paths)
  }
}

function toContainer(args: ContainerArgs, field: string): ContainerRequest {
  const image = args.image?.trim().replace(/^docker:\/\//i, '')
  if (!image) throw invalid(`${field}.image is missing; give the container an image in the workflow`)
  const { username, password, serverUrl } = args.registry ?? {}
  return {
    image,
    entryPoint: args.entryPoint || undefined,
    args: undoQuoting(args.entryPointArgs),
    env: args.environmentVariables,
    workingDirectory: args.workingDirectory || undefined,
    createOptions: args.createOptions,
    ports: args.portMappings,
    volumes: args.userMountVolumes.map((mount, index) => toVolume(mount, `${field}.userMountVolumes[${index}]`)),
    credentials: username ? { username, password: password ?? '', server: serverUrl ?? '' } : undefined
  }
}

/** A source may be a path, the name of a volume, or missing for a new one. */
function toVolume({ sourceVolumePath = '', targetVolumePath, readOnly }: MountArgs, field: string): Mount {
  if (!posix.isAbsolute(targetVolumePath)) throw invalid(`${field}.targetVolumePath must be an absolute path`)
  const source = posix.isAbsolute(sourceVolumePath) ? withoutEnd(sourceVolumePath) : sourceVolumePath
  return { source, target: withoutEnd(targetVolumePath), readOnly: readOnly ?? false }
}

/**
 * What the job container sees of the runner's disk: the work directory with everything below it, home and workflow, the
 * externals, and what else the runner mounts (a tool cache elsewhere). Where the first four are is the runner's own paths'
 * to say, since a request may come with those of another machine.
 */
function toMounts(system: readonly MountArgs[], paths: RunnerPaths): Mount[] {
  const work = workDirectoryOf(paths)
  const externals = system.find(({ targetVolumePath }) => targetVolumePath === JOB_EXTERNALS)?.sourceVolumePath
  const known: Mount[] = [
    { source: work, target: JOB_WORK, readOnly: false },
    { source: posix.join(work, HOME), target: GITHUB.home, readOnly: false },
    { source: posix.join(work, WORKFLOW), target: GITHUB.workflow, readOnly: false },
    { source: externals ?? '', target: JOB_EXTERNALS, readOnly: true }
  ]
  const isKnown = (target: string) =>
    known.some((mount) => target === mount.target || target.startsWith(`${mount.target}/`))
  const others = system
    .map((mount, index) => toVolume(mount, `args.container.systemMountVolumes[${index}]`))
    // There is no docker behind the socket that the runner offers to every container.
    .filter(({ target }) => !isKnown(target) && !DOCKER_SOCKET.test(target))
  return [...known, ...others]
}

const withoutEnd = (path: string): string => posix.normalize(path).replace(/(.)\/+$/, '$1')

const invalid = (message: string) => new StepError('invalid-input', message)
