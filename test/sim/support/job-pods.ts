/** The lives of the pods of a simulated job: job pods, step pods and build pods, whose containers have a real shell. */
import type { V1Container } from '@kubernetes/client-node'
import { buildOf, isBuildPod, liveBuildPod } from './build-pod-life.ts'
import { type JobStory, programOf, SMOOTH, type StepStory } from './job-story.ts'
import { type Node, RUNNER_IMAGE, runCommand, runIn, start, untilDiskHasMoved } from './kubelet.ts'
import { befall, begin, type Life } from './pod-life.ts'
import type { PodCourse } from './story.ts'
import type { World } from './world.ts'

/** Of images that not everybody may pull. */
export const PRIVATE = 'private.example/'

/** Where a step's program is named, since its image cannot be. */
export const STEP_VARIABLE = 'SIMULATED_STEP'

export function createLiving(node: Node, story: JobStory): (life: Life, world: World) => Promise<void> {
  return async (life, world) => {
    const { spec, metadata } = life.pod
    if (metadata?.labels?.['runner-pod'] === undefined) return
    if (isBuildPod(life.pod)) return await liveBuild(node, world, life, story)
    const isJobPod = spec?.containers.some(({ command }) => command?.[0] === 'tail') ?? false
    if (isJobPod) await liveJobPod(node, world, life, story)
    else await liveStep(node, world, life, story)
  }
}

async function liveBuild(node: Node, world: World, life: Life, story: JobStory): Promise<void> {
  const build = buildOf(life.pod, story.builds)
  const deliver = life.pod.spec?.initContainers?.find(({ name }) => name === 'deliver')
  if (deliver !== undefined && !(await runInit(node, world, life, deliver, SMOOTH))) return
  await liveBuildPod(life, build, world.images, world.done)
}

/** An init container of the runner's image, to its end; false when that is a bad one. */
async function runInit(node: Node, world: World, life: Life, spec: V1Container, course: PodCourse): Promise<boolean> {
  await begin(life, course, spec.name, true)
  await start(node, world, life, spec)
  void life.clock.sleep(course.reportedAfterMs, life.signal).then(
    () => life.containers.has(spec.name) && life.report(spec.name, { state: { running: {} } }, true),
    () => {}
  )
  const exitCode = await runCommand(life, spec)
  life.containers.get(spec.name)?.end()
  life.containers.delete(spec.name)
  await life.clock.sleep(course.reportedAfterMs, life.signal)
  life.report(spec.name, { state: { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' } } }, true)
  if (exitCode !== 0) life.pod.status = { ...life.pod.status, phase: 'Failed' }
  return exitCode === 0
}

async function liveJobPod(node: Node, world: World, life: Life, story: JobStory): Promise<void> {
  const { pod, clock, signal } = life
  const course = story.job?.course ?? SMOOTH
  for (const spec of pod.spec?.initContainers ?? []) {
    if (!(await runInit(node, world, life, spec, course))) return
  }
  for (const spec of pod.spec?.containers ?? []) {
    if (spec.image?.startsWith(PRIVATE) && !mayPull(world, life, story.job?.password)) return refusePull(life, spec)
    const service = story.job?.services.find(({ image }) => image === spec.image)
    if (service === undefined) await start(node, world, life, spec)
    void clock
      .sleep(Math.max(course.reportedAfterMs, service?.readyAfterMs ?? 0), signal)
      .then(() => life.report(spec.name, { state: { running: {} }, ready: true }))
      .catch(() => {})
  }
  pod.status = { ...pod.status, phase: 'Running', podIP: '10.0.0.7' }
}

function mayPull({ secrets }: World, { pod }: Life, password: string | undefined): boolean {
  const configs = (pod.spec?.imagePullSecrets ?? []).map(
    ({ name }) => secrets.get(name ?? '')?.data?.['.dockerconfigjson']
  )
  const text = configs.map((config) => Buffer.from(config ?? '', 'base64').toString('utf8')).join()
  return password !== undefined && text.includes(JSON.stringify(password))
}

function refusePull(life: Life, { name, image }: V1Container): void {
  const message = `failed to pull ${image}: unexpected status: 401 Unauthorized`
  life.report(name, { state: { waiting: { reason: 'ErrImagePull', message } } })
}

async function liveStep(node: Node, world: World, life: Life, story: JobStory): Promise<void> {
  const { pod, clock, signal } = life
  const files = pod.spec?.containers.find(({ name }) => name === 'files')
  const action = pod.spec?.containers.find(({ name }) => name === 'job') as V1Container
  const { step, course } = await stepOf(world, life, action, story)
  const { mishap } = course
  if (mishap !== undefined) void befall(life, mishap, action.name)
  await begin(life, { ...course, mishap: undefined }, files?.name ?? action.name, false)
  if (files !== undefined) {
    if (files.image !== RUNNER_IMAGE) throw new Error(`files are moved by ${files.image}`)
    await start(node, world, life, files)
    const hook = life.run(files.name, files.lifecycle?.postStart?.exec?.command ?? [])
    hook?.stdin.end()
    await hook?.ended
    life.report(files.name, { state: { running: {} }, ready: true })
  }
  await untilDiskHasMoved(node.directory)
  await start(node, world, life, action)
  life.report(action.name, { state: { running: {} } })
  pod.status = { ...pod.status, phase: 'Running' }
  const exitCode = await runIn(life, action.name, ['sh', '-c', programOf(step)])
  life.containers.get(action.name)?.end()
  life.containers.delete(action.name)
  await clock.sleep(course.reportedAfterMs, signal)
  const reason = life.outOfMemory.has(action.name) ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error'
  life.report(action.name, { state: { terminated: { exitCode, reason } } })
  if (files === undefined) pod.status = { ...pod.status, phase: exitCode === 0 ? 'Succeeded' : 'Failed' }
}

/** How often a kubelet looks for a Secret that is not there yet. */
const SECRET_POLL_MS = 100

async function stepOf(
  { secrets, clock }: World,
  { signal }: Life,
  { env = [] }: V1Container,
  { steps }: JobStory
): Promise<{ step: StepStory; course: PodCourse }> {
  const { name = '', key = '' } = env.find((one) => one.name === STEP_VARIABLE)?.valueFrom?.secretKeyRef ?? {}
  while (!secrets.has(name)) await clock.sleep(SECRET_POLL_MS, signal)
  const id = Buffer.from(secrets.get(name)?.data?.[key] ?? '', 'base64').toString('utf8')
  const step = steps.flat().find((one) => one.id === id)
  if (step === undefined) throw new Error(`no story for the step '${id}'`)
  return { step, course: step.course ?? SMOOTH }
}
