/** What builds ahead have made and go on with, for the tests of them. */
import { expect } from 'vitest'
import { type HookOptions, runCleanupJob } from './hook.ts'
import { IMAGES } from './images.ts'
import { type Job, type PreparedJob, prepareJob } from './job.ts'
import { eventually, get } from './kubectl.ts'
import { mustExec, type RunnerPod } from './runner-pod.ts'

export const SWITCH = 'ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_AHEAD'
export const AHEAD_MS_MAX = 60_000

interface Found {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
}

export const labelled = async (pod: RunnerPod, kind: 'pods' | 'secrets', value: string) =>
  (await get<Found>([kind, '-n', pod.namespace, '-l', `runner-pod=${pod.name},slipway/ahead=${value}`])).map(
    ({ metadata }) => metadata.name
  )

/** Processes in the runner's container that are not ours to end: builds ahead that go on. */
export const aheadProcesses = async (pod: RunnerPod): Promise<number> => {
  const { stdout } = await pod.exec([
    'sh',
    '-c',
    'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" "\\n" | grep -c "[k]8s/index.js"'
  ])
  return Number(stdout)
}

/** The process alone: its pods go on, if they have all that they need. */
export const killAhead = async (pod: RunnerPod): Promise<void> => {
  const kill = 'for p in /proc/[0-9]*; do grep -q "[k]8s/index.js" $p/cmdline && kill -KILL ${p#/proc/}; done; true'
  await mustExec(pod.exec, ['sh', '-c', kill])
}

export async function prepared(pod: RunnerPod, options: HookOptions, job: Job = {}): Promise<PreparedJob> {
  const prepared = await prepareJob(pod, { container: { image: IMAGES.busybox }, ...job }, options)
  expect(prepared.exitCode, prepared.stdout).toBe(0)
  return prepared
}

/** The log of cleanup_job. */
export async function cleanedUp(pod: RunnerPod, options: HookOptions): Promise<string> {
  const cleanup = await runCleanupJob(pod, options)
  expect(cleanup.exitCode, cleanup.stdout).toBe(0)
  // It ends by itself as soon as it sees that the job pod is gone.
  await eventually('the end of the builds ahead', 20_000, async () => (await aheadProcesses(pod)) === 0)
  return cleanup.stdout
}
