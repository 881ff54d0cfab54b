/** Drives the installed hook as the runner does: its node, the job's workspace as working directory, one line of JSON. */
import { randomUUID } from 'node:crypto'
import { IMAGES, REGISTRY_HOST, REGISTRY_NODE_PORT, REGISTRY_PORT } from './images.ts'
import { eventually } from './kubectl.ts'
import type { Finished, Line } from './process.ts'
import {
  type ContainerAction,
  cleanupJobInput,
  containerStepInput,
  FILE_COMMANDS,
  type FileCommand,
  fileCommandPath,
  type HookInput,
  hookEnvironment
} from './protocol.ts'
import { HOOK, NODE, type RunnerPod, TEMP, WORKSPACE } from './runner-pod.ts'

export type Signal = 'INT' | 'TERM' | 'KILL'

export interface HookOptions {
  /** Added to the hook's environment, or taken from it when undefined. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Path of the hook in the runner's container, when it is not where the suite installs it. */
  readonly hook?: string
}

export interface HookRun {
  readonly finished: Promise<Finished>
  /** Resolves when a line of the hook matches; rejects after the time, or when the hook has ended without one. */
  line(pattern: RegExp, timeoutMs?: number): Promise<Line>
  /** Sends a signal to the hook's own process, as the runner does; nothing else in the pod receives it. */
  signal(name: Signal): Promise<void>
  /** Whether the hook's process is still there. */
  isAlive(): Promise<boolean>
}

/** Tests are about their own subject: in none but those of builds ahead does prepare_job start any. */
const NOTHING_AHEAD = { ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_AHEAD: 'off' }

/** What an administrator sets for Dockerfiles. */
export const REGISTRY_ENVIRONMENT = {
  ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_HOST: REGISTRY_HOST,
  ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PORT: REGISTRY_PORT,
  ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_NODE_PORT: REGISTRY_NODE_PORT,
  ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER_IMAGE: IMAGES.kaniko
}

const LINE_TIMEOUT_MS = 120_000

/** Starts the hook; `step` is the guid that its file commands carry. */
export function startHook(pod: RunnerPod, input: HookInput, step: string, options: HookOptions = {}): HookRun {
  const environment = { ...hookEnvironment(step), ...NOTHING_AHEAD, ...REGISTRY_ENVIRONMENT, ...options.env }
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}=${value}`
  )
  const pidFile = `/tmp/hook-${randomUUID()}.pid`
  // The shell becomes the hook, so that the number it writes is the hook's.
  const script = `echo $$ > ${pidFile} && cd ${WORKSPACE} && exec env "$@"`
  const seen: Line[] = []
  let hasEnded = false
  const finished = pod
    .exec(['sh', '-c', script, 'hook', ...variables, NODE, options.hook ?? HOOK], {
      input: `${JSON.stringify(input)}\n`,
      onLine: (line) => seen.push(line)
    })
    .finally(() => {
      hasEnded = true
    })
  return {
    finished,
    async line(pattern, timeoutMs = LINE_TIMEOUT_MS) {
      const find = () => seen.find(({ text }) => pattern.test(text))
      await eventually(`a line ${pattern}`, timeoutMs, async () => {
        if (hasEnded && find() === undefined) {
          throw new Error(`the hook ended without a line ${pattern}:\n${seen.map(({ text }) => text).join('\n')}`)
        }
        return find() !== undefined
      })
      return find() as Line
    },
    async signal(name) {
      const { exitCode, stderr } = await pod.exec(['sh', '-c', `kill -${name} $(cat ${pidFile})`])
      if (exitCode !== 0) throw new Error(`the hook could not be sent SIG${name}: ${stderr}`)
    },
    async isAlive() {
      const { exitCode } = await pod.exec(['sh', '-c', `kill -0 $(cat ${pidFile})`])
      return exitCode === 0
    }
  }
}

export interface ContainerStep extends HookRun {
  /** What the action wrote into a file command, read from the runner's disk as the runner does after the call. */
  fileCommand(command: FileCommand): Promise<string | undefined>
}

/** Makes the step's file commands, as the runner does before the call, and starts run_container_step. */
export async function startContainerStep(
  pod: RunnerPod,
  action: ContainerAction,
  options?: HookOptions
): Promise<ContainerStep> {
  const step = randomUUID()
  const names = Object.values(FILE_COMMANDS).map((name) => `_runner_file_commands/${name}_${step}`)
  const empty = Object.fromEntries(names.map((name) => [name, '']))
  const input = containerStepInput(action, step)
  const response = input.responseFile.slice(TEMP.length + 1)
  await pod.write(TEMP, { ...empty, [response]: '', '_github_workflow/event.json': '{"action":"opened"}' })
  return {
    ...startHook(pod, input, step, options),
    fileCommand: (command) => pod.read(fileCommandPath(step, command))
  }
}

export interface FinishedStep extends Finished {
  readonly fileCommand: ContainerStep['fileCommand']
}

export async function runContainerStep(
  pod: RunnerPod,
  action: ContainerAction,
  options?: HookOptions
): Promise<FinishedStep> {
  const { finished, fileCommand } = await startContainerStep(pod, action, options)
  return { ...(await finished), fileCommand }
}

export async function runCleanupJob(pod: RunnerPod, options?: HookOptions): Promise<Finished> {
  const input = cleanupJobInput()
  await pod.write(TEMP, { [input.responseFile.slice(TEMP.length + 1)]: '' })
  return await startHook(pod, input, randomUUID(), options).finished
}
