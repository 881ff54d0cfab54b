/** What the pods of a Dockerfile action may do, read from the cluster while they run. */
import { describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { type ContainerStep, startContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { get } from './support/kubectl.ts'
import { isRunnerPod, type RunnerPod, STORAGE_MODES } from './support/runner-pod.ts'

interface Container {
  readonly name: string
  readonly securityContext?: {
    readonly privileged?: boolean
    readonly allowPrivilegeEscalation?: boolean
    readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] }
  }
  readonly volumeMounts?: readonly { readonly name: string }[]
}

interface Pod {
  readonly metadata: {
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
    readonly ownerReferences: readonly { readonly kind: string; readonly name: string }[]
  }
  readonly spec: {
    readonly automountServiceAccountToken?: boolean
    readonly activeDeadlineSeconds?: number
    readonly hostNetwork?: boolean
    readonly hostPID?: boolean
    readonly hostIPC?: boolean
    readonly initContainers?: readonly Container[]
    readonly containers: readonly Container[]
    readonly volumes: readonly Readonly<Record<string, unknown>>[]
  }
}

/** What a build needs to unpack and change a file system as root of its own container, and no more. */
const BUILD_CAPABILITIES = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT'
]

const containersOf = ({ spec }: Pod): readonly Container[] => [...(spec.initContainers ?? []), ...spec.containers]

async function podsOf(runner: RunnerPod): Promise<Pod[]> {
  const pods = await get<Pod>(['pods', '-n', runner.namespace])
  return pods.filter(({ metadata }) => !isRunnerPod(metadata.name))
}

function expectHarmless(pod: Pod, runner: RunnerPod): void {
  const { spec, metadata } = pod
  expect(metadata.labels['runner-pod']).toBe(runner.name)
  expect(metadata.labels).toMatchObject({ 'slipway/repository': 'repo.repo', 'slipway/run': '1658821493' })
  expect(metadata.annotations['slipway/workflow']).toMatch(/^Build, test & "deploy" ビルド /)
  expect(metadata.annotations['cluster-autoscaler.kubernetes.io/safe-to-evict']).toBe('false')
  expect(metadata.ownerReferences).toMatchObject([{ kind: 'Pod', name: runner.name }])
  expect(spec.automountServiceAccountToken).toBe(false)
  expect([spec.hostNetwork, spec.hostPID, spec.hostIPC].filter(Boolean)).toEqual([])
  const kinds = spec.volumes.flatMap((volume) => Object.keys(volume)).filter((key) => key !== 'name')
  expect(kinds).not.toContain('hostPath')
  expect(kinds).not.toContain('projected')
  for (const { securityContext } of containersOf(pod)) expect(securityContext?.privileged ?? false).toBe(false)
}

async function stop(step: ContainerStep): Promise<void> {
  await step.signal('INT')
  await step.finished
}

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('the pods of a Dockerfile action, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it('build without privileges, without a token, and without push credentials beside the Dockerfile', async () => {
    const lines = ['RUN echo "busy $((40 + 2))" && sleep 300']
    const directory = await installAction(runner(), 'busy-build', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, ...lines)
    })
    const step = await startContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    await step.line(/^busy 42$/)
    const pods = await podsOf(runner())
    await stop(step)

    expect(pods).toHaveLength(1)
    const pod = pods[0] as Pod
    expectHarmless(pod, runner())
    expect(pod.spec.activeDeadlineSeconds).toBeGreaterThan(0)
    const build = containersOf(pod).find(({ name }) => name === 'build')
    expect(build?.securityContext?.allowPrivilegeEscalation).toBe(true)
    expect(build?.securityContext?.capabilities?.drop).toEqual(['ALL'])
    expect([...(build?.securityContext?.capabilities?.add ?? [])].sort()).toEqual(BUILD_CAPABILITIES)
    const secrets = pod.spec.volumes.filter((volume) => 'secret' in volume).map(({ name }) => name)
    const seenByBuild = build?.volumeMounts?.map(({ name }) => name) ?? []
    expect(seenByBuild.filter((name) => secrets.includes(name))).toEqual([])
    expect(JSON.stringify(build)).not.toMatch(/secretKeyRef|secretRef/)
  })

  it('run without a token, and by digest', async () => {
    const lines = ['ENTRYPOINT ["sh", "-c", "echo busy 42; ls /var/run/secrets; sleep 300"]']
    const directory = await installAction(runner(), 'busy-run', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, ...lines)
    })
    const step = await startContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    await step.line(/^busy 42$/)
    const pods = await podsOf(runner())
    await stop(step)

    const stepPods = pods.filter(({ metadata }) => metadata.name.includes('-step-'))
    expect(stepPods).toHaveLength(1)
    for (const pod of pods) expectHarmless(pod, runner())
    expect(JSON.stringify(stepPods[0]?.spec)).toMatch(/localhost:30500\/[0-9a-f]+@sha256:[0-9a-f]{64}/)
    expect((await step.finished).stdout).not.toContain('serviceaccount')
  })
})
