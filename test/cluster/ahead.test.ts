/** Dockerfiles of a job's actions, built from its beginning on: their steps find the image, join, or build as if nothing had been. */
import { describe, expect, it } from 'vitest'
import { dockerfile, installAction, program } from './support/actions.ts'
import { AHEAD_MS_MAX, aheadProcesses, cleanedUp, killAhead, labelled, prepared, SWITCH } from './support/ahead.ts'
import { useRunnerPod } from './support/harness.ts'
import { type HookOptions, runContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { startPrepareJob } from './support/job.ts'
import { eventually, kubectl } from './support/kubectl.ts'
import { errorsOf } from './support/leftovers.ts'
import { mustExec, STORAGE_MODES, WORK } from './support/runner-pod.ts'
import { readTraces } from './support/traces.ts'

const ON: HookOptions = { env: { [SWITCH]: 'on' } }

const METADATA = ['name: some action', 'runs:', '  using: docker', '  image: Dockerfile', ''].join('\n')

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('built ahead, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)
  const installed = async (name: string, ...lines: readonly string[]) => {
    await mustExec(runner().exec, ['rm', '-rf', `${WORK}/_actions/owner`])
    return await installAction(runner(), name, {
      'action.yml': METADATA,
      Dockerfile: dockerfile(IMAGES.busyboxBase, ...lines, 'COPY entry.sh /entry.sh', 'ENTRYPOINT ["/entry.sh"]'),
      'entry.sh': program('echo "it runs $1"')
    })
  }
  const building = async () => await labelled(runner(), 'pods', 'building')
  const begun = () => eventually('a build ahead', AHEAD_MS_MAX, async () => (await building()).length === 1)
  const run = (directory: string) =>
    runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile`, args: ['once'] }, ON)

  it('is found by a step that comes later, and counted as used', async () => {
    const directory = await installed('later')
    await prepared(runner(), ON)
    const isBuilt = async () => (await labelled(runner(), 'secrets', 'built')).length === 1
    await eventually('an image that is built ahead', AHEAD_MS_MAX, isBuilt)
    await eventually('the end of its pod', AHEAD_MS_MAX, async () => (await building()).length === 0)
    const step = await run(directory)
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toContain('it runs once')
    expect(step.stdout).not.toMatch(/^(Build|Join): /m)
    expect(step.stdout).toMatch(/^Succeeded .*; built before, image localhost:/m)
    expect(await cleanedUp(runner(), ON)).toMatch(/; of 1 built ahead all were used$/m)
  })

  it('is joined by a step that comes at once', async () => {
    const directory = await installed('at-once', 'RUN sleep 6')
    await prepared(runner(), ON)
    await begun()
    const step = await run(directory)
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toMatch(/^Join: /m)
    expect(step.stdout).not.toMatch(/^Build: /m)
    expect(step.stdout).toMatch(/^Succeeded .*; built ahead, image localhost:/m)
    expect(await cleanedUp(runner(), ON)).toMatch(/; of 1 built ahead all were used$/m)
    const traces = await readTraces(runner())
    expect(traces.map(({ replay: { command, end } }) => [command, end?.exitCode])).toContainEqual(['build_ahead', 0])
  })

  it('that fails is built by its step, which says its own error', async () => {
    const directory = await installed('failing', 'RUN sleep 3; echo what went wrong; exit 7')
    await prepared(runner(), ON)
    await begun()
    const step = await run(directory)
    expect(step.exitCode).not.toBe(0)
    expect(step.stdout).toMatch(/^Join: /m)
    expect(step.stdout).toMatch(/^Build: /m)
    expect(step.stdout).toContain('what went wrong')
    expect(errorsOf(step)).toHaveLength(1)
    await cleanedUp(runner(), ON)
  })

  it('whose process is killed is seen to by its step', async () => {
    const directory = await installed('killed', 'RUN sleep 5')
    await prepared(runner(), ON)
    await begun()
    await killAhead(runner())
    const step = await run(directory)
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toContain('it runs once')
    expect(step.stdout).toMatch(/^Join: /m)
    await cleanedUp(runner(), ON)
  })

  it('whose pod is deleted is built by its step', async () => {
    const directory = await installed('deleted', 'RUN sleep 20')
    await prepared(runner(), ON)
    await begun()
    const step = run(directory)
    await kubectl(['delete', 'pod', '-n', runner().namespace, ...(await building()), '--grace-period=0', '--force'])
    const { exitCode, stdout } = await step
    expect(exitCode, stdout).toBe(0)
    expect(stdout).toContain('it runs once')
    await cleanedUp(runner(), ON)
  })

  it('leaves nothing when the job ends at once, whether its process lives or not', async () => {
    await installed('never', 'RUN sleep 60')
    await prepared(runner(), ON)
    expect(await cleanedUp(runner(), ON)).toMatch(/^Cleaned up in /m)
    await prepared(runner(), ON)
    await begun()
    expect(await cleanedUp(runner(), ON)).toMatch(/; of 1 built ahead 1 was never used$/m)
  })

  it('is stopped with a job that is cancelled while it is prepared', async () => {
    await installed('cancelled', 'RUN sleep 60')
    const job = await startPrepareJob(
      runner(),
      {
        container: { image: IMAGES.busybox },
        services: [
          { image: IMAGES.registry, createOptions: '--health-cmd false --health-interval 2s --health-retries 1000' }
        ]
      },
      ON
    )
    await begun()
    await job.signal('INT')
    expect((await job.finished).exitCode).not.toBe(0)
    await cleanedUp(runner(), ON)
  })

  it('is not begun where it is switched off', async () => {
    const directory = await installed('off')
    const off = { env: { [SWITCH]: 'off' } }
    await prepared(runner(), off)
    expect(await aheadProcesses(runner())).toBe(0)
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile`, args: ['once'] }, off)
    expect(step.stdout).toMatch(/^Build: /m)
    expect(await labelled(runner(), 'secrets', 'built')).toEqual([])
    expect(await cleanedUp(runner(), ON)).not.toContain('built ahead')
  })
})
