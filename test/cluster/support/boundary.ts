/** What tests of the boundary start with: the four places a step can be in, and files beyond it that nobody may touch. */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { runCleanupJob } from './hook.ts'
import { IMAGES } from './images.ts'
import { inJob, prepareJob } from './job.ts'
import { errorsOf, objectsLeft } from './leftovers.ts'
import type { Finished } from './process.ts'
import type { ContainerAction } from './protocol.ts'
import { createRunnerPod, HOME, mustExec, type RunnerPod, STORAGE_MODES, TEMP, WORK, WORKSPACE } from './runner-pod.ts'
import { createTestNamespace, type TestNamespace } from './test-namespace.ts'

/** Where the files of a step are. */
export interface Place {
  readonly mode: RunnerPod['mode']
  readonly job: 'with a job container' | 'without a job container'
}

export const PLACES: readonly Place[] = STORAGE_MODES.flatMap((mode) => [
  { mode, job: 'without a job container' } as const,
  { mode, job: 'with a job container' } as const
])

/** On the runner's own disk, beyond the work directory. */
export const OUTSIDE = `${HOME}/outside`
/** In the work directory, and shown to no step: an action that another step runs. */
export const VICTIM = `${WORK}/_actions/owner/victim/v1`
/** A line of every file there. */
export const SECRET = 'only-the-runner-may-read-this'
/** What the runner itself may read, as well. */
export const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'
/** Names in both directories. */
const FILES = ['file', 'x', 'keep', 'directory/index.js']
const FILE_COMMANDS = `${TEMP}/_runner_file_commands`

export interface Boundary {
  readonly pod: RunnerPod
  /** Runs a script in the workspace, wherever it is between the steps; what fails there is an error. */
  inWorkspace(script: string): Promise<string>
  /** Everything beyond the boundary: listing, kinds, modes, times, link targets, contents. */
  beyond(): Promise<string>
  /** What the disks hold that files come back to. */
  usedBytes(): Promise<number>
}

/** Makes a place for the tests of this `describe`, and fails each of them that touches what is beyond it or leaves something behind. */
export function useBoundary({ mode, job }: Place): () => Boundary {
  const hasJob = job === 'with a job container'
  let namespace: TestNamespace | undefined
  let boundary: Boundary | undefined
  let before = ''
  const current = () => {
    if (boundary === undefined) throw new Error('the boundary exists only while tests run')
    return boundary
  }
  beforeAll(async () => {
    namespace = await createTestNamespace()
    const pod = await createRunnerPod(namespace.name, mode)
    boundary = createBoundary(pod, hasJob)
    await mustExec(pod.exec, ['sh', '-ec', plant(OUTSIDE, VICTIM)])
    if (!hasJob) return
    const { exitCode, stdout } = await prepareJob(pod, { container: { image: IMAGES.debian } })
    expect(exitCode, stdout).toBe(0)
  })
  beforeEach(async () => {
    const { pod, beyond } = current()
    await Promise.all([
      mustExec(pod.exec, ['sh', '-ec', `${restore(TEMP)}; ${plant(OUTSIDE, VICTIM)}`]),
      isElsewhere(mode, hasJob) && mustInJob(pod, `${restore(inContainer(TEMP))}; ${plant(inContainer(VICTIM))}`)
    ])
    before = await beyond()
  })
  afterEach(async () => {
    const [after, left] = await Promise.all([current().beyond(), objectsLeft(current().pod)])
    expect(after, 'what is beyond the boundary').toBe(before)
    // A job remembers the images it has built.
    const isMemory = (object: string) => hasJob && /^Secret \S+-image-[0-9a-f]{24}$/.test(object)
    const kept = hasJob ? [`Pod ${current().pod.name}-workflow`] : []
    expect(left.filter((object) => !isMemory(object))).toEqual(kept)
  })
  afterAll(async () => {
    if (boundary !== undefined) {
      if (hasJob) await runCleanupJob(boundary.pod)
      await boundary.pod.remove()
    }
    await namespace?.remove()
  })
  return current
}

/** In copy mode the files of a job with a job container are in its pod. */
const isElsewhere = (mode: Place['mode'], hasJob: boolean) => mode === 'copy' && hasJob

const inContainer = (path: string) => path.replace(WORK, '/__w')

