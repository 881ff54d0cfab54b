/** Drives run_script_step as the runner does: the script in its temporary directory, the file commands made, the state given. */
import { randomUUID } from 'node:crypto'
import { type HookOptions, type HookRun, startHook } from './hook.ts'
import { jobPodOf } from './job.ts'
import type { Finished } from './process.ts'
import { FILE_COMMANDS, type FileCommand, fileCommandPath, type HookInput, responsePath } from './protocol.ts'
import { type RunnerPod, TEMP } from './runner-pod.ts'

/** The job container's path of what is in the runner's temporary directory. */
const CONTAINER_TEMP = '/__w/_temp'

export interface Script {
  /** Text of the file that `sh -e` runs; not given where `args` say everything. */
  readonly run?: string
  readonly entryPoint?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly prependPath?: readonly string[] | string
  readonly workingDirectory?: string
  /** Instead of what prepare_job answers. */
  readonly state?: object | null
}

export interface ScriptRun extends HookRun {
  /** What the script wrote into a file command, read from the runner's disk as the runner does after the call. */
  fileCommand(command: FileCommand): Promise<string | undefined>
}

export async function startScript(pod: RunnerPod, script: Script, options?: HookOptions): Promise<ScriptRun> {
  const step = randomUUID()
  const commands = Object.values(FILE_COMMANDS).map((name) => `_runner_file_commands/${name}_${step}`)
  const input: HookInput = {
    command: 'run_script_step',
    responseFile: responsePath(),
    args: {
      entryPoint: script.entryPoint ?? 'sh',
      entryPointArgs: script.args ?? ['-e', `${CONTAINER_TEMP}/${step}.sh`],
      environmentVariables: { ...environmentOf(step), ...script.env },
      prependPath: script.prependPath ?? [],
      workingDirectory: script.workingDirectory ?? '/__w/repo/repo'
    },
    state:
      script.state === undefined ? { jobPod: (await jobPodOf(pod)).metadata.name, storage: pod.mode } : script.state
  }
  await pod.write(TEMP, {
    ...Object.fromEntries(commands.map((name) => [name, ''])),
    [input.responseFile.slice(TEMP.length + 1)]: '',
    '_github_workflow/event.json': '{"action":"opened"}',
    ...(script.run !== undefined && { [`${step}.sh`]: script.run })
  })
  return {
    ...startHook(pod, input, step, options),
    fileCommand: (command) => pod.read(fileCommandPath(step, command))
  }
}

export interface FinishedScript extends Finished {
  readonly fileCommand: ScriptRun['fileCommand']
}

export async function runScript(pod: RunnerPod, script: Script, options?: HookOptions): Promise<FinishedScript> {
  const { finished, fileCommand } = await startScript(pod, script, options)
  return { ...(await finished), fileCommand }
}

const environmentOf = (step: string): Record<string, string> => ({
  HOME: '/github/home',
  GITHUB_WORKSPACE: '/__w/repo/repo',
  RUNNER_TEMP: CONTAINER_TEMP,
  ...Object.fromEntries(
    Object.entries(FILE_COMMANDS).map(([name, file]) => [
      name,
      `${CONTAINER_TEMP}/_runner_file_commands/${file}_${step}`
    ])
  )
})
