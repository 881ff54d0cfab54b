/**
 * Builds in the very container that the action will run in, for steps without a registry: the container's log says when nothing of the
 * build runs any more, and only then environment and files are sent (docs/adr/0021).
 */
import type { V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { BuildInPlaceInput } from '../../../machines/inputs.ts'
import type { InPlaceBuilder } from '../../../machines/ports.ts'
import type { BuildSource, BuiltInPlace } from '../../../machines/types.ts'
import type { ChosenBuilder } from '../../builders/choose.ts'
import { partAt } from '../../in-place/marker.ts'
import type { Site } from '../context/site.ts'
import { chooseTransfer } from '../files/choose.ts'
import { CONTEXT_NAME, CONTEXT_ROOT, contextFirst, LOGIN_NAME } from '../files/containers.ts'
import { copyInContext } from '../files/context.ts'
import { fromMemory, type Source } from '../files/sources.ts'
import { FILES_CONTAINER } from '../names.ts'
import { createJudge } from '../pods/status.ts'
import { follow, waitForPod } from '../pods/wait.ts'
import { inPlacePod } from '../specs/in-place-pod.ts'
import { STEP_CONTAINER } from '../specs/step-pod.ts'
import type { PodParts } from '../specs/user-namespace.ts'
import { type AttemptedPod, attemptBuild, plannedBuilder } from './attempt.ts'
import { inBuildLog } from './build-log.ts'
import { buildHasStarted, throwBuildError } from './build-outcome.ts'
import { clear, type HandOvers, handOverTo } from './hand-over.ts'
import { standingAnnotations } from './standing.ts'
import { takeStanding } from './taking.ts'
import { openTelling } from './telling.ts'

const MARKER_DIGITS = 32

export interface InPlaceOptions {
  /** Of which the source names one. */
  readonly builders: readonly ChosenBuilder[]
  /** Whether a process of ours stays before the action. */
  readonly hasInit?: boolean
  readonly randomHex: (length: number) => string
  /** Name and version of what builds, part of a build's hash. */
  readonly identityOf: (builder: ChosenBuilder, rewritten: BuildSource['rewritten']) => string
}

export function createInPlaceBuilder(site: Site, options: InPlaceOptions): InPlaceBuilder {
  const handOvers: HandOvers = { hasInit: options.hasInit, typedTo: new Set(), opened: new Map() }
  const open = (pod: string) => {
    const telling = openTelling(site, pod)
    handOvers.opened.set(pod, telling)
    return telling
  }
  return {
    async buildInPlace(input, signal) {
      const builder = plannedBuilder(options.builders, input.source)
      const marker = `slipway: built ${options.randomHex(MARKER_DIGITS)}`
      const podWith = (userNamespace: PodParts) => podOf(site, builder, input, { marker, userNamespace })
      const identity = options.identityOf(builder, input.source.rewritten)
      const work = (pod: AttemptedPod, toWork: AbortSignal) =>
        buildIn(site, { builder, source: input.source, identity, marker, ...pod }, toWork)
      return await attemptBuild(site, input, { kind: 'step', podWith, work }, signal)
    },
    take: (input, signal) =>
      takeStanding(site, { builder: plannedBuilder(options.builders, input.source), open }, input, signal),
    handOver: (input, signal) => handOverTo(site, handOvers, input, signal)
  }
}

function podOf(
  site: Site,
  { definition, inPlaceImage: image = '', mirrors }: ChosenBuilder,
  input: BuildInPlaceInput,
  parts: { readonly marker: string; readonly userNamespace: PodParts }
): V1Pod {
  if (definition.inPlace === undefined) throw new StepError('internal', `${definition.name} does not build in place`)
  if (sharesProcesses(site)) {
    throw new StepError(
      'not-supported',
      'the pod template has shareProcessNamespace, with which a build in place could not end what it has left running: take it out for steps, or set a registry'
    )
  }
  const files = { step: chooseTransfer(site).stepPod, context: contextFirst(site) }
  const isAhead = site.aheadFor !== undefined
  const annotations = isAhead ? standingAnnotations(site, input.request, parts.marker) : undefined
  return inPlacePod(site, files, { definition: definition.inPlace, image, mirrors }, input, { ...parts, annotations })
}

const sharesProcesses = ({ template }: Site): boolean =>
  [template?.extension.spec, template?.step.spec].some((spec) => spec?.shareProcessNamespace === true)

interface Building extends AttemptedPod {
  readonly builder: ChosenBuilder
  readonly source: BuildSource
  readonly identity: string
  readonly marker: string
}

/** From a pod that was just made to a container that is what was built. */
async function buildIn(
  site: Site,
  { builder: { definition, inPlaceImage = '' }, source, identity, marker, pod, lost, hasStarted }: Building,
  signal: AbortSignal
): Promise<BuiltInPlace> {
  const others = await loginOf(site, signal)
  const context = { plan: source, identity, name: CONTEXT_NAME, root: CONTEXT_ROOT, container: FILES_CONTAINER, others }
  await copyInContext(site, { pod, lost }, context, signal).catch(throwBuildError)
  const judge = createJudge(site.clock)
  const check = (current: V1Pod) =>
    buildHasStarted(judge(current, STEP_CONTAINER), inPlaceImage, STEP_CONTAINER, 'IN_PLACE_IMAGE')
  await waitForPod(site, pod, check, lost, signal)
  await hasStarted()
  return await inBuildLog(site, source, definition, async ({ write, failure }) => {
    const log = partAt(marker, write)
    const followed = { pod, container: STEP_CONTAINER, lost, write: log.write, isEnough: log.isPast }
    const ended = await follow(site, followed, signal).catch(throwBuildError)
    if (ended !== 'enough') throw namingImage(failure(ended), inPlaceImage)
    if (others.length > 0) await clear(site, pod, 'context-delivery-failed', signal)
    return { pod, marker }
  })
}

/** What opens the registries of images in FROM, sent with the context; nothing where no Secret is configured. */
async function loginOf(site: Site, signal: AbortSignal): Promise<readonly Source[]> {
  if (site.baseImageSecret === undefined) return []
  const { readBaseImageConfig } = await import('../registry/credentials.ts')
  const config = await readBaseImageConfig(site, site.baseImageSecret, signal)
  return config === undefined ? [] : [fromMemory(`${LOGIN_NAME}/config.json`, Buffer.from(config, 'utf8'))]
}

/** A container that does not start before anything was built has another image than it needs. */
function namingImage(error: StepError, image: string): StepError {
  if (error.code !== 'start-failed') return error
  const setting =
    'set ACTIONS_RUNNER_CONTAINER_HOOKS_IN_PLACE_IMAGE to an image of the builder with a shell in /busybox'
  return new StepError(error.code, `${image} does not build in place: ${error.message}; ${setting}`, {
    detail: error.detail,
    cause: error
  })
}
