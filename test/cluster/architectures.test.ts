/**
 * Nodes of two architectures, by the scheduler's view: a node of another one that has no kubelet. What lands there never runs, so that only
 * where pods are sent can be seen; all of them tolerate the taint that keeps everybody else's away.
 */
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { buildkitEnvironment } from './support/buildkit.ts'
import { root } from './support/documentation.ts'
import { useRunnerPod } from './support/harness.ts'
import { runContainerStep, startContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { apply, eventually, get, kubectl } from './support/kubectl.ts'
import { runProcess } from './support/process.ts'
import { HOME, isRunnerPod } from './support/runner-pod.ts'

interface Pod {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly nodeName?: string
    readonly initContainers?: readonly { readonly args?: readonly string[] }[]
  }
}

const LABEL = 'kubernetes.io/arch'
const OTHER = process.arch === 'arm64' ? 'amd64' : 'arm64'
const NODE_NAME = `other-${randomUUID().slice(0, 8)}`
const ROOM = { cpu: '64', memory: '256Gi', 'ephemeral-storage': '1Ti', pods: '110' }

const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: NODE_NAME,
    labels: { [LABEL]: OTHER, 'kubernetes.io/os': 'linux', 'kubernetes.io/hostname': NODE_NAME }
  },
  spec: { taints: [{ key: 'slipway-test', value: 'architectures', effect: 'NoSchedule' }] }
}
const conditions = [
  {
    type: 'Ready',
    status: 'True',
    reason: 'Test',
    lastHeartbeatTime: new Date().toISOString(),
    lastTransitionTime: new Date().toISOString()
  }
]
const status = { capacity: ROOM, allocatable: ROOM, conditions }

/** For every pod of ours: anything is tolerated, and where there is a choice the other node is preferred. */
const PREFERRING = `
  tolerations: [{ operator: Exists }]
  affinity:
    nodeAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          preference: { matchExpressions: [{ key: kubernetes.io/hostname, operator: In, values: [${NODE_NAME}] }] }`
const SELECTOR = `
  nodeSelector: { ${LABEL}: ${OTHER} }`
const template = (selector: string) =>
  `spec:${PREFERRING}${selector}\nslipway:\n  build:\n    spec:${PREFERRING.replaceAll('\n', '\n    ')}\n`

describe.skipIf(!(await canBuild()))('nodes of two architectures', () => {
  const runner = useRunnerPod('copy')
  const env = { ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE: `${HOME}/template.yaml` }
  const sent = async () => {
    const pods = await get<Pod>(['pods', '-n', runner().namespace])
    return pods.filter(({ metadata, spec }) => !isRunnerPod(metadata.name) && spec.nodeName === NODE_NAME)
  }

  beforeAll(async () => {
    await apply(node)
    await kubectl(['patch', 'node', NODE_NAME, '--subresource=status', '-p', JSON.stringify({ status })])
  })
  afterAll(async () => await kubectl(['delete', 'node', NODE_NAME, '--ignore-not-found']))

  it('are told apart: what a runner of one has built and run stays on nodes of that one', async () => {
    await runner().write(HOME, { 'template.yaml': template('') })
    const directory = await installAction(runner(), 'stays', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, 'CMD ["true"]')
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, { env })
    expect(step.exitCode, step.stdout).toBe(0)
  })

  it('are followed where the template asks for the other: steps, and the builds for them', async () => {
    await runner().write(HOME, { 'template.yaml': template(SELECTOR) })
    const directory = await installAction(runner(), 'follows', { Dockerfile: dockerfile(IMAGES.busyboxBase) })
    for (const action of [{ image: IMAGES.debian }, { dockerfile: `${directory}/Dockerfile` }]) {
      const step = await startContainerStep(runner(), action, { env })
      await eventually(`a pod on ${NODE_NAME}`, 60_000, async () => (await sent()).length === 1)
      await step.signal('INT')
      await step.finished
    }
  })

  it('are named by doctor, whose runner asks for none of them', async () => {
    const { name, namespace } = runner()
    const program = fileURLToPath(new URL('dist/slipway.js', root))
    const doctor = [program, 'doctor', '--namespace', namespace, '--runner-pod', name]
    const { stdout } = await runProcess(process.execPath, doctor)
    expect(stdout).toMatch(
      /^! Architectures \(outside\) +there are nodes of amd64, arm64, and the runner pod asks for none/m
    )
    expect(stdout).toMatch(/^ +nodeSelector: \{ kubernetes\.io\/arch: \w+ \}$/m)
  })

  it('are what a BuildKit daemon is asked for, whatever its own is', async () => {
    await runner().write(HOME, { 'template.yaml': template(SELECTOR) })
    const directory = await installAction(runner(), 'asks', { Dockerfile: dockerfile(IMAGES.busyboxBase) })
    // Nobody asks it: the pod that would never runs.
    const buildkit = buildkitEnvironment({ address: 'tcp://nowhere:1234' })
    const settings = { ...env, ...buildkit, ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_TLS_SECRET: undefined }
    const step = await startContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, { env: settings })
    await eventually(`a pod on ${NODE_NAME}`, 60_000, async () => (await sent()).length === 1)
    const [pod] = await sent()
    expect(pod?.spec.initContainers?.at(-1)?.args).toContain(`--opt=platform=linux/${OTHER}`)
    await step.signal('INT')
    await step.finished
  })
})
