/**
 * The container-step machine: everything that happens to one container action, for the hook, the local engine, the
 * visualizer and the model suite.
 *
 *   resolving -> building -> pushing -> pulling -> running -> collecting -> cleaningUp -> succeeded | failed | cancelled | stuck
 *             \-> buildingInPlace -> handingOver -/
 *
 * A prebuilt or already built image goes from resolving to pulling. What is being built ahead is joined, or taken where it is built in
 * place; joining leads to building, and taking to buildingInPlace, where nothing will come of it, whatever the reason. Other failures and CANCEL go to cleaningUp from wherever
 * they happen, except that whatever running ends with, collecting follows. Pure: the ports are provided by effects/run/wire.
 */
import { buildInPlaceInput, buildInput, planOf, pushInput, resolutionOf, sourceOf } from './build-inputs.ts'
import type {
  ActionInput,
  BuildInPlaceInput,
  BuildInput,
  CollectInput,
  HandOverInput,
  ImageInput,
  JoinInput,
  PushInput,
  ResolveInput,
  StepInput,
  TakeInput
} from './inputs.ts'
import { defineMachine, known, port } from './machine.ts'
import { pushStateOf } from './push-state.ts'
import type { Telling } from './repeating-stage.ts'
import type { RunContext, RunOutput } from './run.ts'
import { STEP_STAGES, type StageName } from './stages.ts'
import type {
  BuiltImage,
  BuiltInPlace,
  CopiedIn,
  HandedOver,
  InPlace,
  Joined,
  Resolution,
  RunResult,
  StepRequest,
  Taken
} from './types.ts'

export interface StepContext extends RunContext<StepRequest, StageName> {
  readonly resolution?: Resolution | undefined
  readonly built?: BuiltImage | undefined
  /** What to run: a reference by digest when we built it. */
  readonly image?: string | undefined
  readonly builtInPlace?: BuiltInPlace | undefined
  readonly inPlace?: InPlace | undefined
  readonly copiedIn?: CopiedIn | undefined
}

export interface StepOutput extends RunOutput<StageName> {
  readonly image?: string | undefined
  /** Where the image comes from; undefined when that was not decided. */
  readonly imageSource?: Resolution['kind'] | undefined
}

const joinInput = (context: StepContext): JoinInput => {
  const { resolution } = context
  return {
    plan: planOf(context),
    building: known(resolution?.kind === 'ahead' ? resolution.building : undefined, 'what is built ahead')
  }
}

const stepInput = (context: StepContext): StepInput => ({
  nonce: resolutionOf(context).nonce,
  request: context.request
})

const takeInput = (context: StepContext): TakeInput => {
  const { resolution } = context
  return {
    ...stepInput(context),
    source: sourceOf(context),
    standing: known(resolution?.kind === 'standing' ? resolution.standing : undefined, 'what stands')
  }
}

const handOverInput = (context: StepContext): HandOverInput => ({
  ...stepInput(context),
  built: known(context.builtInPlace, 'what was built in place')
})

const actionInput = (context: StepContext): ActionInput => ({
  ...stepInput(context),
  image: context.image,
  inPlace: context.inPlace
})

const collectInput = (context: StepContext): CollectInput => ({
  ...actionInput(context),
  copiedIn: known(context.copiedIn, 'what was copied in')
})

const imageInput = (context: StepContext): ImageInput => ({
  ...stepInput(context),
  image: known(context.image, 'the image'),
  isBuilt: resolutionOf(context).kind !== 'prebuilt'
})

const { attempts, once, repeating, cleaningUp, machine } = defineMachine({
  id: 'container-step',
  stages: STEP_STAGES,
  types: { context: {} as StepContext, output: {} as StepOutput },
  actors: {
    resolve: port<ResolveInput, Resolution>(),
    join: port<JoinInput, Joined>(),
    build: port<BuildInput, BuiltImage>(),
    take: port<TakeInput, Taken>(),
    buildInPlace: port<BuildInPlaceInput, BuiltInPlace>(),
    push: port<Telling<PushInput>, string>(),
    pull: port<ImageInput, CopiedIn>(),
    handOver: port<HandOverInput, HandedOver>(),
    run: port<ActionInput, RunResult>(),
    collect: port<CollectInput, void>()
  }
})

