/**
 * The ahead-build machine: the image of one action, built before a step asks for it, for build_ahead, which prepare_job starts.
 *
 *   resolving -> building -> pushing -> cleaningUp -> succeeded | failed | cancelled | stuck
 *
 * Where there is nothing to build, or a step builds it already, resolving leads to succeeded. The build pod goes, and the image
 * stays until cleanup_job. Nobody waits for this machine: a step that comes meanwhile joins, and builds by itself if it fails.
 */
import { buildInput, pushInput } from './build-inputs.ts'
import type { BuildInput, PushInput, ResolveInput } from './inputs.ts'
import { defineMachine, port } from './machine.ts'
import { pushStateOf } from './push-state.ts'
import type { Telling } from './repeating-stage.ts'
import type { RunContext, RunOutput } from './run.ts'
import { AHEAD_STAGES, type AheadStageName } from './stages.ts'
import type { AheadRequest, BuiltImage, Resolution, StepRequest } from './types.ts'

interface AheadContext extends RunContext<AheadRequest, AheadStageName> {
  readonly resolution?: Resolution | undefined
  readonly built?: BuiltImage | undefined
  readonly image?: string | undefined
}

export interface AheadOutput extends RunOutput<AheadStageName> {
  readonly image?: string | undefined
  /** Undefined when nothing was built. */
  readonly imageSource?: 'build' | undefined
}

/** The step that may ask for it, as far as it decides what is built. */
const stepOf = ({ dockerfile }: AheadRequest): StepRequest => ({
  dockerfile,
  args: [],
  env: {},
  workingDirectory: '/',
  mounts: []
})

const { attempts, repeating, cleaningUp, machine } = defineMachine({
  id: 'ahead-build',
  stages: AHEAD_STAGES,
  types: { context: {} as AheadContext, output: {} as AheadOutput },
  actors: {
    resolve: port<ResolveInput, Resolution>(),
    build: port<BuildInput, BuiltImage>(),
    push: port<Telling<PushInput>, string>()
  }
})

export const aheadBuild = machine({
  initial: 'resolving',
  output: ({ image }) => ({ image, imageSource: image === undefined ? undefined : 'build' }),
  states: {
    resolving: attempts('resolving', {
      actor: 'resolve',
      input: ({ request, budgets }) => ({ request: stepOf(request), buildAttemptsMax: budgets.building.attemptsMax }),
      onDone: (_context, resolution) => ({ resolution, ...(resolution.kind !== 'build' && { exitCode: 0 }) }),
      done: [
        { target: 'building', when: 'to build', guard: (_context, resolution) => resolution.kind === 'build' },
        { target: 'succeeded', when: 'built already, or being built' }
      ]
    }),
    building: attempts('building', {
      actor: 'build',
      input: buildInput,
      creates: ({ resolution }) => resolution?.creates.building ?? [],
      onDone: (_context, built) => ({ built }),
      done: [{ target: 'pushing' }]
    }),
    pushing: repeating('pushing', {
      actor: 'push',
      input: pushInput,
      onDone: (_context, image) => ({ image, exitCode: 0 }),
      done: [{ target: 'cleaningUp' }]
    }),
    cleaningUp: cleaningUp(['cancelled', 'failed', 'succeeded'], pushStateOf)
  }
})
