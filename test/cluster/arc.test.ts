/**
 * docs/install.md and docs/migrate.md, followed with ARC's own controller, listener and charts, in both container modes: whole jobs, runners
 * that go in the middle of one, and new versions of the hook. For GitHub's service there is a stand-in.
 */
import { readFile } from 'node:fs/promises'
import type { V1Pod, V1PodSpec } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { handleOf } from '../../src/effects/kubernetes/context/site.ts'
import { type Clone, createClone } from './arc/clone.ts'
import { awaitRunners, installArc, removeArc, uninstallScaleSets } from './arc/installation.ts'
import { completeJob, deletePodOf, endRunner, idleRunner, leftOf, runnerPods, startJob } from './arc/jobs.ts'
import { GITHUB, RUNNERS } from './arc/objects.ts'
import { dockerfile, installAction, program } from './support/actions.ts'
import { BASE, makeRegistryDirectory, REGISTRY_NAMESPACE, removeDeployments } from './support/deployment.ts'
import { root } from './support/documentation.ts'
import { REGISTRY_ENVIRONMENT, runCleanupJob, runContainerStep, startContainerStep } from './support/hook.ts'
import { ARC_CHARTS, canBuild, hasArc, IMAGES } from './support/images.ts'
import { prepareJob } from './support/job.ts'
import { eventually, get, kubectl } from './support/kubectl.ts'
import { mustRun } from './support/process.ts'
import { accessTo, type RunnerPod } from './support/runner-pod.ts'
import { runScript } from './support/script.ts'
import { ARC_RULES } from './support/test-namespace.ts'

const INSTALL = 'docs/install.md'
const MIGRATE = 'docs/migrate.md'
const SCALE_SET = 'your-scale-set'
/** ARC takes 45 characters; its pods' names then have the 63 of a host name, and a job's pods need names of their own. */
const SECOND = 'your-second-scale-set-whose-name-has-45-chars'
const HOOK = '/home/runner/slipway/index.js'
const LEFT_MS_MAX = 90_000
const REPLACED_MS_MAX = 60_000

/** The pod has it all; the suite usually gives it to the hook. */
const OPTIONS = {
  hook: HOOK,
  env: Object.fromEntries(Object.keys(REGISTRY_ENVIRONMENT).map((name) => [name, undefined]))
}
const JOB = { container: { image: IMAGES.debian } }

/** How a runner goes while its job runs; GitHub takes the job for ended when the runner says so, or is not heard of any more. */
const ENDINGS: readonly (readonly [what: string, end: (runner: RunnerPod) => Promise<void>])[] = [
  [
    'the runner ends',
    async (runner) => {
      await completeJob(runner)
      await endRunner(runner, 0)
    }
  ],
  [
    'the runner crashes',
    async (runner) => {
      await endRunner(runner, 137)
      await completeJob(runner)
    }
  ],
  [
    'its EphemeralRunner is deleted',
    async (runner) => {
      await kubectl(['delete', 'ephemeralrunners.actions.github.com', runner.name, '-n', RUNNERS, '--wait=false'])
      await completeJob(runner)
    }
  ],
  ['its pod is deleted', deletePodOf]
]