export const containerStep = machine({
  initial: 'resolving',
  output: ({ image, resolution, built }) => ({ image, imageSource: built === undefined ? resolution?.kind : 'build' }),
  states: {
    resolving: attempts('resolving', {
      actor: 'resolve',
      input: ({ request, budgets: { building, buildingInPlace } }) => ({
        request,
        buildAttemptsMax: Math.max(building.attemptsMax, buildingInPlace.attemptsMax)
      }),
      onDone: (_context, resolution) => ({
        resolution,
        image: 'image' in resolution ? resolution.image : undefined
      }),
      done: [
        { target: 'building', when: 'to build', guard: (_context, resolution) => resolution.kind === 'build' },
        { target: 'joining', when: 'being built ahead', guard: (_context, resolution) => resolution.kind === 'ahead' },
        {
          target: 'taking',
          when: 'built ahead in place',
          guard: (_context, resolution) => resolution.kind === 'standing'
        },
        {
          target: 'buildingInPlace',
          when: 'to build in place',
          guard: (_context, resolution) => resolution.kind === 'in-place'
        },
        { target: 'pulling', when: 'prebuilt or already built' }
      ]
    }),
    joining: attempts('joining', {
      actor: 'join',
      input: joinInput,
      onDone: (_context, { image }) => ({ image }),
      done: [
        { target: 'pulling', when: 'the image is there', guard: (_context, { image }) => image !== undefined },
        { target: 'building', when: 'there will be none' }
      ],
      // No step fails for what it had not asked for.
      failed: 'building',
      onFailed: () => ({})
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
      onDone: (_context, image) => ({ image }),
      done: [{ target: 'pulling' }]
    }),
    pulling: attempts('pulling', {
      actor: 'pull',
      input: imageInput,
      creates: ({ resolution }) => resolution?.creates.pulling ?? [],
      onDone: (_context, copiedIn) => ({ copiedIn }),
      done: [{ target: 'running' }]
    }),
    taking: attempts('taking', {
      actor: 'take',
      input: takeInput,
      creates: ({ resolution }) => resolution?.creates.taking ?? [],
      onDone: (_context, { inPlace }) => ({ builtInPlace: inPlace }),
      done: [
        { target: 'handingOver', when: 'it stands', guard: (_context, { inPlace }) => inPlace !== undefined },
        { target: 'buildingInPlace', when: 'there will be none' }
      ],
      // As for joining.
      failed: 'buildingInPlace',
      onFailed: () => ({})
    }),
    buildingInPlace: attempts('buildingInPlace', {
      actor: 'buildInPlace',
      input: (context) => buildInPlaceInput(context, context.request),
      creates: ({ resolution }) => resolution?.creates.buildingInPlace ?? [],
      onDone: (_context, builtInPlace) => ({ builtInPlace }),
      done: [{ target: 'handingOver' }]
    }),
    handingOver: attempts('handingOver', {
      actor: 'handOver',
      input: handOverInput,
      onDone: (_context, { copiedIn, inPlace }) => ({ copiedIn, inPlace }),
      done: [{ target: 'running' }]
    }),
    running: once('running', {
      actor: 'run',
      input: actionInput,
      onDone: (_context, { exitCode }) => ({ exitCode }),
      done: [{ target: 'collecting' }],
      failed: 'collecting'
    }),
    collecting: attempts('collecting', {
      actor: 'collect',
      input: collectInput,
      done: [{ target: 'cleaningUp' }]
    }),
    cleaningUp: cleaningUp(['cancelled', 'failed', 'succeeded'], pushStateOf)
  }
})
