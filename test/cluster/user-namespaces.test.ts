/** Who the root of our pods is on their node, seen from the node; what works in a user namespace, and what happens where there is none. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dockerfile, installAction, program } from './support/actions.ts'
import { installCli } from './support/cli.ts'
import { diagnose, failed } from './support/doctor.ts'
import { useRunnerPod } from './support/harness.ts'
import { type HookRun, runCleanupJob, runContainerStep, startContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { inJob, prepareJob } from './support/job.ts'
import { get } from './support/kubectl.ts'
import { errorsOf, expectNothingLeft, registryContent } from './support/leftovers.ts'
import { processesOf } from './support/processes.ts'
import { createRunnerPod, isRunnerPod, type RunnerPod, STORAGE_MODES, WORKSPACE } from './support/runner-pod.ts'
import { createTestNamespace, type TestNamespace } from './support/test-namespace.ts'

const BUILD = 'ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_USER_NAMESPACE'
const STEP = 'ACTIONS_RUNNER_CONTAINER_HOOKS_STEP_USER_NAMESPACE'
/** Of ids, in a user namespace that a kubelet makes. */
const FIRST_ID = 65_536

/** Every process of the runner's other pods, by what its node says of it. */
async function expectNobody(runner: RunnerPod, kinds: readonly RegExp[]): Promise<void> {
  const pods = await get<{ metadata: { name: string; uid: string } }>(['pods', '-n', runner.namespace])
  const ours = pods.filter(({ metadata }) => !isRunnerPod(metadata.name))
  for (const kind of kinds) expect(ours.filter(({ metadata }) => kind.test(metadata.name))).toHaveLength(1)
  for (const { metadata } of ours.filter(({ metadata: { name } }) => kinds.some((kind) => kind.test(name)))) {
    const processes = await processesOf(metadata.uid)
    // One holds the pod's namespaces.
    expect(processes.length, `processes of ${metadata.name} on this machine`).toBeGreaterThan(1)
    for (const { name, uids, rootIs } of processes) {
      expect(Math.min(...uids), `${name} in ${metadata.name}`).toBeGreaterThanOrEqual(FIRST_ID)
      expect(rootIs, `root of ${name} in ${metadata.name}`).toBeGreaterThanOrEqual(FIRST_ID)
    }
  }
}

async function stop(step: HookRun): Promise<void> {
  await step.signal('INT')
  await step.finished
}

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('in a user namespace, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it('no process of a build is root on the node, without any setting', async () => {
    const directory = await installAction(runner(), 'busy-build', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, 'RUN echo "root here: $(id -u)" && sleep 300')
    })
    const step = await startContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    await step.line(/^root here: 0$/)
    await expectNobody(runner(), [/-build-/])
    await stop(step)
  })

  it('no process of a step is root on the node, where the setting says so', async () => {
    const directory = await installAction(runner(), 'busy-run', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, 'ENTRYPOINT ["sh", "-c", "echo root here: $(id -u); sleep 300"]')
    })
    const step = await startContainerStep(
      runner(),
      { dockerfile: `${directory}/Dockerfile` },
      { env: { [STEP]: 'on' } }
    )
    await step.line(/^root here: 0$/)
    await expectNobody(runner(), [/-step-/])
    await stop(step)
  })

  it('no process of a job and its services is root on the node, where the setting says so', async () => {
    const service = { image: IMAGES.busybox, entryPoint: 'sleep', entryPointArgs: ['300'] }
    const options = { env: { [STEP]: 'on' } }
    const job = await prepareJob(runner(), { services: [service] }, options)
    expect(job.exitCode, job.stdout).toBe(0)
    expect((await inJob(runner(), 'id -u; touch /__w/of-the-job')).stdout).toBe('0')
    await expectNobody(runner(), [/-workflow$/])
    expect((await runCleanupJob(runner(), options)).exitCode).toBe(0)
  })

  it('a Dockerfile makes users, gives files away and sets ids, and its action runs as one of them', async () => {
    const tree = {
      Dockerfile: dockerfile(
        IMAGES.debianBase,
        'RUN useradd --create-home --uid 1234 somebody && groupadd --gid 4321 some',
        'COPY --chown=somebody:some data /data',
        'RUN install --owner=somebody --mode=0700 --directory /given && chown 65534:65534 /data/left && \\\n' +
          '  cp /usr/bin/id /usr/local/bin/id-of-root && chmod 4755 /usr/local/bin/id-of-root',
        'COPY entry.sh /entry.sh',
        'USER somebody',
        'ENTRYPOINT ["/entry.sh"]'
      ),
      'data/kept': 'kept',
      'data/left': 'left',
      'entry.sh': program(
        'stat -c "%U:%G %a" /data/kept',
        'stat -c "%u:%g" /data/left',
        'stat -c "%U %a" /given',
        'echo "runs as $(id -u) and $(/usr/local/bin/id-of-root -u)"',
        'id -u > made-by-action'
      )
    }
    const directory = await installAction(runner(), 'users', tree)
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, { env: { [STEP]: 'on' } })
    expect(step.exitCode, step.stdout).toBe(0)
    const printed = step.lines.map(({ text }) => text)
    for (const line of ['somebody:some 644', '65534:65534', 'somebody 700', 'runs as 1234 and 0']) {
      expect(printed).toContain(line)
    }
    expect(await runner().read(`${WORKSPACE}/made-by-action`)).toBe('1234')
    expect(errorsOf(step)).toEqual([])
  })
})

