/** Plays a whole job: the hook's own entry, once for each command of the runner, against a simulated cluster with real shells. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSimulatedClock, type SimulatedClock } from '../../support/simulated-clock.ts'
import { type Door, openDoor } from './api-server.ts'
import { type HookEnd, type HookProcess, startHook } from './hook.ts'
import { createLiving } from './job-pods.ts'
import { type JobStory, type StepStory, WITNESS } from './job-story.ts'
import { type Node, untilDiskHasMoved, volumeOf } from './kubelet.ts'
import { createProcesses, type Processes } from './processes.ts'
import { quiet } from './quiet.ts'
import { CLAIM, createRunner, type Runner, runnerPodFor } from './runner.ts'
import { createSleepers } from './sleepers.ts'
import { useClock } from './system.ts'
import { createWeather, FAIR } from './weather.ts'
import { createWorld, RUNNER_POD, type World } from './world.ts'

const JITTER = 0.75
/** More than any job needs. */
const TICKS_MAX = 60_000
/** How long the cluster is watched after the last command, for what comes late. */
const AFTERMATH_MS = 30_000

/** Names of what is a step's alone. */
const IS_OF_STEP = /-(?:step|build)-/
/** What a running script has in the job container. */
const RUN_DIRECTORY = /^\.slipway-[0-9a-f]{16}/

/** What one command led to. */
export interface CommandEnd extends HookEnd {
  readonly command: 'prepare_job' | 'step' | 'cleanup_job'
  readonly step?: StepStory | undefined
}

export interface StepEnd extends CommandEnd {
  readonly step: StepStory
  /** Lines of the witness: `started`, `ended`. */
  readonly witnessed: readonly string[]
  /** Files that the program found, as `path:line`; undefined when it did not get that far. */
  readonly seen: string | undefined
  /** What the runner reads of GITHUB_OUTPUT. */
  readonly output: string
  /** Files of the workspace once the step has ended, as `path:line`. */
  readonly files: string
  /** Pods, Secrets and files of the step that are still there. */
  readonly leftOfIt: readonly string[]
}

export interface JobPlayed {
  readonly prepared?: (CommandEnd & { readonly response: ReturnType<Runner['response']> }) | undefined
  readonly steps: readonly StepEnd[]
  readonly cleaned: CommandEnd
  /** What is still in the cluster and in the registry, when cleanup_job ends and a while later. */
  readonly leftAtEnd: readonly string[]
  readonly left: readonly string[]
  readonly requests: readonly string[]
  readonly world: World
}

