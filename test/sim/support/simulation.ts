/** One simulated cluster with one runner, and the hooks that the runner starts: opened for a story, and closed with all its programs. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V1Secret } from '@kubernetes/client-node'
import { removeDirectory } from '../../support/removed.ts'
import { createSimulatedClock, type SimulatedClock } from '../../support/simulated-clock.ts'
import { type Door, openDoor } from './api-server.ts'
import { asProcess, type HookProcess, startHook } from './hook.ts'
import { createLiving } from './job-pods.ts'
import { type JobStory, WITNESS } from './job-story.ts'
import { type Node, untilDiskHasMoved } from './kubelet.ts'
import { createProcesses, type Processes } from './processes.ts'
import { quiet } from './quiet.ts'
import { CLAIM, createRunner, type Runner, runnerPodFor } from './runner.ts'
import { createSleepers } from './sleepers.ts'
import { useClock } from './system.ts'
import { createWeather } from './weather.ts'
import { createWorld, RUNNER_POD, type World } from './world.ts'

const JITTER = 0.75
/** More than any job needs. */
const TICKS_MAX = 60_000

export interface Simulation {
  readonly clock: SimulatedClock
  readonly world: World
  readonly node: Node
  readonly runner: Runner
  /** Host and port of the registry, and of an API server that is always well. */
  readonly host: string
  /** Starts the hook for one command. */
  start(input: object): Promise<HookProcess>
  /** Runs something else as a process of its own, and lets time pass until it has ended. */
  run<T>(work: () => Promise<T>): Promise<T>
  /** Lets time pass until something has happened; rejects when it never does. */
  pass<T>(work: Promise<T>): Promise<T>
  /** Lets the disk's clock go on, so that what comes is later than what was. */
  turnPage(): Promise<void>
  /** What programs have left word of; undefined where there is none. */
  witnessed(name: string): string | undefined
  /** Names of all that is in the cluster and in the registry, but for what was there before. */
  things(): readonly string[]
  /** Method and path of every request. */
  requests(): readonly string[]
  close(): Promise<void>
}

export async function openSimulation(story: JobStory): Promise<Simulation> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-sim-'))
  const clock = createSimulatedClock(JITTER)
  useClock(clock)
  const processes = createProcesses()
  const witness = join(directory, 'witness')
  const sleepers = createSleepers(join(directory, 'clock'), clock, processes)
  const node: Node = {
    processes,
    directory: join(directory, 'node'),
    claims: { [CLAIM]: join(directory, 'work') },
    binds: [sleepers.bind, { source: witness, target: WITNESS, readOnly: false }],
    distributionOf: (image) => (image.includes('alpine') ? 'alpine' : 'debian')
  }
  for (const path of [node.directory, witness]) mkdirSync(path)
  const world = createWorld(clock, runnerPodFor(directory, story), createLiving(node, story), story.lingerMs)
  const weather = createWeather(clock, story.faults, story.outage, story.weatherMs)
  const doors: Door[] = []
  const open = async (): Promise<Door> => {
    const door = await openDoor(world, weather)
    doors.push(door)
    return door
  }
  const { host } = await open()
  const runner = createRunner(directory, story, host)
  if (story.pushSecret !== undefined) world.createSecret(loginSecret(story.pushSecret, host))
  const given = new Set(thingsIn(world))
  const activity = () => doors.reduce((sum, door) => sum + door.activity(), 0) + processes.activity()
  const pass = createTime(clock, processes, activity)
  return {
    clock,
    world,
    node,
    runner,
    host,
    start: async (input) =>
      await startHook({ clock, door: await open(), input, environment: runner.environment, directory }),
    run: async (work) => await pass(asProcess(await open(), directory, work)),
    pass,
    turnPage: () => untilDiskHasMoved(node.directory),
    witnessed: (name) => textOf(join(witness, name)),
    things: () => thingsIn(world).filter((thing) => !given.has(thing)),
    requests: () => doors.flatMap((door) => door.requests),
    async close() {
      // First: who is still asking would make pods that nobody ends.
      for (const door of doors) await door.close()
      for (const life of [...world.pods.values()]) life.end()
      sleepers.close()
      await removeDirectory(directory)
    }
  }
}

function loginSecret(name: string, host: string): V1Secret {
  const config = JSON.stringify({ auths: { [host]: { username: 'me', password: 'let me in' } } })
  const data = { '.dockerconfigjson': Buffer.from(config, 'utf8').toString('base64') }
  return { metadata: { name }, type: 'kubernetes.io/dockerconfigjson', data }
}

/** Moves time on while anybody waits for something. */
function createTime(clock: SimulatedClock, processes: Processes, activity: () => number): Simulation['pass'] {
  let waiting = 0
  let moving: Promise<void> | undefined
  const move = async () => {
    for (let tick = 0; waiting > 0; tick += 1) {
      await quiet(activity, processes.areStill)
      if (waiting === 0) break
      if (tick > TICKS_MAX) throw new Error(`not ended after ${TICKS_MAX} ticks, ${clock.now()} ms`)
      if (!clock.tick()) throw new Error('everything waits for something that never happens')
    }
    moving = undefined
  }
  return async (work) => {
    waiting += 1
    try {
      moving ??= move()
      return await Promise.race([work, moving.then(() => new Promise<never>(() => {}))])
    } finally {
      waiting -= 1
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

/** `path:line` of every file below a directory, sorted as `sort` does. */
export function listing(directory: string): string {
  const { stdout } = spawnSync('sh', ['-c', 'grep -r "" . | sort'], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 1e8
  })
  return stdout
}
