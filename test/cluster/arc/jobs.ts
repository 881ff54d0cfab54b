/** Jobs as GitHub and ARC make them: one is assigned to a scale set, ARC makes a runner for it, and the runner takes it. */
import type { V1Pod } from '@kubernetes/client-node'
import { eventually, get, kubectl } from '../support/kubectl.ts'
import { accessTo, layOut, type RunnerPod, type StorageMode, TRACES } from '../support/runner-pod.ts'
import { expectTrueTraces } from '../support/trace-check.ts'
import { RUNNERS, SYSTEM } from './objects.ts'

const RUNNER_MS_MAX = 90_000
const STATUS_MS_MAX = 30_000
export const SCALE_SET_LABEL = 'actions.github.com/scale-set-name'
const RUNNER_LABEL = 'runner-pod'

interface EphemeralRunner {
  readonly status?: { readonly jobId?: string }
}
interface Named {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
}

/** Tells the stand-in for GitHub what happens there. */
const tell = async (what: 'assign' | 'start' | 'complete', query: Readonly<Record<string, string>>): Promise<void> => {
  const service = `/api/v1/namespaces/${SYSTEM}/services/github:80/proxy`
  const path = `${service}/control/${what}?${new URLSearchParams(query)}`
  await kubectl(['create', '--raw', path, '-f', '-'], { input: '{}' })
}
/** GitHub takes a job for ended: it was, or nothing was heard of its runner any more. */
export const completeJob = ({ name }: RunnerPod) => tell('complete', { runner: name })

/** Runners of a scale set whose pod runs, the oldest first. */
export async function runnerPods(scaleSet: string): Promise<readonly string[]> {
  const pods = await get<V1Pod>(['pods', '-n', RUNNERS, '-l', `${SCALE_SET_LABEL}=${scaleSet}`])
  return pods
    .filter(({ status, metadata }) => status?.phase === 'Running' && metadata?.deletionTimestamp === undefined)
    .filter(({ status }) => status?.containerStatuses?.every(({ ready }) => ready))
    .toSorted((one, other) =>
      String(one.metadata?.creationTimestamp).localeCompare(String(other.metadata?.creationTimestamp))
    )
    .map(({ metadata }) => metadata?.name ?? '')
}

const taken = new Set<string>()

/** A runner that waits for a job. */
export async function idleRunner(scaleSet: string): Promise<string> {
  let found: string | undefined
  await eventually(`a runner of ${scaleSet} that waits`, RUNNER_MS_MAX, async () => {
    found = (await runnerPods(scaleSet)).find((name) => !taken.has(name))
    return found !== undefined
  })
  return found as string
}

/** Resolves when ARC knows that the runner has the job. */
export async function startJob(scaleSet: string, mode: StorageMode): Promise<RunnerPod> {
  await tell('assign', { scaleSet })
  let name = await idleRunner(scaleSet)
  // Somebody else may have taken it while this waited.
  while (taken.has(name)) name = await idleRunner(scaleSet)
  taken.add(name)
  const access = accessTo(name, RUNNERS)
  // ARC removes it; what is left to do before that is to read its traces.
  const runner = { name, namespace: RUNNERS, mode, ...access, remove: () => expectTrueTraces(access.exec, TRACES) }
  await layOut(runner)
  await tell('start', { runner: name })
  await eventually(`ARC's knowledge of the job of ${name}`, STATUS_MS_MAX, async () => {
    const [one] = await get<EphemeralRunner>(['ephemeralrunners.actions.github.com', name, '-n', RUNNERS])
    return one?.status?.jobId !== undefined
  })
  return runner
}

/** The runner's own program ends with a code. */
export const endRunner = async (runner: RunnerPod, exitCode: number): Promise<void> => {
  await runner.write('/tmp', { exit: String(exitCode) })
}

const uidOf = async ({ name }: RunnerPod): Promise<string | undefined> => {
  const runners = await get<V1Pod>([
    'pods',
    '-n',
    RUNNERS,
    '--field-selector',
    `metadata.name=${name},status.phase=Running`
  ])
  return runners[0]?.metadata?.uid
}

/**
 * Deletes a runner's pod. ARC lets go of the runner where it sees how the pod ended; where it only sees that there is none, it makes another
 * one, whose program ends at once, because GitHub does not know it any more.
 */
export async function deletePodOf(runner: RunnerPod): Promise<void> {
  const deleted = await uidOf(runner)
  await kubectl(['delete', 'pod', runner.name, '-n', RUNNERS, '--wait=false'])
  await completeJob(runner)
  await eventually(`ARC's knowledge of the end of ${runner.name}`, RUNNER_MS_MAX, async () => {
    const runners = await get<Named>(['ephemeralrunners.actions.github.com', '-n', RUNNERS])
    if (runners.every(({ metadata }) => metadata.name !== runner.name)) return true
    const uid = await uidOf(runner)
    if (uid === undefined || uid === deleted) return false
    await endRunner(runner, 1)
    return true
  })
}

const KINDS = 'pods,secrets,jobs,persistentvolumeclaims,ephemeralrunners.actions.github.com'

/** Everything in the runners' namespace that is a runner's or was made for it. */
export async function leftOf(runner: RunnerPod): Promise<readonly string[]> {
  const objects = await get<Named>([KINDS, '-n', RUNNERS])
  return objects
    .filter(({ metadata }) => metadata.name.startsWith(runner.name) || metadata.labels?.[RUNNER_LABEL] === runner.name)
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
}
