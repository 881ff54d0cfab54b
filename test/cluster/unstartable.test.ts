/**
 * Pods whose sandbox their node cannot make, really: of a RuntimeClass that no node has a runtime for. What is said meanwhile, when it is
 * given up, and that nothing is left. Each in a namespace of its own, at the same time, because most of it is waiting.
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { installCli } from './support/cli.ts'
import { expectFault } from './support/doctor.ts'
import { root } from './support/documentation.ts'
import { runContainerStep, startContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { prepareJob } from './support/job.ts'
import { apply, kubectl } from './support/kubectl.ts'
import { errorsOf, expectNothingLeft, registryContent } from './support/leftovers.ts'
import type { Finished } from './support/process.ts'
import { createRunnerPod, HOME, type RunnerPod } from './support/runner-pod.ts'
import { createTestNamespace, SERVICE_ACCOUNT } from './support/test-namespace.ts'

const ABSENT = `slipway-test-${randomBytes(4).toString('hex')}`
const TEMPLATE = `spec: { runtimeClassName: ${ABSENT} }\nslipway: { build: { spec: { runtimeClassName: ${ABSENT} } } }\n`
const env = { ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE: `${HOME}/template.yaml` }
const JOB_SECONDS = 40
/** Two minutes where events may be read, after half a minute in which a user namespace was tried. */
const BUILD_SECONDS_MAX = 200
const DOCTOR_SECONDS_MAX = 200

beforeAll(async () => {
  await apply({ apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: ABSENT }, handler: ABSENT })
})
afterAll(async () => await kubectl(['delete', 'runtimeclass', ABSENT, '--ignore-not-found']))

/** With a runner pod of its own, whose namespace has nothing of ours afterwards. Resolves with the seconds that it took. */
async function timed(work: (runner: RunnerPod) => Promise<void>): Promise<number> {
  const namespace = await createTestNamespace()
  const runner = await createRunnerPod(namespace.name, 'copy')
  try {
    await runner.write(HOME, { 'template.yaml': TEMPLATE })
    const before = await registryContent()
    const startedAt = performance.now()
    await work(runner)
    const seconds = (performance.now() - startedAt) / 1_000
    await expectNothingLeft(runner, before)
    return seconds
  } finally {
    await runner.remove()
    await namespace.remove()
  }
}

/** As docs/install.md says: what the hook may read besides. */
async function allowEvents(namespace: string): Promise<void> {
  const optional = await readFile(new URL('deploy/role/optional.yaml', root), 'utf8')
  const input = optional.replace('name: slipway }', `name: ${SERVICE_ACCOUNT} }`)
  await kubectl(['apply', '-n', namespace, '-f', '-'], { input })
}

const toldOf = (run: Finished) =>
  run.lines.filter(({ text }) => /^Waiting for pod \S+: node \S+ has not set up/.test(text))

describe('a pod whose sandbox cannot be made', () => {
  it.concurrent("is told after 15 s, with what may be the reason, where only ARC's Role is there", async () => {
    await timed(async (runner) => {
      const step = await startContainerStep(runner, { image: IMAGES.busybox, entryPoint: 'true' }, { env })
      const told = await step.line(/has not set up pod \S+ within 15 s: it lacks its sandbox.*kubectl describe pod/)
      expect(told.text).toContain('runtimeClassName')
      await step.signal('INT')
      const { exitCode } = await step.finished
      expect(exitCode).toBe(130)
    })
  })

  it.concurrent('fails a job as soon as its time is over', async () => {
    await timed(async (runner) => {
      const limited = { ...env, ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS: String(JOB_SECONDS) }
      const job = await prepareJob(runner, { container: { image: IMAGES.busybox } }, { env: limited })
      expect(job.exitCode, job.stdout).toBe(1)
      expect(errorsOf(job)).toEqual([expect.stringMatching(/has not set up pod \S+-workflow within \d+ s/)])
      expect(toldOf(job)).toHaveLength(1)
    })
  })
})

describe.skipIf(!(await canBuild()))('a build pod whose sandbox cannot be made', () => {
  it.concurrent('fails long before the hour of a build, and says why where events may be read', async () => {
    const seconds = await timed(async (runner) => {
      await allowEvents(runner.namespace)
      const directory = await installAction(runner, 'never', { Dockerfile: dockerfile(IMAGES.busyboxBase) })
      const step = await runContainerStep(runner, { dockerfile: `${directory}/Dockerfile` }, { env })
      expect(step.exitCode, step.stdout).toBe(1)
      expect(errorsOf(step)).toEqual([
        expect.stringMatching(new RegExp(`within 120 s: FailedCreatePodSandBox: .*${ABSENT}.*kubectl describe pod`))
      ])
      expect(toldOf(step).at(-1)?.text).toContain('FailedCreatePodSandBox')
    })
    expect(seconds).toBeLessThan(BUILD_SECONDS_MAX)
  })

  it.concurrent('is found by doctor, which does not blame the image', async () => {
    const seconds = await timed(async (runner) => {
      await installCli(runner)
      await expectFault(runner, env, 'Builder image', /has not set up pod \S+ within 120 s/, /runtimeClassName/)
    })
    expect(seconds).toBeLessThan(DOCTOR_SECONDS_MAX)
  })
})
