/** What is to know of each machine to run it on scripted ports: what its stages create, answer, and how it is started. */
import type { RunControl } from '../../src/effects/run/run-machine.ts'
import { type Observer, runContainerStep, runJobStart, runScriptStep } from '../../src/effects/run/wire.ts'
import type { AnyStageName } from '../../src/machines/budgets.ts'
import type { Ledger } from '../../src/machines/ledger.ts'
import type { Clock } from '../../src/machines/ports.ts'
import { containerStepModel, DIGEST, PUSHED_IMAGE, REQUEST, RESOLUTIONS, STAGE_NAMES } from './container-step-model.ts'
import type { History, MachineId, RunOutput } from './history.ts'
import { JOB_FACTS, JOB_THINGS, jobRequest, jobStartModel, scriptRequest, scriptStepModel } from './job-models.ts'
import type { MachineModel } from './machine-graph.ts'
import type { Script } from './script.ts'

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
  /** Stages whose things are gone once they have succeeded. */
  readonly endsByItself?: readonly AnyStageName[]
  /** What the calls of the stages resolve with. */
  readonly answers: (script: Decisions) => PerStage<unknown>
  readonly run: (options: StartOptions) => Promise<RunOutput>
}

export const SCRIPTED: Readonly<Record<MachineId, ScriptedMachine>> = {
  'container-step': {
    id: 'container-step',
    model: containerStepModel,
    stages: STAGE_NAMES,
    creates: ({ resolution }) => RESOLUTIONS[resolution].creates,
    answers: ({ resolution, exitCode }) => ({
      resolving: RESOLUTIONS[resolution],
      building: { digest: DIGEST },
      pushing: PUSHED_IMAGE,
      running: { exitCode }
    }),
    run: (options) => runContainerStep({ ...options, request: REQUEST } as unknown as Options<typeof runContainerStep>)
  },
  'job-start': {
    id: 'job-start',
    model: jobStartModel,
    stages: ['resolving', 'placing', 'starting', 'inspecting', 'cleaningUp'],
    creates: () => ({ placing: JOB_THINGS }),
    answers: () => ({ resolving: JOB_THINGS, inspecting: JOB_FACTS }),
    run: (options) => runJobStart({ ...options, request: jobRequest } as unknown as Options<typeof runJobStart>)
  },
  'script-step': {
    id: 'script-step',
    model: scriptStepModel,
    stages: ['executing', 'cleaningUp'],
    creates: () => ({ executing: [{ kind: 'process', name: scriptRequest.id }] }),
    endsByItself: ['executing'],
    answers: ({ exitCode }) => ({ executing: { exitCode } }),
    run: (options) => runScriptStep({ ...options, request: scriptRequest } as unknown as Options<typeof runScriptStep>)
  }
}

export const ALL_SCRIPTED: readonly ScriptedMachine[] = Object.values(SCRIPTED)
