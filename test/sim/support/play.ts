/** Plays one scenario: the real Kubernetes effects and the real machine against a simulated cluster, on a simulated clock. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKubernetesPorts } from '../../../src/effects/kubernetes/container-step/backend.ts'
import type { KubernetesOptions } from '../../../src/effects/kubernetes/context/options.ts'
import { createReporter, type Reporter } from '../../../src/effects/log/reporter.ts'
import { runContainerStep } from '../../../src/effects/run/wire.ts'
import type { StepOutput } from '../../../src/machines/container-step.ts'
import type { StepPorts } from '../../../src/machines/ports.ts'
import { BUDGETS } from '../../../src/machines/stages.ts'
import type { StepRequest } from '../../../src/machines/types.ts'
import { cleanUpJob } from '../../support/clean-up-job.ts'
import { type History, record } from '../../support/history.ts'
import { createSimulatedClock, type SimulatedClock } from '../../support/simulated-clock.ts'
import { startAhead } from './ahead.ts'
import { type Door, openDoor } from './api-server.ts'
import { buildOf, isBuildPod, liveBuildPod, liveTrialPod } from './build-pod-life.ts'
import { jobPodFor, kubeconfig, layOut, optionsFor, runnerPodFor, SECRET } from './lay-out.ts'
import './load.ts'
import { removeDirectory } from '../../support/removed.ts'
import { mortal } from './mortal.ts'
import { beUp, liveStepPod } from './pod-life.ts'
import { quiet } from './quiet.ts'
import type { Scenario } from './story.ts'
import { useClock } from './system.ts'
import { createWeather, FAIR } from './weather.ts'
import { createWorld, JOB_POD, RUNNER_POD, type World } from './world.ts'

const JITTER = 0.75
/** More than any scenario needs. */
const TICKS_MAX = 30_000
/** How long the cluster is watched after the hook has ended, for what comes late. */
const AFTERMATH_MS = 30_000

/** What one scenario led to. */
export interface Played {
  /** Undefined when the hook was killed: nobody is left to tell it. */
  readonly history: History | undefined
  readonly world: World
  /** What the hook showed of each build and of the action, byte by byte. */
  readonly shownBuilds: readonly string[]
  readonly shownRun: string
  /** Everything the hook wrote into the step's log. */
  readonly log: string
  readonly requests: readonly string[]
  readonly left: readonly string[]
  /** How cleanup_job failed, when the hook was killed and it did. */
  readonly cleanUpFailure: unknown
}

const never = new AbortController().signal

/** How the hook comes by its ports. */
export type PortsMaker = (make: () => StepPorts) => StepPorts

export async function play(scenario: Scenario, portsFrom: PortsMaker = (make) => make()): Promise<Played> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-sim-'))
  const clock = createSimulatedClock(JITTER)
  useClock(clock)
  const world = createWorld(clock, runnerPodFor(directory), async (life, { images, done }) => {
    if (life.pod.metadata?.name === JOB_POD) beUp(life)
    else if (life.pod.metadata?.name?.endsWith('-trial')) await liveTrialPod(life, buildOf(life.pod, scenario.builds))
    else if (isBuildPod(life.pod)) await liveBuildPod(life, buildOf(life.pod, scenario.builds), images, done)
    else await liveStepPod(life, scenario.step, done)
  })
  const weather = createWeather(clock, scenario.faults, scenario.outage)
  const usualKubeconfig = process.env.KUBECONFIG
  process.env.KUBECONFIG = join(directory, 'kubeconfig')
  const doors: Door[] = []
  try {
    const request = await layOut(directory, scenario)
    const open = async (isFaulty: boolean): Promise<KubernetesOptions> => {
      const door = await openDoor(world, isFaulty ? weather : FAIR)
      doors.push(door)
      await writeFile(process.env.KUBECONFIG ?? '', kubeconfig(door.host))
      return { ...optionsFor(directory, door.host), ...(scenario.ahead && { jobPod: JOB_POD }) }
    }
    const activity = () => doors.reduce((sum, door) => sum + door.activity(), 0)
    const options = await open(true)
    const ahead = scenario.ahead && startAhead(options, request, { clock, randomHex }, scenario.ahead)
    if (scenario.ahead !== undefined) {
      world.createPod(jobPodFor(directory))
      await untilEnded(clock, activity, clock.sleep(scenario.ahead.headStartMs, never))
    }
    const hook = startHook(options, request, clock, scenario, portsFrom)
    const result = await untilEnded(clock, activity, hook.ended, hook.killed)
    const endedAtMs = clock.now()
    let cleanUpFailure: unknown
    if (result === 'stopped' || ahead !== undefined) {
      if (result === 'stopped') await doors[0]?.close()
      const deps = { clock, reporter: createReporter(() => {}), randomHex }
      const cleaning = cleanUpJob(await open(false), deps).then(({ failure }) => {
        cleanUpFailure = failure
      })
      await untilEnded(clock, activity, cleaning)
    }
    if (ahead !== undefined) await untilEnded(clock, activity, ahead.ended, ahead.killed)
    await untilEnded(clock, activity, clock.sleep(AFTERMATH_MS, never))
    const left = thingsIn(world, doors[0]?.host ?? '')
    const requests = doors.flatMap((door) => door.requests)
    return {
      history: result === 'stopped' ? undefined : hook.history(result, result.endedAtMs ?? endedAtMs, left),
      world,
      ...hook.shown(),
      requests,
      left,
      cleanUpFailure
    }
  } finally {
    for (const door of doors) await door.close()
    if (usualKubeconfig === undefined) delete process.env.KUBECONFIG
    else process.env.KUBECONFIG = usualKubeconfig
    await removeDirectory(directory)
  }
}

