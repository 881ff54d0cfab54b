/** The same without a registry: the pod of an action is there, built, before its step, and is that step's or nobody's. */
import { describe, expect, it } from 'vitest'
import { dockerfile, installAction, program } from './support/actions.ts'
import { AHEAD_MS_MAX, aheadProcesses, cleanedUp, killAhead, labelled, prepared, SWITCH } from './support/ahead.ts'
import { useRunnerPod } from './support/harness.ts'
import { type HookOptions, runContainerStep, startContainerStep } from './support/hook.ts'
import { canBuildInPlace, IMAGES } from './support/images.ts'
import { type Job, startPrepareJob } from './support/job.ts'
import { eventually, kubectl } from './support/kubectl.ts'
import { errorsOf, objectsLeft } from './support/leftovers.ts'
import { mustExec, STORAGE_MODES, WORK } from './support/runner-pod.ts'
import { runScript } from './support/script.ts'
import { readTraces } from './support/traces.ts'

const PREFIX = 'ACTIONS_RUNNER_CONTAINER_HOOKS'
const ON: HookOptions = {
  env: {
    [SWITCH]: 'on',
    [`${PREFIX}_REGISTRY_HOST`]: undefined,
    [`${PREFIX}_REGISTRY_PORT`]: undefined,
    [`${PREFIX}_REGISTRY_NODE_PORT`]: undefined,
    [`${PREFIX}_BUILDER_IMAGE`]: undefined,
    [`${PREFIX}_IN_PLACE_IMAGE`]: IMAGES.kanikoDebug
  }
}
const METADATA = ['name: some action', 'runs:', '  using: docker', '  image: Dockerfile', ''].join('\n')
const AGAIN = `${METADATA}  post-entrypoint: /post.sh\n`

