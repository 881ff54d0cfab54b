/** Whose job pod a step runs in: the runner's own and no other, whatever the job's state names. Two runners share a namespace. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCleanupJob, runContainerStep } from './support/hook.ts'
import { IMAGES } from './support/images.ts'
import { inJob, jobPodOf, prepareJob } from './support/job.ts'
import { apply, get, kubectl } from './support/kubectl.ts'
import { errorsOf, GIVEN_LABEL, objectsLeft } from './support/leftovers.ts'
import { type Finished, runProcess } from './support/process.ts'
import { createRunnerPod, type RunnerPod, STORAGE_MODES } from './support/runner-pod.ts'
import { runScript } from './support/script.ts'
import { createTestNamespace, type TestNamespace } from './support/test-namespace.ts'

const TOKEN = 'a-token-of-job-a'
/** Of a script that has begun, in any pod. */
const TRACES = 'ls -d /tmp/ran-here /tmp/.slipway-* /__w/_temp/.slipway-* /__w/repo/repo/ran-here 2>/dev/null'
const RUN = 'echo "$TOKEN" | tee /tmp/ran-here >/__w/repo/repo/ran-here'

interface Owner {
  readonly metadata: { readonly name: string; readonly uid: string }
}

function expectRefused(run: Finished, message: RegExp): void {
  expect(run.exitCode, run.stdout).toBe(1)
  expect(errorsOf(run)).toEqual([expect.stringMatching(message)])
}

describe.each(STORAGE_MODES)('the state of a job in storage mode %s', (mode) => {
  let namespace: TestNamespace
  let a: RunnerPod
  let b: RunnerPod
  const runners = () => [a, b]
  beforeAll(async () => {
    namespace = await createTestNamespace()
    ;[a, b] = (await Promise.all([createRunnerPod(namespace.name, mode), createRunnerPod(namespace.name, mode)])) as [
      RunnerPod,
      RunnerPod
    ]
    const prepared = await Promise.all(runners().map((pod) => prepareJob(pod, { container: { image: IMAGES.debian } })))
    for (const { exitCode, stdout } of prepared) expect(exitCode, stdout).toBe(0)
    await inJob(b, 'echo "of job b" >/__w/repo/repo/of-b')
  })
  afterAll(async () => {
    for (const pod of runners()) await runCleanupJob(pod)
    expect(await objectsLeft(a)).toEqual([])
    for (const pod of runners()) await pod?.remove()
    await namespace?.remove()
  })

  /** Somebody's pod that looks like a job pod, as far as `metadata` goes. */
  const withStranger = async (name: string, metadata: object, use: () => Promise<void>): Promise<void> => {
    const container = { name: 'job', image: IMAGES.debian, imagePullPolicy: 'IfNotPresent', command: ['sleep', '600'] }
    const containers = [container, { ...container, name: 'files' }]
    const spec = { containers, terminationGracePeriodSeconds: 0 }
    await apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: namespace.name, ...metadata }, spec })
    try {
      await kubectl(['wait', '-n', namespace.name, `pod/${name}`, '--for=condition=Ready', '--timeout=60s'])
      await use()
    } finally {
      await kubectl(['delete', 'pod', name, '-n', namespace.name, '--now'])
    }
  }
  const tracesIn = async (pod: string) =>
    (await runProcess('kubectl', ['exec', '-n', namespace.name, pod, '-c', 'job', '--', 'sh', '-c', TRACES])).stdout

  it("that names another runner's job pod runs no script there", async () => {
    const state = { jobPod: (await jobPodOf(b)).metadata.name, storage: mode }
    const run = await runScript(a, { state, env: { TOKEN }, run: RUN })
    expectRefused(run, /is not this runner's job pod/)
    expect(await tracesIn(state.jobPod)).toBe('')
    expect(await tracesIn(`${a.name}-workflow`)).toBe('')
  })

  it("that names another runner's job pod gives a container action nothing of it, and takes nothing there", async () => {
    const state = { jobPod: (await jobPodOf(b)).metadata.name, storage: mode }
    const run = await runContainerStep(a, {
      state,
      image: IMAGES.busybox,
      entryPoint: 'sh',
      args: ['-c', 'cat /github/workspace/of-b; echo x >/github/workspace/ran-here']
    })
    expectRefused(run, /is not this runner's job pod/)
    expect(run.stdout).not.toContain('of job b')
    expect(await tracesIn(state.jobPod)).toBe('')
  })

  it.each([
    ['the label alone', async () => ({})],
    [
      'the label, and another runner as its owner',
      async () => {
        const [owner] = await get<Owner>(['pod', b.name, '-n', namespace.name])
        const { name, uid } = (owner as Owner).metadata
        return { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid }] }
      }
    ]
  ])('that names a pod with %s runs nothing there', async (_title, metadata) => {
    const labels = { 'runner-pod': a.name, [GIVEN_LABEL]: '' }
    await withStranger('stranger', { labels, ...(await metadata()) }, async () => {
      const state = { jobPod: 'stranger' }
      expectRefused(await runScript(a, { state, env: { TOKEN }, run: RUN }), /is not this runner's job pod/)
      expect(await tracesIn('stranger')).toBe('')
      const image = { image: IMAGES.busybox, entryPoint: 'true' }
      expectRefused(await runContainerStep(a, { ...image, state }), /is not this runner's job pod/)
    })
  })

  it.each(['.', '..', '../secrets/x', 'x/../y', 'x?container=files', '%2e%2e', 'x%2fexec', 'X', 'x\n::debug::y'])(
    'that names %j is refused before anything is asked',
    async (jobPod) => {
      expectRefused(await runScript(a, { state: { jobPod }, run: RUN }), /state\.jobPod must be the name/)
      expectRefused(
        await runContainerStep(a, { state: { jobPod }, image: IMAGES.busybox, entryPoint: 'true' }),
        /state\.jobPod must be the name/
      )
    }
  )

  it("that names the runner's own job pod runs there, whatever else it says", async () => {
    const other = mode === 'copy' ? 'volume' : 'copy'
    const state = { jobPod: `${a.name}-workflow`, storage: other, namespace: 'default', runnerPod: b.name }
    const run = await runScript(a, { state, run: 'echo here; echo made >made; echo a=1 >>$GITHUB_OUTPUT' })
    expect([run.exitCode, run.stdout]).toEqual([0, 'here'])
    expect(await run.fileCommand('GITHUB_OUTPUT')).toBe('a=1')
    const action = { image: IMAGES.busybox, entryPoint: 'cat', args: ['/github/workspace/made'] }
    const step = await runContainerStep(a, { ...action, state })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toContain('made')
  })

  it('that is missing does not lead to a pod of the usual name that is somebody else’s', async () => {
    await runCleanupJob(a)
    await withStranger(`${a.name}-workflow`, { labels: { 'runner-pod': a.name, [GIVEN_LABEL]: '' } }, async () => {
      const run = await runScript(a, { state: null, env: { TOKEN }, run: RUN })
      expectRefused(run, /is not this runner's job pod/)
      expect(await tracesIn(`${a.name}-workflow`)).toBe('')
      const step = await runContainerStep(a, { image: IMAGES.busybox, entryPoint: 'true' })
      expect(step.exitCode, 'a job without a job container').toBe(0)
    })
  })
})