export async function playJob(story: JobStory): Promise<JobPlayed> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-sim-'))
  const clock = createSimulatedClock(JITTER)
  useClock(clock)
  const processes = createProcesses()
  const nodeDirectory = join(directory, 'node')
  const witness = join(directory, 'witness')
  for (const path of [nodeDirectory, witness]) mkdirSync(path)
  const sleepers = createSleepers(join(directory, 'clock'), clock, processes)
  const node: Node = {
    processes,
    directory: nodeDirectory,
    claims: { [CLAIM]: join(directory, 'work') },
    binds: [sleepers.bind, { source: witness, target: WITNESS, readOnly: false }],
    distributionOf: (image) => (image.includes('alpine') ? 'alpine' : 'debian')
  }
  const weather = createWeather(clock, story.faults, story.outage)
  const doors: Door[] = []
  const living = createLiving(node, story)
  const world = createWorld(clock, runnerPodFor(directory, story), living)
  try {
    const registry = await openDoor(world, weather)
    doors.push(registry)
    const own = createRunner(directory, story, registry.host)
    const activity = () => doors.reduce((sum, door) => sum + door.activity(), 0) + processes.activity()
    const time = createTime(clock, processes, activity)
    const call = async (input: object, isFaulty = true): Promise<HookProcess> => {
      const door = await openDoor(world, isFaulty ? weather : FAIR)
      doors.push(door)
      return await startHook({ clock, door, input, environment: own.environment, directory })
    }
    const prepare = async () => {
      const hook = await call(own.prepareJob())
      const end = await time.pass(hook.ended)
      await untilDiskHasMoved(nodeDirectory)
      return { ...end, command: 'prepare_job' as const, response: own.response() }
    }
    const workspaceNow = () => {
      const pod = world.pods.get(`${RUNNER_POD}-workflow`)?.pod
      const isInPod = pod !== undefined && story.mode === 'copy'
      return listing(isInPod ? join(volumeOf(node, pod, 'work'), 'repo', 'repo') : own.workspace)
    }
    const scriptsLeft = () => {
      const pod = world.pods.get(`${RUNNER_POD}-workflow`)?.pod
      const temp = pod && join(volumeOf(node, pod, 'work'), '_temp')
      return temp === undefined ? [] : readdirSync(temp).filter((name) => RUN_DIRECTORY.test(name))
    }
    const step = async (one: StepStory): Promise<() => StepEnd> => {
      const hook = await call(own.step(one))
      for (const { does, atMs } of one.orders ?? []) {
        void clock.sleep(atMs, new AbortController().signal).then(() => hook[does]())
      }
      const end = await time.pass(hook.ended)
      return () => ({
        ...end,
        command: 'step',
        step: one,
        witnessed: linesOf(join(witness, one.id)),
        seen: textOf(join(witness, `${one.id}.seen`)),
        output: own.outputOf(one),
        files: workspaceNow(),
        leftOfIt: [...thingsIn(world).filter((thing) => IS_OF_STEP.test(thing)), ...scriptsLeft()]
      })
    }
    const prepared = story.job && (await prepare())
    const steps: StepEnd[] = []
    if (prepared === undefined || prepared.exitCode === 0) {
      for (const together of story.steps) {
        const ends = await Promise.all(together.map(step))
        await untilDiskHasMoved(nodeDirectory)
        steps.push(...ends.map((end) => end()))
      }
    }
    const cleaned = await time.pass((await call(own.cleanUpJob())).ended)
    const leftAtEnd = thingsIn(world)
    await time.pass(clock.sleep(AFTERMATH_MS, new AbortController().signal))
    return {
      prepared,
      steps,
      cleaned: { ...cleaned, command: 'cleanup_job' },
      leftAtEnd,
      left: thingsIn(world),
      requests: doors.flatMap((door) => door.requests),
      world
    }
  } finally {
    for (const { end } of [...world.pods.values()]) end()
    for (const door of doors) await door.close()
    sleepers.close()
    await rm(directory, { recursive: true, force: true })
  }
}

/** Moves time on while anybody waits for something. */
function createTime(clock: SimulatedClock, processes: Processes, activity: () => number) {
  let waiting = 0
  let moving: Promise<void> | undefined
  let failure: unknown
  const move = async () => {
    for (let tick = 0; waiting > 0; tick += 1) {
      await quiet(activity, processes.areStill)
      if (waiting === 0) break
      if (tick > TICKS_MAX) throw new Error(`not ended after ${TICKS_MAX} ticks, ${clock.now()} ms`)
      if (!clock.tick()) throw new Error('everything waits for something that never happens')
    }
    moving = undefined
  }
  return {
    async pass<T>(work: Promise<T>): Promise<T> {
      waiting += 1
      try {
        moving ??= move()
        const stuck = moving.then(() => new Promise<never>(() => {}))
        return await Promise.race([work, stuck])
      } catch (error) {
        failure ??= error
        throw failure
      } finally {
        waiting -= 1
      }
    }
  }
}

function thingsIn({ pods, secrets, images }: World): string[] {
  return [
    ...[...pods.keys()].filter((name) => name !== RUNNER_POD).map((name) => `pod ${name}`),
    ...[...secrets.keys()].map((name) => `secret ${name}`),
    ...[...images.keys()].map((name) => `image ${name}`)
  ]
}

/** Undefined when there is no such file. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const linesOf = (path: string): string[] => (textOf(path) ?? '').split('\n').filter((line) => line !== '')

/** `path:line` of every file below a directory, sorted as `sort` does. */
function listing(directory: string): string {
  const { stdout } = spawnSync('sh', ['-c', 'grep -r "" . | sort'], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 1e8
  })
  return stdout
}
