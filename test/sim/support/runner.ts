/** The runner of a simulated job: its disk, and the commands that it gives its hook, as GitHub's runner writes them. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import { PRIVATE, STEP_VARIABLE } from './job-pods.ts'
import { type JobStory, programOf, type StepStory } from './job-story.ts'
import { RUNNER_IMAGE } from './kubelet.ts'
import { NAMESPACE, RUNNER_POD } from './world.ts'

export const CLAIM = 'runner-abc-work'
/** In the environment of steps; nobody may be told. */
export const SECRET = 'correct-horse-battery-staple'
const PREFIX = 'ACTIONS_RUNNER_CONTAINER_HOOKS'
/** More than a pipe takes at once. */
const LARGE_BYTES = 200_000

export interface Runner {
  /** Its work directory. */
  readonly work: string
  readonly workspace: string
  readonly environment: Readonly<Record<string, string>>
  prepareJob(): object
  step(step: StepStory): object
  /** Writes a file of the workspace. */
  write(path: string, text: string): void
  cleanUpJob(): object
  /** What prepare_job has answered. */
  response(): { readonly state: object; readonly isAlpine: boolean } | undefined
  /** What a step has written to GITHUB_OUTPUT, as the runner reads it. */
  outputOf(step: StepStory): string
  /** The files that a step has named in GITHUB_ARTIFACTS, as `path:line`: the runner opens each on its own disk. */
  artifactsOf(step: StepStory): readonly string[]
}

/** Files of the workspace before the first step, by their paths. */
export const CHECKED_OUT: Readonly<Record<string, string>> = {
  'README.md': 'read me',
  'src/main': 'main',
  'src/deep/er/file with space': 'deep',
  large: 'x'.repeat(LARGE_BYTES)
}

