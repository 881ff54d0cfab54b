/** Builder and Pusher on one build pod: the build runs as an init container, the push as the container after it. */
import type { V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { TryEvent } from '../../../machines/inputs.ts'
import type { Builder, Pusher } from '../../../machines/ports.ts'
import type { BuildPlan, BuiltImage } from '../../../machines/types.ts'
import type { ChosenBuilder } from '../../builders/choose.ts'
import { inAuthorsWords } from '../../builders/choose-for.ts'
import type { BuilderDefinition } from '../../builders/definition.ts'
import { keepLines } from '../../builders/log.ts'
import { keepTelling, LAST_WORDS_BYTES_MAX } from '../../capture.ts'
import { containerIn } from '../api/container.ts'
import { logTail } from '../api/logs.ts'
import type { Site } from '../context/site.ts'
import { chooseContextTransfer } from '../files/choose.ts'
import type { BuildContext, NewPod } from '../files/transfer.ts'
import { buildPodName, trialPodName } from '../names.ts'
import { createJudge } from '../pods/status.ts'
import { followToEnd, throughOutages, waitForPod } from '../pods/wait.ts'
import type { BuiltImages, DigestOf } from '../registry/built-images.ts'
import { namingSecret } from '../registry/settings.ts'
import { BUILD_CONTAINER, buildPod, PUSH_CONTAINER } from '../specs/build-pod.ts'
import { masked } from '../specs/nested-containers.ts'
import { templated } from '../specs/parts.ts'
import { userNamespaceOfBuilds, WITH_USER_NAMESPACE, WITHOUT_USER_NAMESPACE } from '../specs/user-namespace.ts'
import { buildFailure, buildHasStarted, pushOutcome, throwBuildError } from './build-outcome.ts'
import { watchArrival } from './push-arrival.ts'
import { watchPushTries } from './push-tries.ts'
import { inUserNamespace, isKnownUnavailable, rememberUnavailable, requireUserNamespace } from './user-namespace.ts'

/** More than a push writes: a line or two for each try, and its usage when it gives up. */
const PUSH_LOG_LINES = 500
const DIGEST = /sha256:[0-9a-f]{64}/

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
  const builderOf = ({ builder: name }: BuildPlan): ChosenBuilder => {
    const [first] = options.builders
    const builder = name === undefined ? first : options.builders.find(({ definition }) => definition.name === name)
    if (builder === undefined) throw new StepError('internal', `There is no builder ${name}`)
    return builder
  }

  return {
    async build(input, signal) {
      const { plan, nonce, attempt, failedWith } = input
      const builder = builderOf(plan)
      const transfer = chooseContextTransfer(site, plan)
      const pod = buildPodName(site.runnerPod, nonce, attempt)
      if (attempt > 1) await site.cluster.deletePod(buildPodName(site.runnerPod, nonce, attempt - 1), signal)
      const lost = () => new StepError('builder-lost', `the build pod ${pod} disappeared before the build had ended`)
      const { seccompProfile } = builder
      const choice = seccompProfile === undefined ? userNamespaceOfBuilds(site) : 'on'
      const isRefused = failedWith === 'user-namespace-unavailable'
      const isWithout = choice === 'off' || isRefused || (choice === 'auto' && (await isKnownUnavailable(site, signal)))
      const userNamespace = isWithout ? WITHOUT_USER_NAMESPACE : WITH_USER_NAMESPACE
      const plain = buildPod(site, transfer.buildPod(plan), builder, input, userNamespace)
      await createBuildPod(site, templated(site, plain, 'build'), signal)
      const needs = seccompProfile === undefined ? undefined : builder.definition.name
      if (choice === 'on') await requireUserNamespace(site, { pod, needs }, signal)
      // That it has started without proves why it had not started before.
      const hasStarted = async () => (isRefused ? await rememberUnavailable(site, signal) : undefined)
      const context = { plan, identity: options.identityOf(builder, plan.rewritten) }
      const work = (toWork: AbortSignal) => buildIn(site, builder, { context, pod, lost, hasStarted }, toWork)
      if (isWithout) return await work(signal)
      const trial = trialPodName(site.runnerPod, nonce)
      return await inUserNamespace(site, { pod, trial, isOptional: choice === 'auto', needs }, work, signal)
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

/** Pod security of older clusters refuses an unmasked /proc, which a builder can do without. */
async function createBuildPod({ cluster }: Site, pod: V1Pod, signal: AbortSignal): Promise<void> {
  await cluster.createPod(pod, signal).catch(async (error) => {
    if (!(error instanceof StepError && error.code === 'cluster-rejected' && /procMount/.test(error.message)))
      throw error
    await cluster.createPod(masked(pod), signal)
  })
}

interface BuildPod extends NewPod {
  readonly context: BuildContext
  /** Told as soon as the container that builds has. */
  readonly hasStarted: () => Promise<void>
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
  const ended = await followBuild(site, pod, plan, definition, lost, signal)
  const digest = DIGEST.exec(ended.terminated.message ?? '')?.[0]
  if (ended.terminated.exitCode === 0 && digest !== undefined) return { digest, pod }
  throw namingSecret(buildFailure(ended, inAuthorsWords(ended.tail, plan.rewritten), definition), site.registry)
}

async function followBuild(
  site: Site,
  name: string,
  plan: BuildPlan,
  definition: BuilderDefinition,
  lost: () => StepError,
  signal: AbortSignal
) {
  const tail = keepTelling(definition.telling, LAST_WORDS_BYTES_MAX)
  const ignored = definition.ignored && keepLines(definition.ignored)
  const write = (chunk: Buffer) => {
    site.reporter.foreign(chunk)
    tail.add(chunk)
    ignored?.add(chunk)
  }
  site.reporter.group(`Build ${plan.dockerfile} with ${definition.name}`)
  try {
    const request = { pod: name, container: BUILD_CONTAINER, write, lost }
    const ended = await followToEnd(site, request, signal).catch(throwBuildError)
    return { ...ended, tail: tail.text() }
  } finally {
    site.reporter.endGroup()
    for (const words of ignored?.lines() ?? []) site.reporter.warning(`${definition.name}: ${words}`)
  }
}
