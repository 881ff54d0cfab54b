/** The life of one simulated pod, from the scheduler to its end, as a kubelet reports it. */
import type { V1ContainerState, V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import type { Clock } from '../../../src/machines/ports.ts'
import type { Container, Program as RealProgram } from './container.ts'
import { createPodLog, type PodLog } from './pod-log.ts'
import type { Mishap, PodCourse, PodStory, Program } from './story.ts'

/** What programs have done, whatever became of their pods. */
export interface Done {
  /** What each start of an action's program has printed, whole lines. */
  readonly runs: string[][]
  /** Builds that were begun. */
  builds: number
  /** When builds came to a bad end, all pods together. */
  readonly buildsFailedAtMs: number[]
}

export interface Life {
  readonly clock: Clock
  readonly pod: V1Pod
  /** Aborted when no program of the pod runs any more. */
  readonly signal: AbortSignal
  readonly logs: ReadonlyMap<string, PodLog>
  /** Containers with a shell that are up, reported or not. */
  readonly containers: Map<string, Container>
  /** Those of them that were killed for that. */
  readonly outOfMemory: Set<string>
  /** Runs a command in a container; undefined when it is not up. */
  run(container: string, command: readonly string[]): RealProgram | undefined
  /** The log of a container that starts now. */
  openLog(container: string): PodLog
  report(container: string, change: Partial<V1ContainerStatus>, isInit?: boolean): void
  isRunning(container: string): boolean
  /** Asks the programs to end; the pod goes when they have, unless there is no kubelet left to say so. */
  terminate(afterMs: number): void
  /** Ends every program at once. */
  end(): void
  onGone(listener: () => void): void
  loseKubelet(): void
}

export function startLife(clock: Clock, pod: V1Pod): Life {
  const controller = new AbortController()
  const logs = new Map<string, PodLog>()
  const containers = new Map<string, Container>()
  let gone = () => {}
  let hasKubelet = true
  pod.status ??= { phase: 'Pending' }
  const end = () => {
    controller.abort()
    for (const log of logs.values()) log.end()
    for (const container of containers.values()) container.end()
    containers.clear()
  }
  return {
    clock,
    pod,
    signal: controller.signal,
    logs,
    containers,
    outOfMemory: new Set(),
    run: (container, command) => containers.get(container)?.run(command),
    openLog(container) {
      const log = createPodLog()
      logs.set(container, log)
      return log
    },
    report(container, change, isInit = false) {
      if (controller.signal.aborted) return
      const list = isInit ? 'initContainerStatuses' : 'containerStatuses'
      const all = pod.status?.[list] ?? []
      const known = all.find(({ name }) => name === container)
      const image = pod.spec?.[isInit ? 'initContainers' : 'containers']?.find(({ name }) => name === container)?.image
      const base = { name: container, image, imageID: '', ready: false, restartCount: 0, ...known, ...change }
      pod.status = { ...pod.status, [list]: [...all.filter((one) => one !== known), base] }
    },
    isRunning(container) {
      const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {}
      const status = [...initContainerStatuses, ...containerStatuses].find(({ name }) => name === container)
      return status?.state?.running !== undefined
    },
    terminate(afterMs) {
      const metadata = pod.metadata ?? {}
      if (metadata.deletionTimestamp !== undefined) return
      metadata.deletionTimestamp = new Date(0)
      if (!hasKubelet) return
      void clock.sleep(afterMs, new AbortController().signal).then(() => {
        end()
        gone()
      })
    },
    end,
    onGone(listener) {
      gone = listener
    },
    loseKubelet() {
      hasKubelet = false
    }
  }
}

const PULL_MS = 300
const PULL_BACK_OFF_MS = 1_000
const CREATING: V1ContainerState = { waiting: { reason: 'ContainerCreating' } }

/** Until the first container of a pod runs. */
export async function begin(life: Life, story: PodCourse, container: string, isInit: boolean): Promise<void> {
  const { clock, pod, signal } = life
  if (story.scheduledAfterMs > 0) {
    const condition = { type: 'PodScheduled', status: 'False', message: '0/1 nodes are available: 1 Insufficient cpu.' }
    pod.status = { ...pod.status, conditions: [condition] }
  }
  if (story.mishap !== undefined) void befall(life, story.mishap, container, isInit)
  await clock.sleep(story.scheduledAfterMs, signal)
  pod.status = { ...pod.status, conditions: [{ type: 'PodScheduled', status: 'True' }] }
  life.report(container, { state: CREATING }, isInit)
  if (story.withoutUserNamespaces && pod.spec?.hostUsers === false) await neverStart(life)
  for (let failures = 0; failures < story.pullFailures; failures += 1) {
    await clock.sleep(PULL_MS, signal)
    life.report(container, { state: { waiting: { reason: 'ErrImagePull', message: story.pullMessage } } }, isInit)
    await clock.sleep(PULL_MS, signal)
    const message = `Back-off pulling image: ErrImagePull: ${story.pullMessage}`
    life.report(container, { state: { waiting: { reason: 'ImagePullBackOff', message } } }, isInit)
    await clock.sleep(PULL_BACK_OFF_MS, signal)
  }
  await clock.sleep(story.startedAfterMs, signal)
}

/** A kubelet that tries in vain says nothing but this. */
async function neverStart({ pod, signal }: Life): Promise<never> {
  const conditions = [...(pod.status?.conditions ?? []), { type: 'PodReadyToStartContainers', status: 'False' }]
  pod.status = { ...pod.status, conditions }
  if (pod.spec !== undefined) pod.spec.nodeName = 'node-1'
  return await new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}

/** Runs a program to its end; `printed` collects its lines. */
export async function runProgram(
  life: Life,
  container: string,
  program: Program,
  printed: string[],
  isInit = false
): Promise<void> {
  const { clock, signal } = life
  const log = life.openLog(container)
  life.report(container, { state: { running: {} } }, isInit)
  let passedMs = 0
  for (const { atMs, text } of program.lines) {
    await clock.sleep(Math.max(0, atMs - passedMs), signal)
    passedMs = Math.max(passedMs, atMs)
    log.add({ atMs: clock.now(), text })
    printed.push(text)
  }
  await clock.sleep(Math.max(0, program.endsAfterMs - passedMs), signal)
  log.end()
}

/** A pod with the action's container alone, as in storage mode volume. */
export async function liveStepPod(life: Life, story: PodStory, done: Done): Promise<void> {
  await begin(life, story, 'job', false)
  const printed: string[] = []
  done.runs.push(printed)
  life.pod.status = { ...life.pod.status, phase: 'Running' }
  await runProgram(life, 'job', story.program, printed)
  await life.clock.sleep(story.reportedAfterMs, life.signal)
  const { exitCode } = story.program
  life.report('job', { state: { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' } } })
  life.pod.status = { ...life.pod.status, phase: exitCode === 0 ? 'Succeeded' : 'Failed' }
}

const KILLED = 137

export async function befall(life: Life, { kind, afterMs }: Mishap, container: string, isInit = false): Promise<void> {
  await life.clock.sleep(afterMs, life.signal).catch(() => {})
  const { pod } = life
  const phase = pod.status?.phase
  if (life.signal.aborted || phase === 'Succeeded' || phase === 'Failed') return
  switch (kind) {
    case 'out of memory':
      if (!life.isRunning(container)) return
      if (life.containers.has(container)) {
        // Those beside it go on.
        life.outOfMemory.add(container)
        return life.containers.get(container)?.end()
      }
      life.report(container, { state: { terminated: { exitCode: KILLED, reason: 'OOMKilled' } } }, isInit)
      pod.status = { ...pod.status, phase: 'Failed' }
      return life.end()
    case 'evicted':
      pod.status = {
        ...pod.status,
        phase: 'Failed',
        reason: 'Evicted',
        message: 'The node was low on resource: memory.'
      }
      return life.end()
    case 'node lost':
      // The taint manager deletes the pod; nobody is left to say that its programs have ended.
      life.loseKubelet()
      life.terminate(0)
      return life.end()
    case 'deleted by others':
      return life.terminate(0)
  }
}

/** A pod whose containers run until somebody removes it. */
export function beUp(life: Life): void {
  life.pod.status = { ...life.pod.status, phase: 'Running', conditions: [{ type: 'PodScheduled', status: 'True' }] }
  for (const { name } of life.pod.spec?.containers ?? []) life.report(name, { ready: true, state: { running: {} } })
}
