/** Builder and Pusher on one build pod: the build runs as an init container, the push as the container after it. */
import type { V1ContainerStateTerminated, V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { Builder, Pusher } from '../../../machines/ports.ts'
import type { BuildPlan } from '../../../machines/types.ts'
import type { ChosenBuilder } from '../../builders/choose.ts'
import type { BuilderDefinition } from '../../builders/definition.ts'
import { createTail } from '../../tail.ts'
import { type LogSource, logTail } from '../api/logs.ts'
import type { Site } from '../context/site.ts'
import { deliverContext } from '../files/build-context.ts'
import { buildPodName } from '../names.ts'
import { createPatience, type Patience } from '../pods/grace.ts'
import { containerStatus, firstLine, initFailure, podFailure, waitingFailure } from '../pods/status.ts'
import { followToEnd, waitForPod } from '../pods/wait.ts'
import type { BuiltImages } from '../registry/built-images.ts'
import { namingSecret } from '../registry/settings.ts'
import { BUILD_CONTAINER, buildPod, isDelivered, PUSH_CONTAINER } from '../specs/build-pod.ts'
import { templated } from '../specs/templated.ts'
import { type DigestOf, watchArrival } from './push-arrival.ts'
import { watchPushTries } from './push-tries.ts'

/** What of a log is kept to explain a failure. */
const TAIL_BYTES_MAX = 64 * 1024
/** More than a push writes: a line or two for each try, and its usage when it gives up. */
const PUSH_LOG_LINES = 500
const DIGEST = /sha256:[0-9a-f]{64}/

export interface BuilderOptions {
  readonly builder: ChosenBuilder
  readonly digestOf?: DigestOf | undefined
  /** Told of what has been built and pushed. */
  readonly remember?: BuiltImages['remember'] | undefined
  /** Name and version of what builds, part of a build's hash. */
  readonly identity: string
}

export function createBuilder(site: Site, options: BuilderOptions): Builder & Pusher {
  const { builder } = options
  const { definition } = builder

  return {
    async build(input, signal) {
      const { plan, nonce, attempt } = input
      const pod = buildPodName(site.runnerPod, nonce, attempt)
      if (attempt > 1) await site.cluster.deletePod(buildPodName(site.runnerPod, nonce, attempt - 1), signal)
      const lost = () => new StepError('builder-lost', `the build pod ${pod} disappeared before the build had ended`)
      await site.cluster.createPod(templated(site, buildPod(site, builder, input), 'build'), signal)
      if (isDelivered(site)) await deliverContext(site, { pod, plan, identity: options.identity, lost }, signal)
      const isPatient = createPatience(site.clock)
      await waitForPod(site, pod, (current) => hasStarted(current, builder.image, isPatient), lost, signal)
      const ended = await followBuild(site, pod, plan, definition, lost, signal)
      const digest = DIGEST.exec(ended.terminated.message ?? '')?.[0]
      if (ended.terminated.exitCode === 0 && digest !== undefined) return { digest, pod }
      throw namingSecret(buildFailure(ended.pod, ended.terminated, ended.tail, definition), site.registry)
    },

    async push({ plan, built, attempt, budget }, signal) {
      const { digest, pod: name = '' } = built
      const lost = () =>
        new StepError('layout-lost', `the build pod ${name} was lost before its image was pushed: run the step again`)
      const arrival = watchArrival(site.clock, options.digestOf, { reference: plan.pushReference, digest }, signal)
      const tries = watchPushTries(site.clock, definition, { told: attempt - 1, max: budget.attemptsMax }, (toRead) =>
        logTail(pushLog(site, name), { lines: PUSH_LOG_LINES, previous: false }, toRead)
      )
      const { next, look, ended, pushed } = tries
      const isPatient = createPatience(site.clock)
      const check = (pod: V1Pod) =>
        arrival.hasArrived() ? 'pushed' : (next() ?? pushOutcome(pod, builder.pushImage, isPatient))
      const pause = async () => {
        await arrival.pause()
        await look(signal)
      }
      const outcome = await waitForPod(site, name, check, lost, signal, pause)
      if (outcome === 'pushed' || outcome === 'ended well') {
        if (outcome === 'ended well') requireSame(digest, await pushed(signal))
        await options.remember?.(plan, digest, signal)
        return `${plan.pullRepository}@${digest}`
      }
      throw namingSecret(outcome === 'ended' ? await ended(signal) : outcome, site.registry)
    }
  }
}

/** What is run is what was pushed: the digest comes from the container that ran the Dockerfile, which may have named any image. */
function requireSame(reported: string, pushed: string | undefined): void {
  if (pushed === reported) return
  if (pushed === undefined) throw new StepError('push-failed', 'the push has ended without saying what it pushed')
  throw new StepError(
    'layout-lost',
    `the build says that it made ${reported}, but ${pushed} was pushed: a RUN of the Dockerfile has written over the one or the other`
  )
}

const pushLog = ({ cluster }: Site, pod: string): LogSource => ({
  access: cluster.access,
  namespace: cluster.namespace,
  pod,
  container: PUSH_CONTAINER
})

/** Throws for an image that no waiting will bring, naming the setting that can; a failure that may heal passes. */
function throwIfUnavailable(failure: StepError, image: string, setting: 'BUILDER_IMAGE' | 'PUSHER_IMAGE') {
  if (failure.code === 'start-failed') throw failure
  if (failure.retryable) return
  const [variable, why] = [`ACTIONS_RUNNER_CONTAINER_HOOKS_${setting}`, firstLine(failure.detail ?? '')]
  throw new StepError(
    'builder-image-unavailable',
    `cannot pull image ${image}: set ${variable} to one the nodes can pull (${why})`,
    { detail: failure.detail, cause: failure }
  )
}

/** True once a container runs or has ended; throws when the builder's image cannot be had. */
function hasStarted(pod: V1Pod, image: string, isPatient: Patience): true | undefined {
  const status = containerStatus(pod, BUILD_CONTAINER)
  if (status?.state?.running !== undefined || status?.state?.terminated !== undefined) return true
  const failure = waitingFailure(status)
  if (failure !== undefined && !isPatient(pod, failure, status)) {
    throwIfUnavailable(failure, image, 'BUILDER_IMAGE')
    throw new StepError('builder-lost', failure.message, { detail: failure.detail, cause: failure })
  }
  const lost = podFailure(pod)
  if (lost !== undefined) throw builderLost(lost)
  const blocked = initFailure(pod)
  if (blocked !== undefined && !isPatient(pod, blocked)) throw blocked.retryable ? builderLost(blocked) : blocked
  return undefined
}

async function followBuild(
  site: Site,
  name: string,
  plan: BuildPlan,
  definition: BuilderDefinition,
  lost: () => StepError,
  signal: AbortSignal
) {
  const tail = createTail(TAIL_BYTES_MAX)
  const write = (chunk: Buffer) => {
    site.reporter.foreign(chunk)
    tail.add(chunk)
  }
  site.reporter.group(`Build ${plan.dockerfile} with ${definition.name}`)
  try {
    const request = { pod: name, container: BUILD_CONTAINER, write, lost }
    const ended = await followToEnd(site, request, signal).catch((error: unknown) => {
      throw error instanceof StepError && !error.retryable ? builderLost(error) : error
    })
    return { ...ended, tail: tail.text() }
  } finally {
    site.reporter.endGroup()
  }
}

/** An evicted or deleted build pod can be replaced by another one; user code is only built again, never run. */
const builderLost = (cause: StepError) =>
  new StepError('builder-lost', `the build pod was lost: ${cause.message}`, { detail: cause.detail, cause })

function buildFailure(
  pod: V1Pod,
  terminated: V1ContainerStateTerminated,
  tail: string,
  definition: BuilderDefinition
): StepError {
  if (terminated.reason === 'OOMKilled') {
    return new StepError(
      'builder-out-of-memory',
      'the build ran out of memory (OOMKilled): give build pods a higher memory limit'
    )
  }
  const lost = podFailure(pod)
  return lost === undefined ? definition.classifyBuildFailure(tail) : builderLost(lost)
}

/** How a push has ended; undefined while it goes on. */
function pushOutcome(pod: V1Pod, image: string, isPatient: Patience): 'ended well' | 'ended' | undefined {
  const status = containerStatus(pod, PUSH_CONTAINER)
  const exitCode = status?.state?.terminated?.exitCode
  if (exitCode === 0) return 'ended well'
  const failure = waitingFailure(status)
  if (failure !== undefined && !isPatient(pod, failure, status)) throwIfUnavailable(failure, image, 'PUSHER_IMAGE')
  const lost = podFailure(pod)
  if (lost !== undefined) {
    throw new StepError('layout-lost', `the build pod was lost before its image was pushed: ${lost.message}`, {
      detail: lost.detail,
      cause: lost
    })
  }
  const blocked = initFailure(pod)
  if (blocked !== undefined) throw blocked
  return exitCode === undefined ? undefined : 'ended'
}
