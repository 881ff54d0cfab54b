/** What cannot be avoided, for comparison: bare pods seen by tight polling from the runner pod, and `kubectl exec` itself. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { V1Pod, V1PodSpec } from '@kubernetes/client-node'
import { expect } from 'vitest'
import { HOME, NODE, type RunnerPod, TEMP, WORK, WORKSPACE } from '../../cluster/support/runner-pod.ts'
import { median } from './turns.ts'

const PROGRAM = `${HOME}/floor.cjs`
const EXEC_ROUNDS = 5

export const installFloor = async (runner: RunnerPod): Promise<void> =>
  await runner.write(HOME, { 'floor.cjs': await readFile(new URL('floor.cjs', import.meta.url), 'utf8') })

/** Milliseconds that pods take, one after the other, from create to `ended`, or to `up`: all containers run. */
export async function measureFloor(
  runner: RunnerPod,
  pods: readonly object[],
  until: 'ended' | 'up' = 'ended'
): Promise<number> {
  const { exitCode, stdout, stderr } = await runner.exec([NODE, PROGRAM, until], { input: JSON.stringify(pods) })
  expect(exitCode, stderr).toBe(0)
  return (JSON.parse(stdout) as number[]).reduce((sum, ms) => sum + ms, 0)
}

/** What `kubectl exec` takes, which the runner's own call of the hook does not. Milliseconds. */
export async function measureExec(runner: RunnerPod): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < EXEC_ROUNDS; round += 1) times.push((await runner.exec(['true'])).durationMs)
  return median(times)
}

const pod = (spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `floor-${randomBytes(4).toString('hex')}` },
  spec
})

/** A pod of one container and nothing else. */
export const barePod = (container: object, volumes: readonly object[] = []): object =>
  pod({
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    containers: [{ name: 'floor', imagePullPolicy: 'IfNotPresent', ...container }],
    volumes
  })

/** What every container action finds (hook-protocol section 6). */
const MOUNTS: Readonly<Record<string, string>> = {
  '/github/workspace': WORKSPACE,
  '/github/home': `${TEMP}/_github_home`,
  '/github/workflow': `${TEMP}/_github_workflow`,
  '/github/file_commands': `${TEMP}/_runner_file_commands`,
  '/github/runner_temp': TEMP
}

/**
 * A pod of one container with the five directories of the work volume, which no container step can do without: the kubelet looks
 * whether a pod's volumes are there every 0.3 s, so that a pod without any starts that much sooner.
 */
export function barePodWithMounts({ name, mode }: RunnerPod, container: object): object {
  const source = mode === 'volume' ? { persistentVolumeClaim: { claimName: `${name}-work` } } : { emptyDir: {} }
  const volumeMounts = Object.entries(MOUNTS).map(([mountPath, path]) => ({
    name: 'work',
    mountPath,
    subPath: path.slice(WORK.length + 1)
  }))
  return barePod({ ...container, volumeMounts }, [{ name: 'work', ...source }])
}

/** The job pod once more, which waits for nobody's files. */
export function samePod({ spec }: V1Pod): object {
  const { nodeName, ...rest } = spec as V1PodSpec
  const wait = / until \[ -e \S+ \]; do sleep \S+; done$/
  const initContainers = rest.initContainers?.map((container) => ({
    ...container,
    command: container.command?.map((word) => word.replace(wait, ''))
  }))
  return pod({ ...rest, initContainers })
}