export function createRunner(directory: string, story: JobStory, registry: string): Runner {
  const work = join(directory, 'work')
  const temp = join(work, '_temp')
  const workspace = join(work, 'repo', 'repo')
  const commands = join(temp, '_runner_file_commands')
  const below = ['_runner_file_commands', '_github_home', '_github_workflow', '_runner_hook_responses']
  for (const name of below) mkdirSync(join(temp, name), { recursive: true })
  const action = join(work, '_actions', 'acme', 'built', 'v1')
  for (const path of [workspace, action, join(work, '_tool')]) mkdirSync(path, { recursive: true })
  writeFileSync(join(action, 'Dockerfile'), 'FROM scratch\n')
  writeFileSync(`${action}.completed`, '')
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(workspace, path)), { recursive: true })
    writeFileSync(join(workspace, path), `${text}\n`)
  }
  for (const [path, text] of Object.entries(CHECKED_OUT)) write(path, text)
  let responses = 0
  let state: object | null = null
  const responseFile = () => {
    responses += 1
    const path = join(temp, '_runner_hook_responses', `${responses}.json`)
    writeFileSync(path, '')
    return path
  }
  const mount = (sourceVolumePath: string, targetVolumePath: string, readOnly = false) => ({
    sourceVolumePath,
    targetVolumePath,
    readOnly
  })
  const container = (given: object) => ({
    dockerfile: null,
    entryPoint: null,
    entryPointArgs: [],
    createOptions: null,
    portMappings: [],
    environmentVariables: {},
    userMountVolumes: [],
    systemMountVolumes: [],
    registry: null,
    ...given
  })
  const outputOf = ({ id }: StepStory) => join(commands, `set_output_${id}`)
  const artifactsOf = ({ id }: StepStory) => join(commands, `artifacts_${id}`)
  return {
    work,
    workspace,
    write,
    environment: {
      ACTIONS_RUNNER_POD_NAME: RUNNER_POD,
      ACTIONS_RUNNER_KUBERNETES_NAMESPACE: NAMESPACE,
      RUNNER_WORKSPACE: dirname(workspace),
      RUNNER_TEMP: temp,
      GITHUB_WORKSPACE: workspace,
      [`${PREFIX}_REGISTRY_HOST`]: registry,
      [`${PREFIX}_REGISTRY_NODE_PORT`]: '30500',
      ...(story.pushSecret !== undefined && { [`${PREFIX}_REGISTRY_PUSH_SECRET`]: story.pushSecret }),
      [`${PREFIX}_TRACE_DIRECTORY`]: 'off'
    },
    prepareJob() {
      const { image = '', password, services = [] } = story.job ?? {}
      const system = [
        mount(work, '/__w'),
        mount(join(directory, 'externals'), '/__e', true),
        mount(temp, '/__w/_temp'),
        mount(join(work, '_actions'), '/__w/_actions'),
        mount(join(work, '_tool'), '/__w/_tool'),
        mount(join(temp, '_github_home'), '/github/home'),
        mount(join(temp, '_github_workflow'), '/github/workflow')
      ]
      const registry = password === undefined ? null : { username: 'me', password, serverUrl: PRIVATE.slice(0, -1) }
      return {
        command: 'prepare_job',
        responseFile: responseFile(),
        state: null,
        args: {
          container: container({ image, registry, workingDirectory: '/__w/repo/repo', systemMountVolumes: system }),
          services: services.map((service) => container({ image: service.image }))
        }
      }
    },
    step(step) {
      for (const path of [outputOf(step), artifactsOf(step)]) writeFileSync(path, '')
      writeFileSync(join(temp, '_github_workflow', 'event.json'), '{"action":"opened"}')
      if (step.runs === 'script') {
        writeFileSync(join(temp, `${step.id}.sh`), programOf(step))
        const environmentVariables = {
          INPUT_TOKEN: SECRET,
          HOME: '/github/home',
          GITHUB_OUTPUT: `/__w/_temp/_runner_file_commands/set_output_${step.id}`,
          GITHUB_ARTIFACTS: `/__w/_temp/_runner_file_commands/artifacts_${step.id}`
        }
        const entryPointArgs = ['-e', `/__w/_temp/${step.id}.sh`]
        const args = {
          entryPoint: 'sh',
          entryPointArgs,
          environmentVariables,
          prependPath: [],
          workingDirectory: '/__w/repo/repo'
        }
        return { command: 'run_script_step', responseFile: responseFile(), args, state }
      }
      const environmentVariables = {
        INPUT_TOKEN: SECRET,
        HOME: '/github/home',
        GITHUB_OUTPUT: `/github/file_commands/set_output_${step.id}`,
        GITHUB_ARTIFACTS: `/github/file_commands/artifacts_${step.id}`,
        [STEP_VARIABLE]: step.id
      }
      const systemMountVolumes = [
        mount(temp, '/github/runner_temp'),
        mount(join(temp, '_github_home'), '/github/home'),
        mount(join(temp, '_github_workflow'), '/github/workflow'),
        mount(commands, '/github/file_commands'),
        mount(workspace, '/github/workspace')
      ]
      const what = step.runs === 'image' ? { image: 'busybox:1' } : { dockerfile: join(action, 'Dockerfile') }
      const args = container({
        ...what,
        workingDirectory: '/github/workspace',
        environmentVariables,
        systemMountVolumes
      })
      return { command: 'run_container_step', responseFile: responseFile(), args, state }
    },
    cleanUpJob: () => ({ command: 'cleanup_job', responseFile: responseFile(), args: {}, state: null }),
    response() {
      const text = readFileSync(join(temp, '_runner_hook_responses', `${responses}.json`), 'utf8')
      const response = text === '' ? undefined : JSON.parse(text)
      state = response?.state ?? null
      return response
    },
    outputOf(step) {
      try {
        return readFileSync(outputOf(step), 'utf8')
      } finally {
        rmSync(outputOf(step), { force: true })
      }
    },
    artifactsOf(step) {
      const list = readFileSync(artifactsOf(step), 'utf8')
      rmSync(artifactsOf(step))
      const paths = list.split('\n').filter((path) => path !== '')
      return paths.map((path) => {
        const file = join(workspace, path)
        return `${path}:${existsSync(file) ? readFileSync(file, 'utf8').trimEnd() : 'is not there'}`
      })
    }
  }
}

export function runnerPodFor(directory: string, { mode }: JobStory): V1Pod {
  const volume = mode === 'copy' ? { emptyDir: {} } : { persistentVolumeClaim: { claimName: CLAIM } }
  const volumeMounts = [{ name: 'work', mountPath: join(directory, 'work') }]
  return {
    metadata: { name: RUNNER_POD, namespace: NAMESPACE, uid: '00000000-1111-2222-3333-444444444444' },
    spec: {
      nodeName: 'node-1',
      containers: [{ name: 'runner', image: RUNNER_IMAGE, volumeMounts }],
      volumes: [{ name: 'work', ...volume }]
    },
    status: { phase: 'Running' }
  }
}
