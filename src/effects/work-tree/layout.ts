/**
 * Where the runner keeps the files of a job, and where containers see them, by the names that the runner gives them (hook-protocol
 * sections 2 and 6). For all that reads, mounts or moves these files: no other module spells the names.
 */
import { posix } from 'node:path'

/** Directories on the runner's own disk, absolute. */
export interface RunnerPaths {
  /** RUNNER_WORKSPACE, `_work/repo`; its parent is the work directory. */
  readonly runnerWorkspace: string
  /** RUNNER_TEMP, `_work/_temp`. */
  readonly runnerTemp: string
  /** GITHUB_WORKSPACE, `_work/repo/repo`. */
  readonly githubWorkspace: string
}

/** The runner's `_work`, absolute. */
export const workDirectoryOf = ({ runnerWorkspace }: Pick<RunnerPaths, 'runnerWorkspace'>): string =>
  posix.dirname(runnerWorkspace)

// Relative to the work directory.

export const TEMP = '_temp'
/** `GITHUB_OUTPUT` and the like: written by the runner right before a step and read right after it, always on its own disk. */
export const FILE_COMMANDS = `${TEMP}/_runner_file_commands`
export const HOME = `${TEMP}/_github_home`
/** The event that started the workflow. */
export const WORKFLOW = `${TEMP}/_github_workflow`
/** Written before every step, the first of them after prepare_job (the runner's ActionRunner), and the same for a whole job. */
export const EVENT = `${WORKFLOW}/event.json`
/** What the runner keeps for itself. */
export const HOOK_RESPONSES = `${TEMP}/_runner_hook_responses`
/** The runner writes and reads plain files in these by their paths, and would follow a link that a step has left. */
export const PLAIN_FILES = [FILE_COMMANDS, WORKFLOW, HOOK_RESPONSES] as const
/** Directories that the runner counts on. */
export const STAY_DIRECTORIES = [TEMP, HOME, ...PLAIN_FILES] as const
export const ACTIONS = '_actions'
export const TOOLS = '_tool'

// In a container, absolute.

/** The work directory in the job container and the services. */
export const JOB_WORK = '/__w'
/** What JavaScript actions run with, in the job container. */
export const JOB_EXTERNALS = '/__e'
/** What a container action sees; home and workflow are in the job container, too. */
export const GITHUB = {
  workspace: '/github/workspace',
  home: '/github/home',
  workflow: '/github/workflow',
  fileCommands: '/github/file_commands',
  runnerTemp: '/github/runner_temp'
} as const
/** What the runner offers to every container, and no docker is behind on Kubernetes. */
export const DOCKER_SOCKET = /(^|\/)docker\.sock$/
