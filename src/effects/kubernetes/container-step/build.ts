/** Builder and Pusher on one build pod: the build runs as an init container, the push as the container after it. */
import type { V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { TryEvent } from '../../../machines/inputs.ts'
import type { Builder, Pusher } from '../../../machines/ports.ts'
import type { BuildPlan, BuiltImage } from '../../../machines/types.ts'
import type { ChosenBuilder } from '../../builders/choose.ts'
import { containerIn } from '../api/container.ts'
import { logTail } from '../api/logs.ts'
import type { Site } from '../context/site.ts'
import { chooseContextTransfer } from '../files/choose.ts'
import type { BuildContext } from '../files/transfer.ts'
import { createJudge } from '../pods/status.ts'
import { followToEnd, throughOutages, waitForPod } from '../pods/wait.ts'
import type { BuiltImages, DigestOf } from '../registry/built-images.ts'
import { namingSecret } from '../registry/settings.ts'
import { BUILD_CONTAINER, buildPod, PUSH_CONTAINER } from '../specs/build-pod.ts'
import type { PodParts } from '../specs/user-namespace.ts'
import { type AttemptedPod, attemptBuild, plannedBuilder } from './attempt.ts'
import { inBuildLog } from './build-log.ts'
import { buildHasStarted, digestIn, pushOutcome, throwBuildError } from './build-outcome.ts'
import { watchArrival } from './push-arrival.ts'
import { watchPushTries } from './push-tries.ts'

/** More than a push writes: a line or two for each try, and its usage when it gives up. */
const PUSH_LOG_LINES = 500

export interface BuilderOptions {
  /** Of which the plan names one. */
  readonly builders: readonly ChosenBuilder[]
  readonly digestOf?: DigestOf | undefined
  /** Told of what has been built and pushed. */
  readonly remember?: BuiltImages['remember'] | undefined
  /** Name and version of what builds, part of a build's hash. */
  readonly identityOf: (builder: ChosenBuilder, rewritten: BuildPlan['rewritten']) => string
}

export function createBuilder(site: Site, options: BuilderOptions): Builder & Pusher {
  const builderOf = (plan: BuildPlan) => plannedBuilder(options.builders, plan)

  return {
    async build(input, signal) {
      const { plan } = input
      const builder = builderOf(plan)
      const transfer = chooseContextTransfer(site, plan)
      const podWith = (userNamespace: PodParts) =>
        buildPod(site, transfer.buildPod(plan), builder, input, userNamespace)
      const context = { plan, identity: options.identityOf(builder, plan.rewritten) }
      const work = (attempted: AttemptedPod, toWork: AbortSignal) =>
        buildIn(site, builder, { context, ...attempted }, toWork)
      return await attemptBuild(
        site,
        input,
        {
          kind: 'build',
          podWith,
          work,
          needs: builder.seccompProfile === undefined ? undefined : builder.definition.name
        },
        signal
      )
    },

    async push({ plan, built, tries: { triesMax } }, tell, signal) {
      const { digest, pod: name = '' } = built
      const { definition, pushImage } = builderOf(plan)
      const lost = () =>
        new StepError('layout-lost', `the build pod ${name} was lost before its image was pushed: run the step again`)
      const arrival = watchArrival(site.clock, options.digestOf, { reference: plan.pushReference, digest }, signal)
      const tellNaming = (event: TryEvent) =>
        tell(event.type === 'TRY_FAILED' ? { ...event, error: namingSecret(event.error, site.registry) } : event)
      const readLog = (toRead: AbortSignal) =>
        logTail(containerIn(site.cluster, name, PUSH_CONTAINER), { lines: PUSH_LOG_LINES, previous: false }, toRead)
      const { look, ended, pushed } = watchPushTries(site.clock, definition, triesMax, tellNaming, readLog)
      const judge = createJudge(site.clock)
      const check = (pod: V1Pod) =>
        arrival.hasArrived() ? 'pushed' : pushOutcome(judge(pod, PUSH_CONTAINER), pushImage)
      const pause = async () => {
        await arrival.pause()
        await look(signal)
      }
      // A push goes on whether the API server answers or not.
      const wait = (checkOnce: typeof check) => waitForPod(site, name, checkOnce, lost, signal, pause)
      const outcome = await throughOutages(site.clock, wait, check, signal)
      if (outcome === 'ended') throw namingSecret(await ended(signal), site.registry)
      if (outcome === 'ended well') requireSame(digest, await pushed(signal))
      await options.remember?.(plan, digest, signal)
      return `${plan.pullRepository}@${digest}`
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

interface BuildPod extends AttemptedPod {
  readonly context: BuildContext
}

/** From a pod that was just made to an image in it. */
async function buildIn(
  site: Site,
  { definition, image }: ChosenBuilder,
  { context, pod, lost, hasStarted }: BuildPod,
  signal: AbortSignal
): Promise<BuiltImage> {
  const { plan } = context
  await chooseContextTransfer(site, plan).copyInContext({ pod, lost }, context, signal).catch(throwBuildError)
  const judge = createJudge(site.clock)
  const check = (current: V1Pod) => buildHasStarted(judge(current, BUILD_CONTAINER), image)
  await waitForPod(site, pod, check, lost, signal)
  await hasStarted()
  return await inBuildLog(site, plan, definition, async ({ write, failure }) => {
    const followed = { pod, container: BUILD_CONTAINER, lost, write }
    const ended = await followToEnd(site, followed, signal).catch(throwBuildError)
    const digest = digestIn(ended.terminated.message)
    if (ended.terminated.exitCode === 0 && digest !== undefined) return { digest, pod }
    throw failure(ended)
  })
}