function createBoundary(pod: RunnerPod, hasJob: boolean): Boundary {
  const onRunner = async (script: string) => (await mustExec(pod.exec, ['sh', '-ec', script])).stdout
  const inside = isElsewhere(pod.mode, hasJob) ? async (script: string) => await mustInJob(pod, script) : undefined
  return {
    pod,
    async inWorkspace(script) {
      return await (inside ?? onRunner)(`cd ${inside === undefined ? WORKSPACE : inContainer(WORKSPACE)}; ${script}`)
    },
    async beyond() {
      const seen = await Promise.all([onRunner(look(OUTSIDE, VICTIM)), inside?.(look(inContainer(VICTIM)))])
      return seen.join('\n')
    },
    async usedBytes() {
      const used = await Promise.all([onRunner(diskUsage(WORK)), inside?.(diskUsage(inContainer(WORKSPACE)))])
      return used.reduce((sum, text) => sum + Number.parseInt(text ?? '0', 10), 0)
    }
  }
}

/** What belongs to others may not be readable. */
const diskUsage = (directory: string) => `du -s --block-size=1 ${directory} 2>/dev/null || true`

async function mustInJob(pod: RunnerPod, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await inJob(pod, `set -e; ${script}`)
  if (exitCode !== 0) throw new Error(`${script} exited with ${exitCode} in the job container: ${stdout}${stderr}`)
  return stdout
}

/** Anew, since an earlier attempt at a test may have done its damage already. */
const plant = (...directories: readonly string[]): string =>
  directories
    .flatMap((directory) => [
      `rm -rf ${directory}; mkdir -p ${directory}/directory; cd ${directory}; umask 027`,
      `for f in ${FILES.join(' ')}; do echo "${SECRET} $f [" >$f; chmod 640 $f; touch -d @1500000000 $f; done`,
      'chmod 750 . directory'
    ])
    .join('; ')

/** The time of a change of status is what no program can set back. */
const look = (...directories: readonly string[]): string =>
  `find ${directories.join(' ')} -printf '%p %y %m %U %s %T@ %C@ %l\\n' -type f -exec sha256sum {} +`

/** The runner's own directories, should a test have put something in their place, and no file commands. */
const restore = (temp: string): string =>
  ['_github_home', '_github_workflow', '_runner_file_commands', '_runner_hook_responses']
    .map((name) => `${temp}/${name}`)
    .map((path) => `[ ! -L ${path} ] || rm ${path}; mkdir -p ${path}`)
    .concat(`find ${temp}/_runner_file_commands/ -mindepth 1 -delete || true`)
    .join('; ')

/** A container action that runs a program of the shell as root. */
export const attack = (...commands: readonly string[]): ContainerAction => ({
  image: IMAGES.debian,
  entryPoint: '/bin/sh',
  args: ['-ec', commands.join('; ')]
})

/** What is in the directory of the file commands and is no plain file. */
export async function oddFileCommands(pod: RunnerPod): Promise<string> {
  const { stdout } = await mustExec(pod.exec, ['find', `${FILE_COMMANDS}/`, '-mindepth', '1', '!', '-type', 'f'])
  return stdout
}

/** What the runner gets when it reads all file commands, links followed, as it does after a step. */
export async function readFileCommands(pod: RunnerPod): Promise<string> {
  const each = `for f in ${FILE_COMMANDS}/*; do timeout 5 cat "$f" || [ $? != 124 ] || echo "$f blocks"; done`
  return (await pod.exec(['sh', '-c', each])).stdout
}

/** A text has nothing of what only the runner may read. The token itself is not shown when it does. */
export async function expectNothingOfRunner(pod: RunnerPod, text: string): Promise<void> {
  const { stdout: token } = await mustExec(pod.exec, ['cat', TOKEN])
  const shown = 'the-token-itself'
  expect(text.replaceAll(token, shown)).not.toMatch(new RegExp(`${SECRET}|${shown}`))
}

/** Warnings and errors of a run. */
export const complaintsOf = (run: Finished): string[] =>
  run.lines.map(({ text }) => text).filter((text) => /^::(warning|error)/.test(text))

/** A step that is refused says so in one line. */
export function expectRefused(run: Finished): void {
  expect(run.exitCode, run.stdout).not.toBe(0)
  expect(errorsOf(run), run.stdout).toHaveLength(1)
}
