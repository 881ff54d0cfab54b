/** What the verdict on a build pod means for the build and for the push, for both ports that work with that pod. */
import { StepError } from '../../../errors.ts'
import type { BuilderDefinition } from '../../builders/definition.ts'
import { firstLine } from '../../failure-table.ts'
import { type Blocked, type Ended, hasStarted, isPodLost, type Verdict } from '../pods/status.ts'
import { BUILD_CONTAINER, PUSH_CONTAINER } from '../specs/build-pod.ts'

type ImageSetting = 'BUILDER_IMAGE' | 'PUSHER_IMAGE' | 'IN_PLACE_IMAGE'
const DIGEST = /sha256:[0-9a-f]{64}/

/** What the container that builds says in its last words. */
export const digestIn = (message: string | undefined): string | undefined => DIGEST.exec(message ?? '')?.[0]

/** True once the build runs or has ended; undefined while it may still start. Throws why it will not. */
export function buildHasStarted(
  verdict: Verdict,
  image: string,
  container = BUILD_CONTAINER,
  setting: ImageSetting = 'BUILDER_IMAGE'
): true | undefined {
  if (verdict.is === 'blocked' && verdict.by === container) throwIfUnavailable(verdict, image, setting)
  if (verdict.is === 'blocked' && verdict.failure.retryable)
    throw asBuilderLost(verdict.failure.message, verdict.failure)
  if (verdict.is === 'lost') throw builderLost(verdict.failure)
  return hasStarted(verdict)
}

/** An evicted or deleted build pod can be replaced by another one; user code is only built again, never run. */
const builderLost = (cause: StepError) => asBuilderLost(`the build pod was lost: ${cause.message}`, cause)
const asBuilderLost = (message: string, cause: StepError) =>
  new StepError('builder-lost', message, { detail: cause.detail, cause })

/** For what is done in a build pod: what befell the pod is `builder-lost`, every other error is thrown as it is. */
export function throwBuildError(error: unknown): never {
  throw isPodLost(error) ? builderLost(error) : error
}

/** Why a build ended without an image. `tail`: the last of its log. */
export function buildFailure({ failure }: Ended, tail: string, definition: BuilderDefinition): StepError {
  if (failure === undefined) return definition.classifyBuildFailure(tail)
  if (failure.code !== 'out-of-memory') return isPodLost(failure) ? builderLost(failure) : failure
  return new StepError(
    'builder-out-of-memory',
    'the build ran out of memory (OOMKilled): give build pods a higher memory limit'
  )
}

/** How a push has ended; undefined while it goes on. Throws when it cannot go on, for a reason that its log does not tell. */
export function pushOutcome(verdict: Verdict, image: string): 'ended well' | 'ended' | undefined {
  if (verdict.is === 'ended') {
    if (verdict.failure?.code === 'start-failed') throw verdict.failure
    if (verdict.terminated.exitCode === 0) return 'ended well'
    if (verdict.failure === undefined || !isPodLost(verdict.failure)) return 'ended'
    throw layoutLost(verdict.failure)
  }
  if (verdict.is === 'lost') throw layoutLost(verdict.failure)
  if (verdict.is === 'blocked' && verdict.by !== PUSH_CONTAINER) throw verdict.failure
  if (verdict.is === 'blocked') throwIfUnavailable(verdict, image, 'PUSHER_IMAGE')
  return undefined
}

const layoutLost = (cause: StepError) =>
  new StepError('layout-lost', `the build pod was lost before its image was pushed: ${cause.message}`, {
    detail: cause.detail,
    cause
  })

/** Throws for an image that no waiting will bring, naming the setting that can; a failure that may heal passes. */
function throwIfUnavailable({ failure }: Blocked, image: string, setting: ImageSetting) {
  if (failure.code === 'start-failed') throw failure
  if (failure.retryable) return
  const [variable, why] = [`ACTIONS_RUNNER_CONTAINER_HOOKS_${setting}`, firstLine(failure.detail ?? '')]
  throw new StepError(
    'builder-image-unavailable',
    `cannot pull image ${image}: set ${variable} to one the nodes can pull (${why})`,
    { detail: failure.detail, cause: failure }
  )
}
