/** What is to know of each machine to run it on scripted ports: what its stages create, answer, and how it is started. */
import type { RunControl } from '../../src/effects/run/run-machine.ts'
import {
  type Observer,
  runAheadBuild,
  runContainerStep,
  runJobCleanup,
  runJobStart,
  runScriptStep
} from '../../src/effects/run/wire.ts'
import type { Ledger } from '../../src/machines/ledger.ts'
import type { Clock } from '../../src/machines/ports.ts'
import type { AnyStageName } from '../../src/machines/stages.ts'
import type { Resolution } from '../../src/machines/types.ts'
import {
  BUILT_IN_PLACE,
  containerStepModel,
  DIGEST,
  HANDED_OVER,
  PUSHED_IMAGE,
  REQUEST,
  RESOLUTIONS
} from './container-step-model.ts'
import type { History, MachineId, RunOutput } from './history.ts'
import {
  AHEAD_RESOLUTION,
  aheadBuildModel,
  aheadRequest,
  cleanupRequest,
  JOB_FACTS,
  JOB_RESOLUTION,
  JOB_THINGS,
  jobCleanupModel,
  jobRequest,
  jobStartModel,
  LEFT_IMAGES,
  LEFT_OBJECTS,
  LEFTOVERS,
  STANDING_RESOLUTION,
  scriptRequest,
  scriptStepModel
} from './job-models.ts'
import type { MachineModel } from './machine-graph.ts'
import type { Script } from './script.ts'
import { STAGES_OF } from './stages-of.ts'

type Options<Run extends (options: never) => unknown> = Parameters<Run>[0]
type Decisions = Pick<Script, 'resolution' | 'exitCode'>
type PerStage<T> = Readonly<Partial<Record<AnyStageName, T>>>

/** What starts a run of whichever machine. */
export interface StartOptions {
  readonly ports: AnyPorts
  readonly budgets: History['budgets']
  readonly observers: readonly Observer[]
  readonly onCancel: RunControl['onCancel']
}

/** The ports of whichever machine. */
export type AnyPorts = Readonly<Record<string, object>> & { readonly clock: Clock }

export interface ScriptedMachine {
  readonly id: MachineId
  readonly model: MachineModel
  readonly stages: readonly AnyStageName[]
  /** What is there as soon as a stage begins. */
  readonly creates: (script: Decisions) => PerStage<Ledger>
  /** What is gone as soon as a stage has succeeded, besides what cleaningUp is given. */
  readonly removes: PerStage<Ledger>
  /** What the calls of the stages resolve with. */
  readonly answers: (script: Decisions) => PerStage<unknown>
  readonly run: (options: StartOptions) => Promise<RunOutput>
}

/** What a build ahead comes to where a step would come to that. */
const aheadOf = (resolution: Script['resolution']): Resolution =>
  resolution === 'cached' || resolution === 'standing'
    ? RESOLUTIONS[resolution]
    : resolution === 'in-place'
      ? STANDING_RESOLUTION
      : AHEAD_RESOLUTION

const stagesOf = (id: MachineId) => Object.keys(STAGES_OF[id] ?? {}) as readonly AnyStageName[]

export const SCRIPTED: Readonly<Record<MachineId, ScriptedMachine>> = {
  'container-step': {
    id: 'container-step',
    model: containerStepModel,
    stages: stagesOf('container-step'),
    creates: ({ resolution }) => RESOLUTIONS[resolution].creates,
    removes: {},
    answers: ({ resolution, exitCode }) => ({
      resolving: RESOLUTIONS[resolution],
      joining: { image: PUSHED_IMAGE },
      building: { digest: DIGEST },
      pulling: {},
      pushing: PUSHED_IMAGE,
      taking: { inPlace: BUILT_IN_PLACE },
      buildingInPlace: BUILT_IN_PLACE,
      handingOver: HANDED_OVER,
      running: { exitCode }
    }),
    run: (options) => runContainerStep({ ...options, request: REQUEST } as unknown as Options<typeof runContainerStep>)
  },
  'job-start': {
    id: 'job-start',
    model: jobStartModel,
    stages: stagesOf('job-start'),
    creates: () => ({ placing: JOB_THINGS }),
    removes: {},
    // What else is decided by an image is decided here by what an earlier job has left.
    answers: ({ resolution }) => ({
      resolving: resolution === 'prebuilt' ? { ...JOB_RESOLUTION, leftovers: [] } : JOB_RESOLUTION,
      starting: {},
      inspecting: JOB_FACTS
    }),
    run: (options) => runJobStart({ ...options, request: jobRequest } as unknown as Options<typeof runJobStart>)
  },
  'script-step': {
    id: 'script-step',
    model: scriptStepModel,
    stages: stagesOf('script-step'),
    creates: () => ({ executing: [{ kind: 'process', name: scriptRequest.id }] }),
    removes: { executing: [{ kind: 'process', name: scriptRequest.id }] },
    answers: ({ exitCode }) => ({ executing: { exitCode } }),
    run: (options) => runScriptStep({ ...options, request: scriptRequest } as unknown as Options<typeof runScriptStep>)
  },
  'job-cleanup': {
    id: 'job-cleanup',
    model: jobCleanupModel,
    stages: stagesOf('job-cleanup'),
    // Made by others before.
    creates: () => ({ listing: [...LEFT_OBJECTS, ...LEFT_IMAGES] }),
    removes: { removingObjects: LEFT_OBJECTS, removingImages: LEFT_IMAGES },
    answers: () => ({ listing: LEFTOVERS, removingImages: LEFT_IMAGES }),
    run: (options) => runJobCleanup({ ...options, request: cleanupRequest } as unknown as Options<typeof runJobCleanup>)
  },
  'ahead-build': {
    id: 'ahead-build',
    model: aheadBuildModel,
    stages: stagesOf('ahead-build'),
    creates: ({ resolution }) => aheadOf(resolution).creates,
    removes: {},
    answers: ({ resolution }) => ({
      resolving: aheadOf(resolution),
      building: { digest: DIGEST },
      pushing: PUSHED_IMAGE,
      buildingInPlace: BUILT_IN_PLACE
    }),
    run: (options) => runAheadBuild({ ...options, request: aheadRequest } as unknown as Options<typeof runAheadBuild>)
  }
}

export const ALL_SCRIPTED: readonly ScriptedMachine[] = Object.values(SCRIPTED)
