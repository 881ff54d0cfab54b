/**
 * The ahead-build machine: one action, built before a step asks for it, for build_ahead, which prepare_job starts.
 *
 *   resolving -> building -> pushing -> cleaningUp -> succeeded | failed | cancelled | stuck
 *            \-> buildingInPlace -> standing -/
 *
 * Where there is nothing to build, or a step builds it already, resolving leads to succeeded. The build pod goes, and the image
 * stays until cleanup_job; in place the pod stands, and cleaningUp leaves it to the step that has taken it. Nobody waits for this
 * machine: a step that comes meanwhile joins it or takes the pod, and builds by itself if it fails.
 */
import { buildInPlaceInput, buildInput, pushInput } from './build-inputs.ts'
import type { BuildInPlaceInput, BuildInput, PushInput, ResolveInput, StandInput } from './inputs.ts'
import { defineMachine, known, port } from './machine.ts'
import { pushStateOf } from './push-state.ts'
import type { Telling } from './repeating-stage.ts'
import type { RunContext, RunOutput } from './run.ts'
import { AHEAD_STAGES, type AheadStageName } from './stages.ts'
import type { AheadRequest, BuiltImage, BuiltInPlace, Resolution, StepRequest } from './types.ts'

interface AheadContext extends RunContext<AheadRequest, AheadStageName> {
  readonly resolution?: Resolution | undefined
  readonly built?: BuiltImage | undefined
  readonly image?: string | undefined
  readonly builtInPlace?: BuiltInPlace | undefined
}

export interface AheadOutput extends RunOutput<AheadStageName> {
  readonly image?: string | undefined
  /** Undefined when nothing was built. */
  readonly imageSource?: 'build' | undefined
}

/** The step that may ask for it, as far as it decides what is built. */
const stepOf = ({ dockerfile, mounts }: AheadRequest): StepRequest => ({
  dockerfile,
  args: [],
  env: {},
  workingDirectory: '/',
  mounts
})

/** What stands already has somebody who will take it. */
const isInPlace = ({ request }: AheadContext, { kind }: Resolution): boolean =>
  kind === 'in-place' || (kind === 'standing' && request.isAgain === true)

const { attempts, repeating, cleaningUp, machine } = defineMachine({
  id: 'ahead-build',
  stages: AHEAD_STAGES,
  types: { context: {} as AheadContext, output: {} as AheadOutput },
  actors: {
    resolve: port<ResolveInput, Resolution>(),
    build: port<BuildInput, BuiltImage>(),
    push: port<Telling<PushInput>, string>(),
    buildInPlace: port<BuildInPlaceInput, BuiltInPlace>(),
    stand: port<StandInput, void>()
  }
})

export const aheadBuild = machine({
  initial: 'resolving',
  output: ({ image }) => ({ image, imageSource: image === undefined ? undefined : 'build' }),
  states: {
    resolving: attempts('resolving', {
      actor: 'resolve',
      input: ({ request, budgets: { building, buildingInPlace } }) => ({
        request: stepOf(request),
        buildAttemptsMax: Math.max(building.attemptsMax, buildingInPlace.attemptsMax)
      }),
      onDone: (context, resolution) => ({
        resolution,
        ...(resolution.kind !== 'build' && !isInPlace(context, resolution) && { exitCode: 0 })
      }),
      done: [
        { target: 'building', when: 'to build', guard: (_context, resolution) => resolution.kind === 'build' },
        { target: 'buildingInPlace', when: 'to build in place', guard: isInPlace },
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
    buildingInPlace: attempts('buildingInPlace', {
      actor: 'buildInPlace',
      input: (context) => buildInPlaceInput(context, stepOf(context.request)),
      creates: ({ resolution }) => resolution?.creates.buildingInPlace ?? [],
      onDone: (_context, builtInPlace) => ({ builtInPlace }),
      done: [{ target: 'standing' }]
    }),
    standing: attempts('standing', {
      actor: 'stand',
      input: ({ builtInPlace }) => ({ built: known(builtInPlace, 'what was built in place') }),
      onDone: () => ({ exitCode: 0 }),
      done: [{ target: 'cleaningUp' }]
    }),
    cleaningUp: cleaningUp(['cancelled', 'failed', 'succeeded'], pushStateOf)
  }
})
