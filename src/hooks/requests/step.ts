/** The container action that the runner asks for, as plain data with docker's defaults filled in, for the machine. */
import { posix } from 'node:path'
import {
  DOCKER_SOCKET,
  FILE_COMMANDS,
  GITHUB,
  HOME,
  JOB_EXTERNALS,
  JOB_WORK,
  type RunnerPaths,
  WORKFLOW,
  workDirectoryOf
} from '../../effects/work-tree/layout.ts'
import { StepError } from '../../errors.ts'
import type { Mount, StepRequest } from '../../machines/types.ts'
import { shellWords, undoQuoting } from './arguments.ts'
import type { ContainerArgs, MountArgs } from './protocol.ts'

/** The runner's node is for the job container; a container action brings what it needs. */
const EXTERNALS = new RegExp(`^${JOB_EXTERNALS}(/|$)`)
const WORK = new RegExp(`^${JOB_WORK}(/.*|$)`)

/** Throws `invalid-input` or `not-supported`, naming the field. */
export function toStepRequest(args: ContainerArgs, paths: RunnerPaths): StepRequest {
  return {
    ...whatToRun(args),
    entryPoint: args.entryPoint || undefined,
    args: toArguments(args.entryPointArgs),
    env: { CI: 'true', ...args.environmentVariables, GITHUB_ACTIONS: 'true' },
    workingDirectory: args.workingDirectory || GITHUB.workspace,
    mounts: toMounts(args, paths)
  }
}

/**
 * The runner splits at every space. Where one is left somebody else wrote the fragments, the way the shipped hook reads them: as
 * words of a shell.
 */
const toArguments = (fragments: readonly string[]): string[] =>
  fragments.some((fragment) => fragment.includes(' ')) ? shellWords(fragments) : undoQuoting(fragments)

/** If both are given the image wins, as in the runner's own docker hook (hook-protocol section 7). */
function whatToRun({ image, dockerfile }: ContainerArgs): Pick<StepRequest, 'image' | 'dockerfile'> {
  if (image) return { image: image.replace(/^docker:\/\//i, '') }
  if (!dockerfile) throw invalid('args.image and args.dockerfile are both missing; a container step needs one of them')
  if (!posix.isAbsolute(dockerfile)) throw invalid(`args.dockerfile must be an absolute path, but is '${dockerfile}'`)
  return { dockerfile: posix.normalize(dockerfile) }
}

function toMounts(args: ContainerArgs, paths: RunnerPaths): Mount[] {
  const system = args.systemMountVolumes
    .filter(({ targetVolumePath }) => !EXTERNALS.test(targetVolumePath))
    .map((mount, index) => toMount(onThisRunner(mount, paths), `args.systemMountVolumes[${index}]`))
  const user = args.userMountVolumes.map((mount, index) => toMount(mount, `args.userMountVolumes[${index}]`))
  // There is no docker behind the socket that the runner offers to every container.
  const mounts = [...system, ...user].filter(({ target }) => !DOCKER_SOCKET.test(target))
  return system.length > 0 ? mounts : [...githubMounts(paths), ...mounts]
}

/** What is seen below `/__w` and `/github` is the runner's own, wherever the request says that it is: it may be another machine's. */
function onThisRunner(mount: MountArgs, paths: RunnerPaths): MountArgs {
  const known = githubMounts(paths).find(({ target }) => target === mount.targetVolumePath)
  if (known !== undefined) return { ...mount, sourceVolumePath: known.source }
  const [, below] = WORK.exec(mount.targetVolumePath) ?? []
  if (below === undefined) return mount
  return { ...mount, sourceVolumePath: posix.join(workDirectoryOf(paths), below) }
}

function toMount({ sourceVolumePath, targetVolumePath, readOnly }: MountArgs, field: string): Mount {
  if (!posix.isAbsolute(targetVolumePath)) throw invalid(`${field}.targetVolumePath must be an absolute path`)
  if (sourceVolumePath === undefined || !posix.isAbsolute(sourceVolumePath)) {
    throw new StepError(
      'not-supported',
      `${field}.sourceVolumePath must be an absolute path; named and anonymous volumes are not supported`
    )
  }
  return {
    source: posix.normalize(sourceVolumePath),
    target: posix.normalize(targetVolumePath),
    readOnly: readOnly ?? false
  }
}

/** What the runner mounts into every container action (hook-protocol section 2), for callers that leave it to the hook. */
export function githubMounts(paths: RunnerPaths): Mount[] {
  const work = workDirectoryOf(paths)
  const directories: readonly (readonly [string, string])[] = [
    [paths.runnerTemp, GITHUB.runnerTemp],
    [posix.join(work, HOME), GITHUB.home],
    [posix.join(work, WORKFLOW), GITHUB.workflow],
    [posix.join(work, FILE_COMMANDS), GITHUB.fileCommands],
    [paths.githubWorkspace, GITHUB.workspace]
  ]
  return directories.map(([source, target]) => ({ source: posix.normalize(source), target, readOnly: false }))
}

const invalid = (message: string) => new StepError('invalid-input', message)