describe.skipIf(!(await hasArc()) || !(await canBuild()))("ARC's own controller", () => {
  let clone: Clone
  beforeAll(async () => {
    await removeArc()
    await removeDeployments()
    await makeRegistryDirectory()
    clone = await createClone()
    await clone.follow(INSTALL, ['What is needed', '1. A registry', '2. The hook'])
    await kubectl(['label', 'namespace', RUNNERS, 'pod-security.kubernetes.io/enforce=baseline'])
    await installArc()
    await clone.follow(INSTALL, ['3. ARC'])
    // docs/migrate.md: the same values, another name, the container mode that one has.
    const change = (block: string) =>
      block.replace(SCALE_SET, SECOND).replace('kubernetes-novolume.yaml', 'kubernetes.yaml')
    await clone.follow(INSTALL, ['3. ARC'], { change })
    for (const scaleSet of [SCALE_SET, SECOND]) await awaitRunners(scaleSet)
  })
  afterAll(async () => {
    await removeArc()
    await removeDeployments()
    await clone?.remove()
  })

  describe.each([
    [SCALE_SET, 'copy'],
    [SECOND, 'volume']
  ] as const)('scale set %s, storage mode %s', (scaleSet, mode) => {
    const start = () => startJob(scaleSet, mode)

    it('is a set-up that the doctor finds nothing wrong with', async () => {
      const variables = { RUNNER_POD: await idleRunner(scaleSet) }
      const { stdout } = await clone.follow(INSTALL, ['4. Check it'], { variables })
      expect(stdout).toMatch(new RegExp(`^✓ Storage +${mode}: `, 'm'))
      expect(stdout).toMatch(/^✓ Hook version \(outside\) +all \d runners/m)
    })

    it('runs a whole job, and leaves nothing', async () => {
      const runner = await start()
      await wholeJob(runner)
      await completeJob(runner)
      await endRunner(runner, 0)
      await nothingLeft(runner)
    })

    it.concurrent.each(ENDINGS)('leaves nothing when %s in the middle of a job', async (_what, end) => {
      const runner = await start()
      const prepared = await prepareJob(runner, JOB, OPTIONS)
      expect(prepared.exitCode, prepared.stdout).toBe(0)
      const action = { image: IMAGES.debian, entryPoint: 'sh', args: ['-c', 'echo started; sleep 600'] }
      const step = await startContainerStep(runner, action, OPTIONS)
      // The hook goes with its pod, whatever it says then.
      step.finished.catch(() => undefined)
      await step.line(/^started$/)
      expect((await leftOf(runner)).length).toBeGreaterThan(3)
      await end(runner)
      await nothingLeft(runner)
    })
  })

  it('has an experimental chart that makes the right pods of the values that the page shows', async () => {
    const chart = `${ARC_CHARTS}/gha-runner-scale-set-experimental`
    const [, shown = ''] =
      /^### ARC's experimental chart$[\s\S]*?^```yaml$([\s\S]*?)^```$/m.exec(await pageText()) ?? []
    const auth = { url: `${GITHUB}/org/repo`, githubToken: 'for-nobody' }
    const values = {
      ...parse(shown),
      auth,
      scaleset: { name: SCALE_SET },
      controllerServiceAccount: { name: 'arc', namespace: 'arc' }
    }
    const args = ['template', SCALE_SET, chart, '--namespace', RUNNERS, '--values', '-']
    const { stdout } = await mustRun('helm', args, { input: JSON.stringify(values) })
    const made = stdout.split(/^---$/m).map((text) => parse(text))
    const { template } = made.find((one) => one?.kind === 'AutoscalingRunnerSet').spec as {
      template: { spec: V1PodSpec }
    }
    const [container] = template.spec.containers
    const variables = container?.env?.map(({ name, value }) => [name, value]) ?? []
    expect(variables.filter(([name]) => name === 'ACTIONS_RUNNER_CONTAINER_HOOKS')).toEqual([[expect.anything(), HOOK]])
    expect(variables.map(([name]) => name)).toEqual(
      expect.arrayContaining([
        'ACTIONS_RUNNER_POD_NAME',
        ...Object.keys(REGISTRY_ENVIRONMENT).filter((name) => /REGISTRY_/.test(name))
      ])
    )
    expect(container?.volumeMounts).toMatchObject([{ name: 'work', mountPath: '/home/runner/_work' }])
    expect(template.spec.securityContext?.fsGroup).toBe(1001)
    const role = made.find((one) => one?.kind === 'Role' && one.metadata.name.includes('kube-mode'))
    expect(role.rules).toEqual(expect.arrayContaining(ARC_RULES))
  })

  describe('a new version of the hook', () => {
    it('reaches runners that wait by the commands of the page, and no runner that has a job', async () => {
      const busy = await startJob(SCALE_SET, 'copy')
      const prepared = await prepareJob(busy, JOB, OPTIONS)
      expect(prepared.exitCode, prepared.stdout).toBe(0)
      const old = await hookOf(busy.name)
      expect(old).toMatch(/^[0-9a-f]{64} /)
      const idle = await idleRunner(SCALE_SET)
      await clone.newHook()

      await clone.follow(INSTALL, ['2. The hook'])
      const { stdout } = await clone.follow(INSTALL, ['4. Check it'], { variables: { RUNNER_POD: idle } })
      expect(stdout).toMatch(new RegExp(`^! Hook version \\(outside\\) .*\\b${idle}\\b`, 'm'))

      await clone.follow(INSTALL, ['3. ARC'])
      await eventually('runners that wait with the new hook alone', REPLACED_MS_MAX, async () => {
        const waiting = (await runnerPods(SCALE_SET)).filter((name) => name !== busy.name)
        const hooks = await Promise.all(waiting.map(hookOf))
        return hooks.length > 0 && hooks.every((hook) => hook !== '' && hook !== old)
      })
      expect(await runnerPods(SCALE_SET)).not.toContain(idle)
      expect(await hookOf(busy.name)).toBe(old)
      const cleaned = await runCleanupJob(busy, OPTIONS)
      expect(cleaned.exitCode, cleaned.stdout).toBe(0)
      await completeJob(busy)
      await endRunner(busy, 0)
      await nothingLeft(busy)
    })
  })

  describe(MIGRATE, () => {
    it('goes back to the shipped hook, and leaves nothing', async () => {
      const idle = await idleRunner(SCALE_SET)
      await clone.follow(INSTALL, ['3. ARC'], {
        change: (block) => block.replace('--values deploy/arc/values.yaml ', '')
      })
      await eventually('the runner with the shipped hook', REPLACED_MS_MAX, async () => {
        const pods = await get<V1Pod>(['pods', '-n', RUNNERS, '-l', `actions.github.com/scale-set-name=${SCALE_SET}`])
        const hooks = pods.filter(({ metadata }) => metadata?.deletionTimestamp === undefined).map(hookVariable)
        return hooks.length > 0 && hooks.every((path) => path === '/home/runner/k8s-novolume/index.js')
      })
      expect(await runnerPods(SCALE_SET)).not.toContain(idle)
      await uninstallScaleSets()
      await clone.follow(MIGRATE, ['Step by step', 'How to go back'])
      // A pod may be on its way out: ARC lets go of a runner before its pod has ended.
      await eventually('the end of all that was in the namespace', LEFT_MS_MAX, async () => {
        const { stdout } = await kubectl(['get', 'pods,secrets,configmaps,pvc,roles', '-n', RUNNERS, '-o', 'name'])
        return stdout === 'configmap/kube-root-ca.crt'
      })
    })
  })
})

