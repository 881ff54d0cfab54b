/**
 * Two nodes: pods of an order run where the cluster puts them, what one node built runs on the other, and a node that is away, drained or
 * lost in the middle of a build, a push, a run or a script costs what it has to and leaves nothing.
 */
import { randomUUID } from 'node:crypto'
import type { V1Pod, V1PodSpec, V1Volume } from '@kubernetes/client-node'
import { afterEach, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { type ContainerStep, runCleanupJob, runContainerStep, startContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { prepareJob } from './support/job.ts'
import { kubectl } from './support/kubectl.ts'
import { errorsOf } from './support/leftovers.ts'
import { curlOn, cutOff, hasTwoNodes, onNode, placesOf, withoutNode } from './support/nodes.ts'
import { RETRY, startRegistry, startSlowBuild, stopRegistry } from './support/outage.ts'
import type { Finished } from './support/process.ts'
import { HOME, type RunnerPod } from './support/runner-pod.ts'
import { runScript, startScript } from './support/script.ts'

const canRun = await hasTwoNodes('what happens with two nodes')
const canBuildHere = canRun && (await canBuild())

const TEMPLATE = `${HOME}/template.yaml`
const withTemplate = { env: { ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE: TEMPLATE } }

/** Build pods on one node, all others on another. */
async function place(pod: RunnerPod, builds: string, others: string): Promise<void> {
  const on = (name: string) => ({ nodeSelector: { 'kubernetes.io/hostname': name } })
  const template = { spec: on(others), slipway: { build: { spec: on(builds) } } }
  await pod.write(HOME, { 'template.yaml': JSON.stringify(template) })
}

/** A Dockerfile that nobody has built yet. */
async function installNew(pod: RunnerPod, ...lines: readonly string[]): Promise<string> {
  const text = dockerfile(IMAGES.busyboxBase, `LABEL new=${randomUUID()}`, ...lines)
  return `${await installAction(pod, 'new', { Dockerfile: text })}/Dockerfile`
}

/** Which of the runner's pods was placed on which node: `step n2`. */
async function placed(pod: RunnerPod): Promise<string[]> {
  const places = Object.entries(await placesOf(pod.namespace)).filter(([name]) => name.startsWith(`${pod.name}-`))
  return places.map(([name, node]) => `${name.slice(pod.name.length + 1).split('-')[0]} ${node}`).sort()
}

const textsOf = ({ lines }: Finished, pattern: RegExp) =>
  lines.map(({ text }) => text).filter((text) => pattern.test(text))

describe.skipIf(!canBuildHere).each([
  ['n1', 'n2'],
  ['n2', 'n1']
])('an image that is built on %s', (builds, others) => {
  const runner = useRunnerPod('copy', onNode('n1'))

  it(`is pulled and run on ${others}, where the job is`, async () => {
    await place(runner(), builds, others)
    const job = await prepareJob(runner(), { container: { image: IMAGES.busybox } }, withTemplate)
    expect(job.exitCode, job.stdout).toBe(0)
    const action = {
      dockerfile: await installNew(runner(), 'ENTRYPOINT ["echo", "it ran"]'),
      state: job.response?.state ?? {}
    }
    const step = await runContainerStep(runner(), action, withTemplate)
    expect([step.exitCode, errorsOf(step)], step.stdout).toEqual([0, []])
    expect(textsOf(step, /^it ran$/)).toHaveLength(1)
    const script = await runScript(runner(), { run: 'echo a=1 >>$GITHUB_OUTPUT' }, withTemplate)
    expect([script.exitCode, await script.fileCommand('GITHUB_OUTPUT')]).toEqual([0, 'a=1'])
    expect((await runCleanupJob(runner())).exitCode).toBe(0)
    expect(await placed(runner())).toEqual([`build ${builds}`, `step ${others}`, `workflow ${others}`])
  })
})

/** A runner pod on the second node with the usual pod's work volume changed. */
const withWork =
  (change: (work: V1Volume, pod: V1Pod) => V1Volume) =>
  (usual: V1Pod): V1Pod => {
    const pod = onNode('n2')(usual)
    return {
      ...pod,
      spec: { ...(pod.spec as V1PodSpec), volumes: pod.spec?.volumes?.map((work) => change(work, pod)) ?? [] }
    }
  }

/** As ARC's values describe a claim that nodes share. */
const shared = withWork((work) => {
  const changed = structuredClone(work)
  const spec = changed.ephemeral?.volumeClaimTemplate?.spec
  if (spec !== undefined) spec.accessModes = ['ReadWriteMany']
  return changed
})

/** A claim by its name, of which the hook cannot read more. */
const named = withWork(({ name }, { metadata }) => ({
  name,
  persistentVolumeClaim: { claimName: `${metadata?.name}-work` }
}))

const HELLO = { image: IMAGES.busybox, entryPoint: 'sh', args: ['-c', 'echo it ran; echo a=1 >>$GITHUB_OUTPUT'] }

async function expectHello(step: ContainerStep): Promise<void> {
  const run = await step.finished
  expect([run.exitCode, errorsOf(run)], run.stdout).toEqual([0, []])
  expect(await step.fileCommand('GITHUB_OUTPUT')).toBe('a=1')
}

describe.skipIf(!canRun).each([
  ['is ReadWriteOnce', onNode('n2')],
  ['is only named', named]
])('a claim that %s', (_, change) => {
  const runner = useRunnerPod('volume', change)

  it("pins pods to the runner's node, and they wait for it", async () => {
    const step = await withoutNode('n2', async () => {
      const begun = await startContainerStep(runner(), HELLO)
      await begun.line(/^Waiting for a node for pod .*unschedulable/)
      return begun
    })
    await expectHello(step)
    expect(await placed(runner())).toEqual(['step n2'])
  })
})

describe.skipIf(!canRun).each([
  ['is ReadWriteMany', shared, {}],
  [
    'is only named, and is ReadWriteMany by the setting',
    named,
    { ACTIONS_RUNNER_CONTAINER_HOOKS_CLAIM_ACCESS_MODE: 'ReadWriteMany' }
  ]
])('a claim that %s', (_, change, env) => {
  const runner = useRunnerPod('volume', change)

  it('does not pin them', async () => {
    await withoutNode('n2', async () => await expectHello(await startContainerStep(runner(), HELLO, { env })))
    expect(await placed(runner())).toEqual(['step n1'])
  })
})

/** Longer than connections and calls are tried again for, shorter than a control plane gives a node up. */
const AWAY_MS = 25_000
const TICKS = 40
const TICKING = `for i in $(seq ${TICKS}); do echo tick-$i; sleep 1; done`
const EXPECTED_TICKS = Array.from({ length: TICKS }, (_, at) => `tick-${at + 1}`)

async function awayFor(ms: number, meanwhile: () => Promise<unknown> = async () => {}): Promise<void> {
  const restore = await cutOff()
  try {
    await meanwhile()
    await new Promise((resolve) => setTimeout(resolve, ms))
  } finally {
    await restore()
  }
}

describe.skipIf(!canBuildHere)('a node that is away for a while', () => {
  const runner = useRunnerPod('copy', onNode('n1'))
  afterEach(startRegistry)

  it('in the middle of a build, a run and a script changes nothing', async () => {
    await place(runner(), 'n2', 'n2')
    const job = await prepareJob(runner(), { container: { image: IMAGES.busybox } }, withTemplate)
    expect(job.exitCode, job.stdout).toBe(0)
    const end = 'echo a=1 >>$GITHUB_OUTPUT; exit 7'
    const action = { ...HELLO, args: ['-c', `${TICKING}; ${end}`], state: job.response?.state ?? {} }
    const built = await installNew(runner(), `RUN ${TICKING}`, `ENTRYPOINT ["sh", "-c", "${end}"]`)
    const runs = await Promise.all([
      startContainerStep(runner(), action, withTemplate),
      startContainerStep(runner(), { dockerfile: built, state: job.response?.state ?? {} }, withTemplate),
      startScript(runner(), { run: `${TICKING}; ${end}` }, withTemplate)
    ])
    await Promise.all(runs.map((run) => run.line(/^tick-3$/)))
    await awayFor(AWAY_MS)
    for (const run of runs) {
      const finished = await run.finished
      expect([finished.exitCode, errorsOf(finished)], finished.stdout).toEqual([7, []])
      expect(textsOf(finished, /^tick-\d+$/)).toEqual(EXPECTED_TICKS)
      expect(textsOf(finished, /^(Node n2 does not answer|The node of pod \S+ answers again)/)).toEqual([
        expect.stringMatching(/^Node n2/),
        expect.stringMatching(/after \d+ s$/)
      ])
      expect(await run.fileCommand('GITHUB_OUTPUT')).toBe('a=1')
    }
    expect((await runCleanupJob(runner())).exitCode).toBe(0)
  })

  it('in the middle of a push is pushed from when it is back, with one build', async () => {
    await place(runner(), 'n2', 'n2')
    const step = await startSlowBuild(runner(), withTemplate)
    await stopRegistry()
    await step.line(RETRY)
    await awayFor(0, startRegistry)
    const run = await step.finished
    expect([run.exitCode, errorsOf(run)], run.stdout).toEqual([0, []])
    expect(textsOf(run, /^(based 42|it ran)$/)).toEqual(['based 42', 'it ran'])
  })
})

/** Evicts the runner's pods as `kubectl drain` does; from a node that is lost nobody confirms it, as after a control plane has given it up. */
const evict = (pod: RunnerPod) =>
  kubectl(['drain', 'n2', '--force', '--delete-emptydir-data', `--pod-selector=runner-pod=${pod.name}`])

const leave = { drained: evict, lost: (pod: RunnerPod) => awayFor(0, () => evict(pod)) }

describe.skipIf(!canBuildHere).each(['drained', 'lost'] as const)('a node that is %s', (how) => {
  const runner = useRunnerPod('copy', onNode('n1'))
  afterEach(async () => {
    await startRegistry()
    await kubectl(['uncordon', 'n2'])
  })

  it('in the middle of a run and a build: the run has failed in one line, the build is done again elsewhere', async () => {
    const dockerfilePath = await installNew(
      runner(),
      'RUN echo "busy $((40 + 2))" && sleep 10',
      'ENTRYPOINT ["echo", "it ran"]'
    )
    const [step, build] = await withoutNode('n1', async () => {
      const busy = { ...HELLO, args: ['-c', 'echo busy 42; sleep 300'] }
      const begun = await Promise.all([
        startContainerStep(runner(), busy),
        startContainerStep(runner(), { dockerfile: dockerfilePath })
      ])
      for (const run of begun) await run.line(/^busy 42$/)
      return begun
    })
    await leave[how](runner())
    const run = await step.finished
    expect([run.exitCode, errorsOf(run)], run.stdout).toEqual([
      1,
      [expect.stringMatching(/somebody deleted the pod, or its node is going away|step pod .* disappeared/)]
    ])
    const again = await build.finished
    expect([again.exitCode, errorsOf(again)], again.stdout).toEqual([0, []])
    expect(textsOf(again, /^Build failed \(builder-lost\)/)).toHaveLength(1)
    expect(textsOf(again, /^(busy 42|it ran)$/)).toEqual(['busy 42', 'busy 42', 'it ran'])
    expect(await placed(runner())).toEqual(['build n1', 'build n2', 'step n1', 'step n2'])
  })

  it('in the middle of a push: failed in one line', async () => {
    const step = await withoutNode('n1', () => startSlowBuild(runner()))
    await stopRegistry()
    await step.line(RETRY)
    await leave[how](runner())
    const run = await step.finished
    expect([run.exitCode, errorsOf(run)], run.stdout).toEqual([1, [expect.stringMatching(/build pod|node/)]])
  })
})

describe.skipIf(!canRun)('the node port of the registry', () => {
  it.each(['n1', 'n2'])('answers on localhost of %s', async (node) => {
    const { stdout } = await curlOn(node, 'http://localhost:30500/v2/')
    expect(stdout).toBe('{}')
  })
})
