/**
 * Starting a build pod in a user namespace, and finding out that it cannot be: by the pod's own status, since the stock Role may read
 * neither nodes nor events (docs/adr/0018). What was found out is remembered for the runner pod, where no container can write.
 */
import type { CoreV1Event, V1Pod, V1Secret } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import { firstLine } from '../../failure-table.ts'
import type { Site } from '../context/site.ts'
import { isOwnedBy, objectName, ownedMetadata } from '../names.ts'
import { cannotMapIds } from '../pods/id-mapping.ts'
import { isNotSetUp, newestEvent, wordsOf } from '../pods/set-up.ts'
import { BUILD_CONTAINER } from '../specs/build-pod.ts'
import { helperContainer, placement, podBase, templated } from '../specs/parts.ts'
import { WITH_USER_NAMESPACE } from '../specs/user-namespace.ts'

const LOOK_MS = 5_000
/** A node that can has set up most pods in two seconds. */
const DOUBT_MS = 10_000
/** How long a pod that needs no image may take, and how long until a node has taken it. */
const TRIAL_MS_MAX = 15_000
const TRIAL_LOOK_MS = 500

const VARIABLE = 'ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_USER_NAMESPACE'
export interface Starting {
  readonly pod: string
  /** Name of a pod that is made in case of doubt. */
  readonly trial: string
  /** Whether another pod may be made without a user namespace. */
  readonly isOptional: boolean
  /** Name of a builder that builds in no other way. */
  readonly needs?: string | undefined
}

/**
 * Does what a build pod in a user namespace is made for, and rejects with `user-namespace-unavailable` when the pod cannot be started
 * in one; with `start-failed` where there is no other way. Nothing of the Dockerfile has run by then.
 */
export async function inUserNamespace<T>(
  site: Site,
  starting: Starting,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal
): Promise<T> {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const { isOptional, needs } = starting
  const failure = (why: string) => (isOptional ? unavailable(why) : impossible(why, needs))
  const working = work(either)
  const watching = watchSettingUp(site, starting, failure, either)
  try {
    return await Promise.race([working, watching.then(() => working)])
  } catch (error) {
    signal.throwIfAborted()
    if (!(isOptional && error instanceof StepError && cannotMapIds(error))) throw error
    throw failure(firstLine(error.detail ?? ''))
  } finally {
    stop.abort()
    await Promise.allSettled([working, watching])
  }
}

/** Resolves once the pod has been set up, or is gone, or is known to be able to. */
async function watchSettingUp(
  site: Site,
  { pod: name, trial }: Starting,
  failure: (why: string) => StepError,
  signal: AbortSignal
): Promise<void> {
  const { cluster, clock } = site
  let sinceMs: number | undefined
  // Bounded by the signal: every stage has a budget.
  for (;;) {
    await clock.sleep(LOOK_MS, signal)
    const pod = await cluster.getPod(name, signal)
    const nodeName = pod?.spec?.nodeName
    if (pod === undefined || (nodeName !== undefined && !isNotSetUp(pod))) return
    if (nodeName === undefined) continue
    sinceMs ??= clock.now()
    if (clock.now() - sinceMs < DOUBT_MS) continue
    const refused = await tryOn(site, nodeName, trial, signal)
    if (refused === undefined) return
    const seconds = TRIAL_MS_MAX / 1_000
    const why = refused.event === undefined ? '' : `: ${wordsOf(refused.event)}`
    throw failure(`node ${nodeName} set up neither it nor a pod without an image to pull within ${seconds} s${why}`)
  }
}

interface Refused {
  /** The newest one of the pod that was tried, where events may be read. */
  readonly event: CoreV1Event | undefined
}

/**
 * Whether a node does not set up another pod in a user namespace either, whose image it never pulls: kubelets before 1.36 report a pod
 * whose image is being pulled as one that is not set up.
 */
