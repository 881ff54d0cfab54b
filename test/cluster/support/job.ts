/** Drives prepare_job as the runner does, with what a workflow says of its job container and services. */
import { randomUUID } from 'node:crypto'
import { type HookOptions, type HookRun, startHook } from './hook.ts'
import { IMAGES } from './images.ts'
import { get } from './kubectl.ts'
import { type Finished, runProcess } from './process.ts'
import { type HookInput, responsePath } from './protocol.ts'
import { HOME, type RunnerPod, TEMP, WORK } from './runner-pod.ts'

interface Volume {
  readonly sourceVolumePath: string | null
  readonly targetVolumePath: string
  readonly readOnly?: boolean
}

/** The fields of a container object that tests vary. */
export interface JobContainer {
  readonly image?: string
  readonly entryPoint?: string | null
  readonly entryPointArgs?: readonly string[]
  readonly createOptions?: string | null
  readonly environmentVariables?: Readonly<Record<string, string>>
  readonly portMappings?: readonly string[] | null
  readonly userMountVolumes?: readonly Volume[] | null
  readonly registry?: object | null
}

export interface Job {
  /** Null: the job has none. */
  readonly container?: JobContainer | null
  readonly services?: readonly JobContainer[]
}

const mount = (sourceVolumePath: string, targetVolumePath: string, readOnly = false) => ({
  userProvidedValue: null,
  sourceVolumePath,
  targetVolumePath,
  readOnly
})

const SYSTEM_MOUNTS = [
  mount('/var/run/docker.sock', '/var/run/docker.sock'),
  mount(WORK, '/__w'),
  mount(`${HOME}/externals`, '/__e', true),
  mount(TEMP, '/__w/_temp'),
  mount(`${WORK}/_actions`, '/__w/_actions'),
  mount(`${WORK}/_tool`, '/__w/_tool'),
  mount(`${TEMP}/_github_home`, '/github/home'),
  mount(`${TEMP}/_github_workflow`, '/github/workflow')
]

const container = (given: JobContainer, ofJob: boolean) => ({
  image: IMAGES.busybox,
  dockerfile: null,
  entryPoint: null,
  entryPointArgs: [],
  workingDirectory: ofJob ? '/__w/repo/repo' : null,
  createOptions: null,
  portMappings: [],
  userMountVolumes: [],
  registry: null,
  ...given,
  environmentVariables: { ...(ofJob && { HOME: '/github/home' }), ...given.environmentVariables },
  systemMountVolumes: ofJob ? SYSTEM_MOUNTS : []
})

const prepareJobInput = ({ container: job = {}, services = [] }: Job): HookInput => ({
  command: 'prepare_job',
  responseFile: responsePath(),
  args: {
    container: job === null ? null : container(job, true),
    services: services.map((service) => container(service, false))
  },
  state: null
})

export interface JobOptions extends HookOptions {
  /** Called with the path of the response file when the runner has made it, and before the hook is started. */
  readonly beforeStart?: (responseFile: string) => Promise<unknown>
}

export interface JobRun extends HookRun {
  readonly responseFile: string
  /** What the hook wrote for the runner; undefined when it wrote nothing. */
  response(): Promise<JobResponse | undefined>
}

export interface JobResponse {
  readonly state: { readonly jobPod: string }
  readonly context: {
    readonly container: { readonly image: string; readonly ports: Readonly<Record<string, string>> }
    readonly services?: readonly { readonly image: string; readonly ports: Readonly<Record<string, string>> }[]
  }
  readonly isAlpine: boolean
}

export async function startPrepareJob(pod: RunnerPod, job: Job, options?: JobOptions): Promise<JobRun> {
  const input = prepareJobInput(job)
  await pod.write(TEMP, { [input.responseFile.slice(TEMP.length + 1)]: '' })
  await options?.beforeStart?.(input.responseFile)
  return {
    responseFile: input.responseFile,
    ...startHook(pod, input, randomUUID(), options),
    async response() {
      const text = await pod.read(input.responseFile)
      return text ? JSON.parse(text) : undefined
    }
  }
}

export interface PreparedJob extends Finished {
  readonly response: JobResponse | undefined
}

export async function prepareJob(pod: RunnerPod, job: Job, options?: HookOptions): Promise<PreparedJob> {
  const run = await startPrepareJob(pod, job, options)
  const finished = await run.finished
  return { ...finished, response: await run.response() }
}

interface PodObject {
  readonly metadata: {
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly ownerReferences: readonly { readonly name: string }[]
  }
  readonly spec: {
    readonly restartPolicy: string
    readonly containers: readonly PodContainer[]
    readonly imagePullSecrets?: readonly { readonly name: string }[]
  }
}

interface PodContainer {
  readonly name: string
  readonly image: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly resources?: object
}

/** The job pod as the cluster has it. */
export async function jobPodOf(pod: RunnerPod): Promise<PodObject> {
  const [found] = await get<PodObject>(['pod', `${pod.name}-workflow`, '-n', pod.namespace])
  if (found === undefined) throw new Error('there is no job pod')
  return found
}

/** Runs a shell script in a container of the job pod. */
export function inJob(pod: RunnerPod, script: string, name = 'job'): Promise<Finished> {
  const target = ['-n', pod.namespace, `${pod.name}-workflow`, '-c', name]
  return runProcess('kubectl', ['exec', ...target, '--', 'sh', '-c', script])
}