/** Moves time on until `work` has ended or `stop` has; rejects as `work` does, or when nothing can happen any more. */
async function untilEnded<T>(
  clock: SimulatedClock,
  activity: () => number,
  work: Promise<T>,
  stop?: Promise<void>
): Promise<T | 'stopped'> {
  let end: { readonly value: T | 'stopped' } | { readonly error: unknown } | undefined
  work.then(
    (value) => {
      end ??= { value }
    },
    (error) => {
      end ??= { error }
    }
  )
  void stop?.then(() => {
    end ??= { value: 'stopped' }
  })
  for (let tick = 0; ; tick += 1) {
    await quiet(activity)
    if (end !== undefined) {
      if ('error' in end) throw end.error
      return end.value
    }
    if (tick > TICKS_MAX) throw new Error(`not ended after ${TICKS_MAX} ticks, ${clock.now()} ms`)
    if (!clock.tick()) throw new Error('everything waits for something that never happens')
  }
}

interface Ended {
  readonly output: StepOutput
  readonly endedAtMs: number
}

/** The hook's process for one step, as far as a process can be one here. */
function startHook(
  options: KubernetesOptions,
  request: StepRequest,
  clock: SimulatedClock,
  scenario: Scenario,
  portsFrom: PortsMaker
) {
  let isDead = false
  const shown = showing()
  const make = () =>
    createKubernetesPorts(options, { clock: mortal(clock, () => isDead), reporter: shown.reporter, randomHex })
  const recording = record('container-step', portsFrom(make))
  const cancelsAtMs: number[] = []
  let cancel = () => {}
  let hasEnded = false
  let kill = () => {}
  const killed = new Promise<void>((resolve) => {
    kill = resolve
  })
  for (const { does, atMs } of scenario.orders) {
    void clock.sleep(atMs, never).then(() => {
      if (hasEnded) return
      if (does === 'kill') {
        isDead = true
        kill()
      } else {
        cancelsAtMs.push(clock.now())
        cancel()
      }
    })
  }
  const ended = runContainerStep({
    request,
    ports: recording.ports,
    budgets: BUDGETS,
    observers: [recording.observer],
    onCancel(listener) {
      cancel = listener
      return () => {
        cancel = () => {}
      }
    }
  }).then((output): Ended => {
    hasEnded = true
    return { output, endedAtMs: clock.now() }
  })
  const history = ({ output }: Ended, endedAtMs: number, left: readonly string[]): History => {
    const ledger = recording.calls.findLast((call) => call.stage === 'cleaningUp')?.ledger ?? []
    const removedAgain = left.filter((name) => ledger.includes(name))
    const { calls, facts } = recording
    const machine = 'container-step'
    return {
      machine,
      calls,
      facts,
      budgets: BUDGETS,
      cancelsAtMs,
      endedAtMs,
      output,
      left,
      removedAgain,
      secrets: [SECRET]
    }
  }
  return { ended, killed, history, shown: shown.result }
}

/** A reporter, and what it was given to show, the builds and the action apart. */
function showing() {
  let log = ''
  const builds: string[] = []
  let run = ''
  const plain = createReporter((data) => {
    log += Buffer.from(data).toString('utf8')
  })
  const reporter: Reporter = {
    ...plain,
    group(title) {
      builds.push('')
      plain.group(title)
    },
    foreign(chunk) {
      builds.push(`${builds.pop()}${Buffer.from(chunk).toString('utf8')}`)
      plain.foreign(chunk)
    },
    output(chunk) {
      run += Buffer.from(chunk).toString('utf8')
      plain.output(chunk)
    }
  }
  return { reporter, result: () => ({ log, shownBuilds: builds, shownRun: run }) }
}

/** Everything that is in the cluster and in the registry, by the names that a ledger has for it. */
function thingsIn({ pods, secrets, images }: World, host: string): string[] {
  return [
    ...[...pods]
      .filter(([name]) => name !== RUNNER_POD)
      .map(([name, { pod }]) => `${isBuildPod(pod) ? 'build-pod' : 'pod'} ${name}`),
    ...[...secrets.keys()].map((name) => `secret ${name}`),
    ...[...images.keys()].map((name) => `image ${host}/${name}`)
  ]
}

let hexDigits = 0
const randomHex = (length: number): string => {
  hexDigits += 1
  return hexDigits.toString(16).padStart(length, '0').slice(-length)
}