async function tryOn(site: Site, nodeName: string, name: string, signal: AbortSignal): Promise<Refused | undefined> {
  const { cluster, clock } = site
  await cluster.createPod(templated(site, trialPod(site, nodeName, name), 'build'), signal)
  try {
    const startedAtMs = clock.now()
    let pod: V1Pod | undefined
    do {
      await clock.sleep(TRIAL_LOOK_MS, signal)
      pod = await cluster.getPod(name, signal)
      if (pod?.spec?.nodeName !== undefined && !isNotSetUp(pod)) return undefined
    } while (clock.now() - startedAtMs < TRIAL_MS_MAX)
    if (pod?.spec?.nodeName === undefined) return undefined
    return { event: await newestEvent(cluster, pod, signal) }
  } finally {
    if (!signal.aborted) await cluster.deletePod(name, signal)
  }
}

const trialPod = (site: Site, nodeName: string, name: string): V1Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: ownedMetadata(name, site.runnerPod, site.aheadFor),
  spec: {
    ...podBase(site),
    ...WITH_USER_NAMESPACE.spec,
    ...placement(site, { nodeName }, 'build'),
    restartPolicy: 'Never',
    containers: [
      {
        ...helperContainer(site, { name: BUILD_CONTAINER, command: ['true'], volumeMounts: [] }),
        imagePullPolicy: 'Never'
      }
    ]
  }
})

const unavailable = (why: string) =>
  new StepError(
    'user-namespace-unavailable',
    `the build pod cannot start in a user namespace (${why}), so builds of this runner are root on the node: see docs/security.md, and set ${VARIABLE} to off where nodes cannot`
  )

const impossible = (why: string, needs: string | undefined) =>
  new StepError(
    'start-failed',
    `the build pod cannot start in a user namespace (${why}), and ${
      needs === undefined
        ? `there is to be no build without: see docs/security.md, or set ${VARIABLE} to auto`
        : `${needs} builds in no other way: see docs/security.md`
    }`
  )

/** For a pod that has to be in one: an API server that does not know the field leaves it out, and the build would be root on the node. */
export async function requireUserNamespace(
  { cluster }: Site,
  { pod: name, needs }: Pick<Starting, 'pod' | 'needs'>,
  signal: AbortSignal
): Promise<void> {
  const pod = await cluster.getPod(name, signal)
  if (pod === undefined || pod.spec?.hostUsers === false) return
  await cluster.deletePod(name, signal)
  throw impossible('the API server does not know the field hostUsers, or the pod template says otherwise', needs)
}

const SUFFIX = 'no-user-namespace'

/** For the runner pod's later builds; the Secret goes with the runner pod, or with its job. */
export async function isKnownUnavailable({ cluster, runnerPod, job }: Site, signal: AbortSignal): Promise<boolean> {
  const secret = await cluster.getSecret(secretName(runnerPod), signal)
  return secret !== undefined && isOwnedBy(secret, runnerPod, job?.uid)
}

/** Where it cannot be remembered, the next build finds it out again: that is said, and fails nothing. */
export async function rememberUnavailable(
  { cluster, runnerPod, aheadFor, reporter }: Site,
  signal: AbortSignal
): Promise<void> {
  const metadata = ownedMetadata(secretName(runnerPod), runnerPod, aheadFor)
  const secret: V1Secret = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', immutable: true }
  await cluster.createSecret(secret, signal).catch((error: Error) => {
    signal.throwIfAborted()
    reporter.line(`The next build tries a user namespace again: ${error.message}`)
  })
}

/** For who has to find it out anew, and for who leaves nothing behind. */
export const forgetUnavailable = ({ cluster, runnerPod }: Site, signal: AbortSignal): Promise<void> =>
  cluster.deleteSecret(secretName(runnerPod), signal)

const secretName = ({ metadata }: V1Pod): string => objectName(metadata?.name ?? '', 'secret', SUFFIX)
