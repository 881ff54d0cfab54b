/** What the runner writes to a hook's standard input, serialised as the runner does it (hook-protocol sections 1, 2 and 6). */
import { randomUUID } from 'node:crypto'
import { HOME, TEMP, WORK, WORKSPACE } from './runner-pod.ts'

/** The file commands the runner has made for one step, by the name of their variable. */
export const FILE_COMMANDS = {
  GITHUB_OUTPUT: 'set_output',
  GITHUB_ENV: 'set_env',
  GITHUB_PATH: 'add_path',
  GITHUB_STATE: 'save_state',
  GITHUB_STEP_SUMMARY: 'step_summary',
  GITHUB_ARTIFACTS: 'artifacts'
} as const
export type FileCommand = keyof typeof FILE_COMMANDS

export interface ContainerAction {
  /** A `docker://` action. */
  readonly image?: string
  /** Absolute path on the runner's disk. */
  readonly dockerfile?: string
  readonly entryPoint?: string
  /** As the author wrote them in action.yml. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What prepare_job answered, or somebody else wants the hook to believe. */
  readonly state?: object
}

export interface HookInput {
  readonly command: string
  readonly responseFile: string
  readonly args: object
  readonly state: object | null
}

/** Path on the runner's disk of one step's file command. */
export const fileCommandPath = (step: string, command: FileCommand): string =>
  `${TEMP}/_runner_file_commands/${FILE_COMMANDS[command]}_${step}`

export const responsePath = (): string => `${TEMP}/_runner_hook_responses/${randomUUID()}.json`

const mount = (sourceVolumePath: string, targetVolumePath: string) => ({
  userProvidedValue: null,
  sourceVolumePath,
  targetVolumePath,
  readOnly: false
})

/** Input of run_container_step; `step` names the file commands, as a guid does in the runner. */
export function containerStepInput(action: ContainerAction, step: string): HookInput {
  return {
    command: 'run_container_step',
    responseFile: responsePath(),
    args: {
      image: action.image ?? null,
      dockerfile: action.dockerfile ?? null,
      entryPointArgs: splitAsRunner(action.args ?? []),
      entryPoint: action.entryPoint ?? null,
      workingDirectory: '/github/workspace',
      createOptions: null,
      environmentVariables: { ...stepEnvironment(step), ...action.env },
      userMountVolumes: [],
      systemMountVolumes: [
        mount('/var/run/docker.sock', '/var/run/docker.sock'),
        mount(TEMP, '/github/runner_temp'),
        mount(`${TEMP}/_github_home`, '/github/home'),
        mount(`${TEMP}/_github_workflow`, '/github/workflow'),
        mount(`${TEMP}/_runner_file_commands`, '/github/file_commands'),
        mount(WORKSPACE, '/github/workspace')
      ],
      registry: null,
      portMappings: []
    },
    state: action.state ?? null
  }
}

export const cleanupJobInput = (): HookInput => ({
  command: 'cleanup_job',
  responseFile: responsePath(),
  args: {},
  state: null
})

/** One command line with every argument in double quotes, split on single spaces: what is lost here is lost for good. */
function splitAsRunner(args: readonly string[]): string[] {
  const commandLine = args.map((arg) => ` "${arg.replaceAll('"', '\\"')}"`).join('')
  return commandLine
    .split(' ')
    .map((piece) => piece.trim())
    .filter((piece) => piece !== '')
}

function stepEnvironment(step: string): Record<string, string> {
  const commands = Object.entries(FILE_COMMANDS).map(([name, file]) => [name, `/github/file_commands/${file}_${step}`])
  return {
    HOME: '/github/home',
    GITHUB_WORKSPACE: '/github/workspace',
    GITHUB_EVENT_PATH: '/github/workflow/event.json',
    GITHUB_REPOSITORY: 'repo/repo',
    RUNNER_TEMP: '/github/runner_temp',
    RUNNER_OS: 'Linux',
    RUNNER_TOOL_CACHE: `${WORK}/_tool`,
    ...Object.fromEntries(commands)
  }
}

/** The hook's own environment: paths of the runner's disk. */
export const hookEnvironment = (step: string): Record<string, string> => ({
  GITHUB_ACTIONS: 'true',
  CI: 'true',
  GITHUB_WORKSPACE: WORKSPACE,
  GITHUB_REPOSITORY: 'repo/repo',
  GITHUB_WORKFLOW: `${'Build, test & "deploy" ビルド '.repeat(9)}\n::error::no`,
  GITHUB_RUN_ID: '1658821493',
  GITHUB_JOB: 'unit',
  GITHUB_EVENT_PATH: `${TEMP}/_github_workflow/event.json`,
  GITHUB_OUTPUT: fileCommandPath(step, 'GITHUB_OUTPUT'),
  RUNNER_WORKSPACE: `${WORK}/repo`,
  RUNNER_TEMP: TEMP,
  RUNNER_TOOL_CACHE: `${WORK}/_tool`,
  RUNNER_OS: 'Linux',
  HOME
})
