/** A whole job, command by command: how much longer each takes than what it cannot do without, and than the shipped hook. */
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, describe, expect, it } from 'vitest'
import { useRunnerPod } from '../cluster/support/harness.ts'
import { runCleanupJob, runContainerStep } from '../cluster/support/hook.ts'
import { IMAGES } from '../cluster/support/images.ts'
import { inJob, prepareJob } from '../cluster/support/job.ts'
import { get } from '../cluster/support/kubectl.ts'
import type { Finished } from '../cluster/support/process.ts'
import { type RunnerPod, STORAGE_MODES, type StorageMode, TEMP } from '../cluster/support/runner-pod.ts'
import { runScript } from '../cluster/support/script.ts'
import { expectRatio } from './support/comparison.ts'
import { barePodWithMounts, installFloor, measureExec, measureFloor, samePod } from './support/floor.ts'
import { PEER, peerBundle, sweepPeer, usePeerPod } from './support/peer.ts'
import { median, takeTurns } from './support/turns.ts'

/** A whole job of the shipped hook takes half a minute, and two minutes where it copies. */
const ROUNDS: Readonly<Record<StorageMode, { alone: number; withPeer: number }>> = {
  volume: { alone: 12, withPeer: 10 },
  copy: { alone: 12, withPeer: 5 }
}
/** Scripts are short, and one job can run several. */
const SCRIPTS_PER_JOB = 5

const PREPARE_RATIO_MAX = 1.2
const SCRIPT_RATIO_MAX = 2
const CONTAINER_RATIO_MAX: Readonly<Record<StorageMode, number>> = { volume: 1.2, copy: 1.6 }
/** Ours to the shipped hook's. */
const PEER_RATIO_MAX = { prepare_job: 1 / 1.25, 'script step': 1, 'container step': 1, cleanup_job: 1 } as const
type Command = keyof typeof PEER_RATIO_MAX

/** Milliseconds of each command, and of a `kubectl exec` of the same script. */
type Job = Readonly<Record<Command | 'kubectl exec', number>>

const ECHO = { image: IMAGES.debian, entryPoint: '/bin/echo', args: ['done'] }
const SCRIPT = 'echo done'

/** One job from beginning to end. What `kubectl exec` takes is taken off the commands, since the runner starts the hook by itself. */
async function runJob(runner: RunnerPod, onJobPod: () => Promise<void> = async () => {}): Promise<Job> {
  const execMs = await measureExec(runner)
  const msOf = ({ exitCode, durationMs, lines }: Finished): number => {
    expect(exitCode, lines.map(({ text }) => text).join('\n')).toBe(0)
    return durationMs - execMs
  }
  const prepareMs = msOf(await prepareJob(runner, { container: { image: IMAGES.debian } }))
  await onJobPod()
  const contenders = {
    async script() {
      // As the runner does before every step.
      await runner.exec(['rm', '-rf', `${TEMP}/_runner_file_commands`])
      return msOf(await runScript(runner, { run: SCRIPT }))
    },
    exec: async () => (await inJob(runner, SCRIPT)).durationMs
  }
  const scripts = await takeTurns(SCRIPTS_PER_JOB, contenders, { isTidy: true })
  const containerMs = msOf(await runContainerStep(runner, ECHO))
  return {
    prepare_job: prepareMs,
    'script step': median(scripts.script),
    'kubectl exec': median(scripts.exec),
    'container step': containerMs,
    cleanup_job: msOf(await runCleanupJob(runner))
  }
}

describe.each(STORAGE_MODES)('in storage mode %s', (mode) => {
  const bundle = peerBundle(mode)
  const runner = useRunnerPod(mode)
  const peer = usePeerPod(mode, bundle)

  beforeAll(async () => await installFloor(runner()))

  async function runPeerJob(): Promise<Job> {
    const job = await runJob(peer())
    await sweepPeer(peer())
    return job
  }

  it('no command of a job takes longer than its limit', async () => {
    let jobPod: V1Pod | undefined
    // The first job of all is nobody's measurement.
    await runJob(runner(), async () => {
      ;[jobPod] = await get<V1Pod>(['pod', `${runner().name}-workflow`, '-n', runner().namespace])
    })
    const bareStep = () => barePodWithMounts(runner(), { image: ECHO.image, command: [ECHO.entryPoint, ...ECHO.args] })
    const { ours, theirs, jobPods, stepPods } = await takeTurns(
      bundle === undefined ? ROUNDS[mode].alone : ROUNDS[mode].withPeer,
      {
        ours: () => runJob(runner()),
        jobPods: () => measureFloor(runner(), [samePod(jobPod as V1Pod)], 'up'),
        ...(bundle !== undefined && { theirs: runPeerJob }),
        stepPods: () => measureFloor(runner(), [bareStep()])
      }
    )
    const compare = (command: Command, than: string, ratioMax: number, other: readonly number[]) =>
      expectRatio({ what: `${command}, ${mode}`, than, ratioMax, ours: ours.map((job) => job[command]), other })

    compare('prepare_job', 'a bare pod of the same spec', PREPARE_RATIO_MAX, jobPods)
    compare(
      'script step',
      '`kubectl exec`',
      SCRIPT_RATIO_MAX,
      ours.map((job) => job['kubectl exec'])
    )
    compare('container step', 'a bare pod with the same mounts', CONTAINER_RATIO_MAX[mode], stepPods)
    if (theirs === undefined) return
    for (const [command, ratioMax] of Object.entries(PEER_RATIO_MAX) as [Command, number][]) {
      compare(
        command,
        PEER,
        ratioMax,
        theirs.map((job) => job[command])
      )
    }
  })
})