const pageText = async () => await readFile(new URL(INSTALL, root), 'utf8')

async function wholeJob(runner: RunnerPod): Promise<void> {
  const prepared = await prepareJob(runner, JOB, OPTIONS)
  expect(prepared.exitCode, prepared.stdout).toBe(0)
  const state = prepared.response?.state ?? null
  const run = 'echo "from a script" > given; echo "written=yes" >> "$GITHUB_OUTPUT"'
  const script = await runScript(runner, { state, run }, OPTIONS)
  expect(script.exitCode, script.stdout).toBe(0)
  expect(await script.fileCommand('GITHUB_OUTPUT')).toBe('written=yes')

  const directory = await installAction(runner, 'try', {
    Dockerfile: dockerfile(BASE, 'COPY entry.sh /entry.sh', 'ENTRYPOINT ["/entry.sh"]'),
    'entry.sh': program('echo "$1: $(cat given)"', 'echo made > made', 'echo "out=yes" >> "$GITHUB_OUTPUT"')
  })
  const action = { dockerfile: `${directory}/Dockerfile`, args: ['two words'], state: state ?? {} }
  const step = await runContainerStep(runner, action, OPTIONS)
  expect(step.exitCode, step.stdout).toBe(0)
  expect(step.stdout).toMatch(/^two words: from a script$/m)
  expect(await step.fileCommand('GITHUB_OUTPUT')).toBe('out=yes')
  const last = await runScript(runner, { state, run: 'cat made' }, OPTIONS)
  expect([last.exitCode, last.stdout]).toEqual([0, 'made'])

  const [pod] = await get<V1Pod>(['pod', runner.name, '-n', RUNNERS])
  const handle = handleOf(pod as V1Pod)
  expect(await imagesOf(handle)).not.toBe('')
  const cleaned = await runCleanupJob(runner, OPTIONS)
  expect(cleaned.exitCode, cleaned.stdout).toBe(0)
  expect(await imagesOf(handle)).toBe('')
  await runner.remove()
}

/** What the registry still links to of a runner's images. */
async function imagesOf(handle: string): Promise<string> {
  const exec = ['exec', '-n', REGISTRY_NAMESPACE, 'registry-0', '-c', 'pull', '--']
  const directory = `/var/lib/registry/docker/registry/v2/repositories/${handle}`
  const { stdout } = await kubectl([...exec, 'find', directory, '-path', '*/_manifests/revisions/*', '-name', 'link'])
  return stdout
}

async function nothingLeft(runner: RunnerPod): Promise<void> {
  let left: readonly string[] = []
  const isGone = async () => {
    left = await leftOf(runner)
    return left.length === 0
  }
  await eventually(`the end of ${runner.name} and all that was made for it`, LEFT_MS_MAX, isGone).catch((thrown) => {
    throw new Error(`${(thrown as Error).message}; left: ${left.join(', ')}`)
  })
}

/** A checksum of the hook that a runner would call now; empty when the runner has just gone. */
const hookOf = async (name: string): Promise<string> => (await accessTo(name, RUNNERS).exec(['sha256sum', HOOK])).stdout

const hookVariable = ({ spec }: V1Pod) =>
  spec?.containers[0]?.env?.find(({ name }) => name === 'ACTIONS_RUNNER_CONTAINER_HOOKS')?.value