describe.skipIf(!(await canBuildInPlace())).each(STORAGE_MODES)('built ahead in place, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)
  const installed = async (name: string, lines: readonly string[] = [], metadata = METADATA) => {
    await mustExec(runner().exec, ['rm', '-rf', `${WORK}/_actions/owner`])
    return await installAction(runner(), name, {
      'action.yml': metadata,
      Dockerfile: dockerfile(
        IMAGES.busyboxByAddress,
        ...lines,
        'COPY *.sh /',
        'RUN echo the build ahead',
        'ENTRYPOINT ["/entry.sh"]'
      ),
      'entry.sh': program(
        'echo "it runs $1, $SECRET"',
        'grep -h "[r]egistry" /etc/hosts',
        'cat /github/workspace/input.txt 2>/dev/null',
        'echo "answer=42" >> "$GITHUB_OUTPUT"'
      ),
      'post.sh': program('echo "it ends"')
    })
  }
  const standing = async () => await labelled(runner(), 'pods', 'building')
  const begun = () => eventually('a build ahead', AHEAD_MS_MAX, async () => (await standing()).length === 1)
  const stands = () =>
    eventually('a pod that stands', AHEAD_MS_MAX, async () => {
      const [pod] = await standing()
      if (pod === undefined) return false
      const log = await kubectl(['logs', '-n', runner().namespace, pod, '-c', 'job']).catch(() => ({ stdout: '' }))
      return log.stdout.includes('slipway: built')
    })
  const action = (directory: string, entryPoint?: string) => ({
    dockerfile: `${directory}/Dockerfile`,
    args: ['once'],
    env: { SECRET: 'with its environment' },
    ...(entryPoint !== undefined && { entryPoint })
  })
  const run = (directory: string, entryPoint?: string) => runContainerStep(runner(), action(directory, entryPoint), ON)
  const script = async (text: string) => {
    const { exitCode, stdout } = await runScript(runner(), { run: text }, ON)
    expect(exitCode, stdout).toBe(0)
  }
  const begin = async (job?: Job) => await prepared(runner(), ON, job)
  const end = () => cleanedUp(runner(), ON)

  const TAKEN = /^Take: /m
  const BUILT = /^Build in place: /m

  it('is taken by a step that comes later, which builds nothing', async () => {
    const directory = await installed('later')
    await begin({ services: [{ image: IMAGES.registry }] })
    await stands()
    await script('echo from a step before > input.txt')
    const step = await run(directory)
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toContain('it runs once, with its environment')
    expect(step.stdout).toContain('from a step before')
    // The names of the job's services, and the log of the build.
    expect(step.stdout).toMatch(/^\d[\d.]+\s+registry$/m)
    expect(step.stdout).toContain('the build ahead')
    expect(step.stdout).toMatch(TAKEN)
    expect(step.stdout).not.toMatch(BUILT)
    expect(await standing()).toEqual([])
    expect(await end()).toMatch(/; of 1 built ahead all were used$/m)
    expect(await objectsLeft(runner())).toEqual([])
    const traces = await readTraces(runner())
    expect(traces.map(({ replay: { command, end } }) => [command, end?.exitCode])).toContainEqual(['build_ahead', 0])
  })

  it('is taken by a step that comes at once, which waits for its end and shows it', async () => {
    const directory = await installed('at-once', ['RUN sleep 6'])
    await begin()
    await begun()
    const step = await run(directory)
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toMatch(TAKEN)
    expect(step.stdout).not.toMatch(BUILT)
    expect(step.stdout).toContain('the build ahead')
    expect(await end()).toMatch(/; of 1 built ahead all were used$/m)
  })

  it('has its whole log shown, however long that is', async () => {
    const [line, lines] = ['x'.repeat(100), 60_000]
    const directory = await installed('long', [`RUN yes ${line} | head -n ${lines}`])
    await begin()
    await stands()
    const step = await run(directory)
    expect(step.exitCode, step.stdout.slice(-2_000)).toBe(0)
    expect(step.stdout).toMatch(TAKEN)
    expect(step.stdout.split('\n').filter((text) => text === line)).toHaveLength(lines)
    await end()
  })

  it('is there for each use of an action, and built once more when it was taken', async () => {
    const directory = await installed('post', [], AGAIN)
    await begin()
    await stands()
    const [first] = await standing()
    const main = await run(directory)
    expect(main.stdout).toContain('it runs once')
    await eventually('another one', AHEAD_MS_MAX, async () => ![undefined, first].includes((await standing())[0]))
    await stands()
    const post = await run(directory, '/post.sh')
    expect(post.exitCode, post.stdout).toBe(0)
    expect(post.stdout).toContain('it ends')
    for (const { stdout } of [main, post]) {
      expect(stdout).toMatch(TAKEN)
      expect(stdout).not.toMatch(BUILT)
    }
    expect(await end()).toMatch(/; of 2 built ahead all were used$/m)
  })

  it('is taken by one of two steps that come at once, and the other one builds', async () => {
    const directory = await installed('two')
    await begin()
    await stands()
    const steps = await Promise.all([run(directory), run(directory)])
    for (const { exitCode, stdout } of steps) {
      expect(exitCode, stdout).toBe(0)
      expect(stdout).toContain('it runs once')
    }
    expect(steps.filter(({ stdout }) => BUILT.test(stdout))).toHaveLength(1)
    expect(await standing()).toEqual([])
    expect(await end()).toMatch(/; of 1 built ahead all were used$/m)
  })

  it('that fails is built by its step, which says its own error', async () => {
    const directory = await installed('failing', ['RUN sleep 3; echo what went wrong; exit 7'])
    await begin()
    await begun()
    const step = await run(directory)
    expect(step.exitCode).not.toBe(0)
    expect(step.stdout).toMatch(BUILT)
    expect(step.stdout).toContain('what went wrong')
    expect(errorsOf(step)).toHaveLength(1)
    await end()
    expect(await objectsLeft(runner())).toEqual([])
  })

  it('of other content is left to stand, and was for nothing', async () => {
    const directory = await installed('other')
    await begin()
    await stands()
    await runner().write(directory, { 'entry.sh': program('echo "it is another"') })
    const step = await run(directory)
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toContain('it is another')
    expect(step.stdout).not.toMatch(TAKEN)
    expect(await standing()).toHaveLength(1)
    expect(await end()).toMatch(/; of 1 built ahead 1 was never used$/m)
    expect(await objectsLeft(runner())).toEqual([])
  })

  it('is of no use where a directory of the step is another one by then', async () => {
    const directory = await installed('replaced')
    await begin()
    await stands()
    await script('cd .. && rm -rf repo && mkdir -m 777 repo && echo new > repo/input.txt')
    const step = await run(directory)
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toMatch(/^new$/m)
    expect(BUILT.test(step.stdout)).toBe(mode === 'volume')
    await end()
  })

  it('whose process is killed is taken all the same', async () => {
    const directory = await installed('killed')
    await begin()
    await stands()
    await killAhead(runner())
    const step = await run(directory)
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toMatch(TAKEN)
    expect(step.stdout).not.toMatch(BUILT)
    expect(await standing()).toEqual([])
    await end()
  })

  it('goes with the step that has taken it and is cancelled', async () => {
    const directory = await installed('step-cancelled', ['RUN sleep 30'])
    await begin()
    await begun()
    const step = await startContainerStep(runner(), action(directory), ON)
    await step.line(/^Take: /, 20_000)
    const [pod = ''] = await standing()
    const isTaken = async () => (await labelled(runner(), 'secrets', 'taken')).includes(`${pod}-taken`)
    await eventually('the claim', 20_000, isTaken)
    await step.signal('INT')
    expect((await step.finished).exitCode).not.toBe(0)
    expect(await standing()).toEqual([])
    await end()
    expect(await objectsLeft(runner())).toEqual([])
  })

  it('leaves nothing when the job ends at once, or is cancelled, whether its process lives or not', async () => {
    await installed('never', ['RUN sleep 60'])
    await begin()
    await begun()
    await killAhead(runner())
    expect(await end()).toMatch(/; of 1 built ahead 1 was never used$/m)
    expect(await objectsLeft(runner())).toEqual([])
    const services = [
      { image: IMAGES.registry, createOptions: '--health-cmd false --health-interval 2s --health-retries 1000' }
    ]
    const job = await startPrepareJob(runner(), { container: { image: IMAGES.busybox }, services }, ON)
    await begun()
    await job.signal('INT')
    expect((await job.finished).exitCode).not.toBe(0)
    await end()
    expect(await objectsLeft(runner())).toEqual([])
  })

  it('is begun without being asked for where no RUN has files of other steps', async () => {
    await installed('unasked')
    await prepared(runner(), { env: { ...ON.env, [SWITCH]: undefined } })
    if (mode === 'copy') await begun()
    else await eventually('the end of the process', 20_000, async () => (await aheadProcesses(runner())) === 0)
    expect(await standing()).toHaveLength(mode === 'copy' ? 1 : 0)
    await end()
  })

  it('is not begun where it is switched off', async () => {
    const directory = await installed('off')
    const off = { env: { ...ON.env, [SWITCH]: 'off' } }
    await prepared(runner(), off)
    expect(await aheadProcesses(runner())).toBe(0)
    const step = await runContainerStep(runner(), action(directory), off)
    expect(step.stdout).toMatch(BUILT)
    expect(await cleanedUp(runner(), off)).not.toContain('built ahead')
  })
})