/** The kernel's own file system of devices holds plain files as well, and maps no ids. */
const unmappedDirectory = (name: string): string => `/dev/slipway-test-${name}`

describe.skipIf(!(await canBuild()))('where the volume of the work directory cannot map ids', () => {
  let namespace: TestNamespace
  let runner: RunnerPod
  let before: readonly string[] = []
  beforeAll(async () => {
    namespace = await createTestNamespace()
    runner = await createRunnerPod(namespace.name, 'volume', (pod) => pod, unmappedDirectory)
  })
  beforeEach(async () => {
    before = await registryContent()
  })
  afterEach(async () => await expectNothingLeft(runner, before))
  afterAll(async () => {
    await runner?.remove()
    await namespace?.remove()
  })

  const run = async (name: string, env = {}) => {
    const directory = await installAction(runner, name, {
      Dockerfile: dockerfile(IMAGES.busyboxBase, `ENTRYPOINT ["echo", "ran ${name}"]`)
    })
    return await runContainerStep(runner, { dockerfile: `${directory}/Dockerfile` }, { env })
  }
  const aboutUserNamespaces = (step: Awaited<ReturnType<typeof run>>) =>
    step.lines.map(({ text }) => text).filter((text) => /user namespace/i.test(text))

  it('a build is made without one, with one line in the log, and the builds after it at once', async () => {
    const first = await run('first')
    expect(first.exitCode, first.stdout).toBe(0)
    expect(first.lines.map(({ text }) => text)).toContain('ran first')
    expect(aboutUserNamespaces(first)).toEqual([expect.stringContaining(BUILD)])
    expect(errorsOf(first)).toEqual([])
    const second = await run('second')
    expect(second.exitCode, second.stdout).toBe(0)
    expect(aboutUserNamespaces(second)).toEqual([])
    expect((await runCleanupJob(runner)).exitCode).toBe(0)
  })

  it('doctor says so, and what to do', async () => {
    await installCli(runner)
    const { checks } = await diagnose(runner)
    expect(failed(checks)).toEqual([])
    expect(checks.find(({ name }) => name === 'Build')).toMatchObject({
      status: 'warn',
      why: expect.stringMatching(/at the second attempt: .*cannot start in a user namespace/),
      fix: expect.stringContaining(`${BUILD}=off`)
    })
  })

  it.each([
    ['a build that has to have one', { [BUILD]: 'on' }],
    ['a step that has to have one', { [BUILD]: 'off', [STEP]: 'on' }]
  ])('%s fails with one line that says why', async (_title, env) => {
    const step = await run('refused', env)
    expect(step.exitCode).not.toBe(0)
    expect(errorsOf(step)).toEqual([expect.stringMatching(/user namespace.*cannot map ids/)])
    expect(step.lines.map(({ text }) => text)).not.toContain('ran refused')
  })
})
