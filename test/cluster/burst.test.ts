/**
 * A burst of output right before the end arrives whole, every time, whoever writes it. Process 1 of the container writes it and ends: an old
 * container runtime loses the end of that for good (containerd before 1.6.22 and 1.7.3), and then these tests fail.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { runCleanupJob, runContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { prepareJob } from './support/job.ts'
import { objectsLeft } from './support/leftovers.ts'
import type { Finished } from './support/process.ts'
import { createRunnerPod, type RunnerPod } from './support/runner-pod.ts'
import { runScript } from './support/script.ts'
import { createTestNamespace, type TestNamespace } from './support/test-namespace.ts'

const LINES = 20_000
const TIMES = 20
/** What two cores carry without anything that is waited for being late. */
const SIDE_BY_SIDE = 4
const EXIT_CODE = 7
const SHOWN_MAX = 1_000
const BURST = `BEGIN { for (i = 1; i <= ${LINES}; i++) print "line-" i; exit ${EXIT_CODE} }`
const EXPECTED = Array.from({ length: LINES }, (_, at) => `line-${at + 1}`)

/** What is wrong with a run; nothing when its lines are whole and in order, and its exit code is the right one. */
function faultOf(run: Finished, exitCode: number): object | undefined {
  const seen = run.lines.map(({ text }) => text).filter((text) => text.startsWith('line-'))
  const at = EXPECTED.findIndex((line, index) => seen[index] !== line)
  if (at === -1 && seen.length === LINES && run.exitCode === exitCode) return undefined
  return { exitCode: run.exitCode, arrived: seen.length, at, instead: seen[at], last: run.stdout.slice(-SHOWN_MAX) }
}

async function expectWholeEveryTime(exitCode: number, run: () => Promise<Finished>): Promise<void> {
  const faults: (object | undefined)[] = []
  for (let begun = 0; begun < TIMES; begun += SIDE_BY_SIDE) {
    const runs = await Promise.all(Array.from({ length: SIDE_BY_SIDE }, run))
    faults.push(...runs.map((finished) => faultOf(finished, exitCode)))
  }
  expect(faults, JSON.stringify(faults)).toEqual(Array.from({ length: TIMES }, () => undefined))
}

const canBuildHere = await canBuild()

describe('a burst of 20,000 lines right before the end of a pod arrives whole, 20 of 20 times', () => {
  const runner = useRunnerPod('copy')

  it('from a container step', async () => {
    const action = { image: IMAGES.busybox, entryPoint: 'awk', args: [BURST] }
    await expectWholeEveryTime(EXIT_CODE, async () => await runContainerStep(runner(), action))
  })

  it.skipIf(!canBuildHere)('from a RUN that fails, which ends the build', async () => {
    // The program is a file: in the command line it would be in the log twice.
    const directory = await installAction(runner(), 'burst', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, 'COPY burst.awk /', 'RUN awk -f /burst.awk'),
      'burst.awk': BURST
    })
    await expectWholeEveryTime(
      1,
      async () => await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    )
  })
})

describe('a burst of 20,000 lines right before the end of a script arrives whole, 20 of 20 times', () => {
  let namespace: TestNamespace
  let pod: RunnerPod
  beforeAll(async () => {
    namespace = await createTestNamespace()
    pod = await createRunnerPod(namespace.name, 'copy')
    const { exitCode, stdout } = await prepareJob(pod, { container: { image: IMAGES.busybox } })
    expect(exitCode, stdout).toBe(0)
  })
  afterAll(async () => {
    if (pod !== undefined) await runCleanupJob(pod)
    expect(await objectsLeft(pod)).toEqual([])
    await pod?.remove()
    await namespace?.remove()
  })

  it('from a script', async () => {
    const script = { run: `exec awk '${BURST}'` }
    await expectWholeEveryTime(EXIT_CODE, async () => await runScript(pod, script))
  })
})
