/** A hook that is cancelled or killed: how fast it ends, and that nothing of it stays. */
import { describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { type ContainerStep, runCleanupJob, startContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { eventually } from './support/kubectl.ts'
import { objectsLeft } from './support/leftovers.ts'
import { type RunnerPod, STORAGE_MODES } from './support/runner-pod.ts'

/** The runner sends SIGTERM 7.5 s after SIGINT. */
const CANCEL_MS_MAX = 7_000

interface Phase {
  readonly phase: 'build' | 'run'
  readonly lines: readonly string[]
}

/** Actions that stay in one phase until they are stopped; both print `busy 42` when they are there. */
const PHASES: readonly Phase[] = [
  { phase: 'build', lines: ['RUN echo "busy $((40 + 2))" && sleep 300', 'ENTRYPOINT ["true"]'] },
  { phase: 'run', lines: ['ENTRYPOINT ["sh", "-c", "echo busy 42; sleep 300"]'] }
]

async function startBusy(pod: RunnerPod, { phase, lines }: Phase): Promise<ContainerStep> {
  const directory = await installAction(pod, `busy-${phase}`, { Dockerfile: dockerfile(IMAGES.busyboxBase, ...lines) })
  const step = await startContainerStep(pod, { dockerfile: `${directory}/Dockerfile` })
  await step.line(/^busy 42$/)
  return step
}

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('a hook in storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it.each(PHASES)('cancelled by SIGINT during $phase ends within 7 s', async (phase) => {
    const step = await startBusy(runner(), phase)
    const signalledAt = performance.now()
    await step.signal('INT')
    const { exitCode } = await step.finished
    expect(performance.now() - signalledAt).toBeLessThan(CANCEL_MS_MAX)
    expect(exitCode).not.toBe(0)
  })

  it('told SIGTERM right after SIGINT ends within 2.5 s of it', async () => {
    const step = await startBusy(runner(), PHASES[1] as Phase)
    await step.signal('INT')
    const signalledAt = performance.now()
    // The hook may have ended already, and then there is nothing to tell.
    await step.signal('TERM').catch(() => undefined)
    const { exitCode } = await step.finished
    expect(performance.now() - signalledAt).toBeLessThan(2_500)
    expect(exitCode).not.toBe(0)
  })

  it.each(PHASES)('killed during $phase is cleaned up by cleanup_job', async (phase) => {
    const step = await startBusy(runner(), phase)
    await step.signal('KILL')
    await step.finished
    await eventually('the end of the hook', 10_000, async () => !(await step.isAlive()))
    expect(await objectsLeft(runner())).not.toEqual([])

    const cleanup = await runCleanupJob(runner())
    expect(cleanup.exitCode, cleanup.stdout).toBe(0)
    expect(await objectsLeft(runner())).toEqual([])
  })

  it('has a cleanup_job that may find nothing to do, twice', async () => {
    expect((await runCleanupJob(runner())).exitCode).toBe(0)
    expect((await runCleanupJob(runner())).exitCode).toBe(0)
  })
})
