/** Plays a whole job: the hook's own entry, once for each command of the runner, against a simulated cluster with real shells. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { HookEnd } from './hook.ts'
import type { JobStory, StepStory } from './job-story.ts'
import { volumeOf } from './kubelet.ts'
import type { Runner } from './runner.ts'
import { listing, openSimulation, type Simulation } from './simulation.ts'
import { RUNNER_POD, type World } from './world.ts'

/** How long the cluster is watched after the last command, for what comes late. */
const AFTERMATH_MS = 30_000
/** Names of what is a step's alone. */
const IS_OF_STEP = /-(?:step|build)-/
/** What a running script has in the job container; an empty one keeps a script that was cancelled from starting. */
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
  /** The file commands that an action found, a name on each line. */
  readonly commands: string | undefined
  /** What the runner reads of GITHUB_OUTPUT. */
  readonly output: string
  /** What the runner finds of the files in GITHUB_ARTIFACTS. */
  readonly artifacts: readonly string[]
  /** Files of the workspace once the step has ended, as `path:line`. */
  readonly files: string
  /** Pods, Secrets and files of the step that are still there. */
  readonly leftOfIt: readonly string[]
}

export interface JobPlayed {
  readonly prepared?:
    | (CommandEnd & { readonly response: ReturnType<Runner['response']>; readonly left: readonly string[] })
    | undefined
  readonly steps: readonly StepEnd[]
  readonly cleaned: CommandEnd
  /** What is still in the cluster and in the registry: before cleanup_job, when it ends, and a while later. */
  readonly leftBefore: readonly string[]
  readonly leftAtEnd: readonly string[]
  readonly left: readonly string[]
  readonly requests: readonly string[]
  readonly world: World
}

const never = () => new AbortController().signal

export async function playJob(story: JobStory): Promise<JobPlayed> {
  const simulation = await openSimulation(story)
  const { clock, runner, pass, things } = simulation
  try {
    disturb(story, simulation)
    if (story.earlier) await pass((await simulation.start(runner.prepareJob())).ended)
    for (const [path, text] of Object.entries(story.earlier ?? {})) runner.write(path, text)
    await simulation.turnPage()
    const prepared = story.job && (await prepare(simulation))
    const steps: StepEnd[] = []
    if (prepared === undefined || prepared.exitCode === 0) {
      for (const together of story.steps) {
        const ends = await Promise.all(together.map((one) => playStep(story, simulation, one)))
        await simulation.turnPage()
        steps.push(...ends.map((end) => end()))
      }
    }
    const leftBefore = things()
    await pass(clock.sleep(Math.max(0, (story.weatherMs ?? 0) - clock.now()), never()))
    const cleaned = await pass((await simulation.start(runner.cleanUpJob())).ended)
    const leftAtEnd = things()
    await pass(clock.sleep(AFTERMATH_MS, never()))
    const { world, requests } = simulation
    const command = 'cleanup_job' as const
    const left = things()
    return {
      prepared,
      steps,
      cleaned: { ...cleaned, command },
      leftBefore,
      leftAtEnd,
      left,
      requests: requests(),
      world
    }
  } finally {
    await simulation.close()
  }
}

/** What others do to the cluster meanwhile. */
function disturb({ sweeps = [] }: JobStory, { clock, world, things }: Simulation): void {
  for (const { atMs, what } of sweeps) {
    void clock.sleep(atMs, never()).then(() => {
      for (const thing of things()) {
        const [kind, name = ''] = thing.split(' ')
        if (!what.test(thing)) continue
        if (kind === 'pod') world.deletePod(name, 0)
        if (kind === 'secret') world.deleteSecret(name)
      }
    })
  }
}

async function prepare(simulation: Simulation): Promise<NonNullable<JobPlayed['prepared']>> {
  const { runner, start, pass, turnPage, things } = simulation
  const end = await pass((await start(runner.prepareJob())).ended)
  await turnPage()
  return { ...end, command: 'prepare_job', response: runner.response(), left: things() }
}

async function playStep(story: JobStory, simulation: Simulation, step: StepStory): Promise<() => StepEnd> {
  const { clock, runner, start, pass, witnessed, things } = simulation
  const hook = await start(runner.step(step))
  for (const { does, atMs } of step.orders ?? []) void clock.sleep(atMs, never()).then(() => hook[does]())
  const end = await pass(hook.ended)
  return () => ({
    ...end,
    command: 'step',
    step,
    witnessed: (witnessed(step.id) ?? '').split('\n').filter((line) => line !== ''),
    seen: witnessed(`${step.id}.seen`),
    commands: witnessed(`${step.id}.commands`),
    output: runner.outputOf(step),
    artifacts: runner.artifactsOf(step),
    files: listing(inJob(story, simulation, 'repo/repo') ?? runner.workspace),
    leftOfIt: [...things().filter((thing) => isOfStep(simulation, thing)), ...scriptsLeft(simulation)]
  })
}

/** Not what is on its way out. */
function isOfStep({ world }: Simulation, thing: string): boolean {
  const pod = world.pods.get(thing.split(' ')[1] ?? '')?.pod
  return IS_OF_STEP.test(thing) && pod?.metadata?.deletionTimestamp === undefined
}

/** A directory of the job pod's own work volume; undefined where there is none. */
function inJob({ mode }: Pick<JobStory, 'mode'>, { world, node }: Simulation, path: string): string | undefined {
  const pod = world.pods.get(`${RUNNER_POD}-workflow`)?.pod
  return pod === undefined || mode === 'volume' ? undefined : join(volumeOf(node, pod, 'work'), path)
}

function scriptsLeft(simulation: Simulation): readonly string[] {
  const temp = inJob({ mode: 'copy' }, simulation, '_temp')
  return temp === undefined
    ? []
    : readdirSync(temp).filter((name) => RUN_DIRECTORY.test(name) && readdirSync(join(temp, name)).length > 0)
}
