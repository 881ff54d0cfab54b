/** `slipway doctor` on set-ups that are really broken: it finds the fault, says how to put it right, and leaves nothing behind. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { V1Pod, V1PodSpec } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Changes, installCli } from './support/cli.ts'
import { diagnose, expectFault, failed } from './support/doctor.ts'
import { REGISTRY_ENVIRONMENT } from './support/hook.ts'
import { canBuild, canBuildInPlace, IMAGES } from './support/images.ts'
import { apply, eventually, kubectl } from './support/kubectl.ts'
import { expectNothingLeft, objectsLeft, registryContent } from './support/leftovers.ts'
import { createRunnerPod, HOME, type RunnerPod, STORAGE_MODES, type StorageMode, WORK } from './support/runner-pod.ts'
import { ARC_RULES, createTestNamespace, type TestNamespace } from './support/test-namespace.ts'

const REGISTRY = 'ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY'
const BUILDER_IMAGE = 'ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER_IMAGE'
const IN_PLACE_IMAGE = 'ACTIONS_RUNNER_CONTAINER_HOOKS_IN_PLACE_IMAGE'
const BUILD_MODE = 'ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_MODE'
const TEMPLATE = 'ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE'
const BUILD_MS_MAX = 60_000
const CLEANUP_MS_MAX = 20_000
const KEEPING_REGISTRY = 'keeping'

let namespace: TestNamespace
let registryNamespace: TestNamespace
const pods = {} as Record<StorageMode, RunnerPod>
let before: readonly string[] = []

beforeAll(async () => {
  namespace = await createTestNamespace()
  registryNamespace = await createTestNamespace()
  before = await registryContent()
  await apply(...keepingRegistry(registryNamespace.name))
  await Promise.all(
    STORAGE_MODES.map(async (mode) => {
      pods[mode] = await createRunnerPod(namespace.name, mode, withRegistry)
      await installCli(pods[mode])
    })
  )
  await pods.copy.write(`${HOME}/templates`, {
    'not.yaml': 'spec: [',
    'wrong.yaml': 'spec: { containers: { name: $job } }',
    'shared.yaml': 'spec: { shareProcessNamespace: true }',
    'double.yaml': 'spec: { volumes: [{ name: work, emptyDir: {} }] }'
  })
  const deployment = ['-n', registryNamespace.name, `deployment/${KEEPING_REGISTRY}`]
  await kubectl(['rollout', 'status', ...deployment, '--timeout=60s'])
})

afterAll(async () => {
  for (const pod of Object.values(pods)) await pod.remove()
  await registryNamespace.remove()
  await namespace.remove()
})

/** A registry that does not let images be removed. */
const keepingRegistry = (inNamespace: string): object[] => {
  const metadata = { name: KEEPING_REGISTRY, namespace: inNamespace }
  const labels = { app: KEEPING_REGISTRY }
  const env = [{ name: 'REGISTRY_STORAGE_DELETE_ENABLED', value: 'false' }]
  const container = { name: 'registry', image: IMAGES.registry, imagePullPolicy: 'IfNotPresent', env }
  const spec = { enableServiceLinks: false, containers: [container] }
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } }
    },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports: [{ port: 5000 }] } }
  ]
}

const withAccount =
  (serviceAccountName: string) =>
  (usual: V1Pod): V1Pod => ({ ...usual, spec: { ...(usual.spec as V1PodSpec), serviceAccountName } })

/** As an administrator would set it for the runner's container. */
function withRegistry(usual: V1Pod): V1Pod {
  const given = Object.entries(REGISTRY_ENVIRONMENT).map(([name, value]) => ({ name, value }))
  const spec = usual.spec as V1PodSpec
  const containers = spec.containers.map((container) => ({ ...container, env: [...(container.env ?? []), ...given] }))
  return { ...usual, spec: { ...spec, containers } }
}

describe.skipIf(!(await canBuild()))('doctor', () => {
  it.each(STORAGE_MODES)('passes a set-up that works, storage mode %s', async (mode) => {
    const { exitCode, checks } = await diagnose(pods[mode])
    expect(failed(checks)).toEqual([])
    expect(exitCode).toBe(0)
    const seen = Object.fromEntries(checks.map(({ name, status, why }) => [name, `${status}: ${why}`]))
    expect(seen.Storage).toMatch(new RegExp(`^pass: ${mode}:`))
    expect(seen.Pull).toMatch(/^pass: the kubelet pulled localhost:30500\/[0-9a-f]+@sha256:[0-9a-f]{64} and started it/)
    expect(seen['Files come back']).toMatch(/^pass/)
    expect(seen['Clean up']).toMatch(/^pass/)
    await expectNothingLeft(pods[mode], before)
  })
})

/** One change of a set-up that works, the check that finds it, what that says, and the fix it names. */
type Fault = readonly [what: string, changes: Changes, check: string, why: RegExp, fix: RegExp, mode?: StorageMode]

const NO_REGISTRY: Changes = Object.fromEntries(
  ['HOST', 'PORT', 'NODE_PORT'].map((name) => [`${REGISTRY}_${name}`, ''])
)
/** The hook is installed, and nothing else is set up. */
const IN_PLACE: Changes = { ...NO_REGISTRY, [IN_PLACE_IMAGE]: IMAGES.kanikoDebug }
/** What is left to do then is quick. */
const WITHOUT_BUILDS: Changes = { ...NO_REGISTRY, [BUILD_MODE]: 'registry' }

const SETTINGS: readonly Fault[] = [
  [
    'another hook',
    { ACTIONS_RUNNER_CONTAINER_HOOKS: `${HOME}/templates/double.yaml`, ...WITHOUT_BUILDS },
    'Hook',
    /double.yaml, which is another hook than Slipway/,
    /value: \/home\/runner\/slipway\/index.js/
  ],
  [
    'a runner pod name that is missing',
    { ACTIONS_RUNNER_POD_NAME: undefined },
    'Settings',
    /^ACTIONS_RUNNER_POD_NAME is not set/,
    /env of the runner's container/
  ],
  [
    'the name of a pod that does not exist',
    { ACTIONS_RUNNER_POD_NAME: 'somebody-else' },
    'Runner pod',
    /is somebody-else, and namespace slipway-test-\w+ has no such pod/,
    /fieldPath: metadata.name/
  ],
  [
    'another namespace',
    { ACTIONS_RUNNER_KUBERNETES_NAMESPACE: 'default' },
    'Namespace',
    /is default, but the runner is in slipway-test-/,
    /set ACTIONS_RUNNER_KUBERNETES_NAMESPACE=slipway-test-/
  ],
  [
    'a registry that is half configured',
    { [`${REGISTRY}_NODE_PORT`]: undefined },
    'Settings',
    new RegExp(`set ${REGISTRY}_NODE_PORT too`),
    /env of the runner's container/
  ],
  [
    'a template that is not there',
    { [TEMPLATE]: '/nowhere/template.yaml' },
    'Pod template',
    /\/nowhere\/template.yaml cannot be read \(ENOENT\)/,
    new RegExp(`unset ${TEMPLATE}`)
  ],
  [
    'a template that is not YAML',
    { [TEMPLATE]: `${HOME}/templates/not.yaml` },
    'Pod template',
    /is not YAML/,
    /correct the file/
  ],
  [
    'a template with a list where none belongs',
    { [TEMPLATE]: `${HOME}/templates/wrong.yaml` },
    'Pod template',
    /is wrong at spec.containers/,
    /correct the file/
  ],
  [
    'a template that cannot be merged',
    { [TEMPLATE]: `${HOME}/templates/double.yaml` },
    'Template merge',
    /makes two volumes called work/,
    /correct the file/
  ],
  [
    'a claim that does not exist',
    { ACTIONS_RUNNER_CLAIM_NAME: 'nowhere' },
    'Storage',
    /is nowhere, but the runner pod has no claim/,
    /unset ACTIONS_RUNNER_CLAIM_NAME/
  ],
  [
    'a claim that is not the one that is mounted',
    { ACTIONS_RUNNER_CLAIM_NAME: 'nowhere' },
    'Storage',
    /is nowhere, but the runner pod has the claim runner-volume-\w+-work/,
    /set ACTIONS_RUNNER_CLAIM_NAME=runner-volume-\w+-work/,
    'volume'
  ]
]

const IMAGES_AND_REGISTRY: readonly Fault[] = [
  [
    'a registry host that does not resolve',
    { [`${REGISTRY}_HOST`]: 'nowhere.default.svc.cluster.local' },
    'Registry',
    /cannot be reached: .*nowhere/,
    new RegExp(`set ${REGISTRY}_HOST to the name of the registry's Service`)
  ],
  [
    'a port on which nothing listens',
    { [`${REGISTRY}_PORT`]: '5999' },
    'Registry',
    /:5999 cannot be reached/,
    new RegExp(`${REGISTRY}_PORT`)
  ],
  [
    'a node port on which nothing answers',
    { [`${REGISTRY}_NODE_PORT`]: '30999' },
    'Pull',
    /cannot pull image localhost:30999/,
    new RegExp(`set ${REGISTRY}_NODE_PORT`)
  ],
  [
    "a builder's image that does not exist",
    { [BUILDER_IMAGE]: 'localhost/no-such-builder:1' },
    'Builder image',
    /cannot pull image localhost\/no-such-builder:1/,
    new RegExp(`set ${BUILDER_IMAGE}`)
  ],
  [
    "a builder's image that is something else",
    { [BUILDER_IMAGE]: IMAGES.busybox },
    'Builder image',
    /busybox:1 is not kaniko/,
    new RegExp(`set ${BUILDER_IMAGE}`)
  ],
  [
    'an image that cannot move files',
    { ACTIONS_RUNNER_IMAGE: IMAGES.busybox },
    'Build',
    /could not unpack files/,
    /ACTIONS_RUNNER_IMAGE/
  ]
]

/** Where Dockerfiles are built in place. */
const WITHOUT_REGISTRY: readonly Fault[] = [
  [
    'an image to build in place with that does not exist',
    { ...IN_PLACE, [IN_PLACE_IMAGE]: 'localhost/no-such-builder:1' },
    'Builder image',
    /cannot pull image localhost\/no-such-builder:1/,
    new RegExp(`set ${IN_PLACE_IMAGE} to an image of kaniko with a shell`)
  ],
  [
    'one without a shell',
    { ...IN_PLACE, [IN_PLACE_IMAGE]: IMAGES.kaniko },
    'Builder image',
    /kaniko:test is not kaniko with a shell/,
    new RegExp(`set ${IN_PLACE_IMAGE}`)
  ],
  [
    'one that is no builder',
    { ...IN_PLACE, [IN_PLACE_IMAGE]: IMAGES.busybox },
    'Builder image',
    /busybox:1 is not kaniko with a shell/,
    new RegExp(`set ${IN_PLACE_IMAGE}`)
  ],
  [
    'a Secret for base images that is not there',
    { ...IN_PLACE, ACTIONS_RUNNER_CONTAINER_HOOKS_BASE_IMAGE_SECRET: 'nowhere' },
    'Registry Secrets',
    /Secret nowhere,.* is not in namespace/,
    /kubectl create secret docker-registry NAME/
  ],
  [
    'a template with which no build in place can end',
    { ...IN_PLACE, [TEMPLATE]: `${HOME}/templates/shared.yaml` },
    'Build',
    /shareProcessNamespace/,
    /pod template/
  ]
]

describe.skipIf(!(await canBuildInPlace()))('doctor without a registry', () => {
  it.each(STORAGE_MODES)('builds in place and passes a set-up that works, storage mode %s', async (mode) => {
    const { exitCode, checks } = await diagnose(pods[mode], IN_PLACE)
    expect(failed(checks)).toEqual([])
    expect(exitCode).toBe(0)
    const seen = Object.fromEntries(checks.map(({ name, status, why }) => [name, `${status}: ${why}`]))
    expect(seen['Registry Secrets']).toMatch(/^pass: none are needed: Dockerfiles are built in place/)
    expect(seen['Pods are admitted']).toMatch(/^pass: .*pod that builds in place/)
    expect(seen['Builder image']).toMatch(/^(pass|warn): localhost\/kaniko-debug:test is kaniko with a shell/)
    expect(seen.Build).toMatch(/^pass: an image FROM scratch was built in the container that then runs it/)
    expect(seen.Pull).toMatch(/^skipped: not needed/)
    expect(seen.Run).toMatch(/^pass/)
    expect(seen['Files come back']).toMatch(/^pass/)
    expect(seen['Clean up']).toMatch(/^pass/)
    await expectNothingLeft(pods[mode], before)
  })

  it.concurrent.for(WITHOUT_REGISTRY)(
    'names the fault and the fix of %s',
    async ([_what, changes, check, why, fix]) => {
      await expectFault(pods.copy, changes, check, why, fix)
    }
  )
})

describe('doctor names the fault and the fix of', () => {
  it.concurrent.for(SETTINGS)('%s', async ([_what, changes, check, why, fix, mode = 'copy']) => {
    await expectFault(pods[mode], changes, check, why, fix)
  })
})

describe.skipIf(!(await canBuild()))('doctor names the fault and the fix of', () => {
  it.concurrent.for(IMAGES_AND_REGISTRY)('%s', async ([_what, changes, check, why, fix]) => {
    await expectFault(pods.copy, changes, check, why, fix)
  })

  it.concurrent('a registry that keeps what it has', async () => {
    const changes = { [`${REGISTRY}_HOST`]: `${KEEPING_REGISTRY}.${registryNamespace.name}` }
    const fix = /REGISTRY_STORAGE_DELETE_ENABLED=true/
    await expectFault(pods.copy, changes, 'Registry deletion', /deletion is switched off/, fix)
  })
})

/** ARC's Role without one of its rules, or nothing at all. */
const ROLES = [
  ['no Role at all', [], ['pods', 'pods/exec', 'pods/log', 'secrets']],
  ...['pods/exec', 'pods/log', 'secrets'].map(
    (resource) =>
      [
        `a Role without ${resource}`,
        ARC_RULES.filter(({ resources }) => resources[0] !== resource),
        [resource]
      ] as const
  )
] as const

describe('doctor names what is missing in', () => {
  it.concurrent.for(ROLES)('%s', async ([what, rules, missing]) => {
    // In a namespace of its own: the fixes are Roles of one name.
    const own = await createTestNamespace()
    const account = what.replaceAll(/\W+/g, '-').toLowerCase()
    const metadata = { name: account, namespace: own.name }
    const rbac = 'rbac.authorization.k8s.io'
    await apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
      { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: rbac, kind: 'Role', name: account },
        subjects: [{ kind: 'ServiceAccount', name: account, namespace: own.name }]
      }
    )
    const pod = await createRunnerPod(own.name, 'copy', withAccount(account))
    await installCli(pod)
    const { exitCode, checks } = await diagnose(pod)
    expect(failed(checks).map(({ name }) => name)).toEqual(missing.map((resource) => `May use ${resource}`))
    expect(exitCode).toBe(1)
    // The fix is tried: what it says is applied, and then nothing of the Role is missing.
    const [, yaml = ''] = /<<'EOF'\n([\s\S]*)\nEOF$/.exec(failed(checks)[0]?.fix ?? '') ?? []
    await kubectl(['apply', '-f', '-'], { input: yaml })
    const again = await diagnose(pod, { ACTIONS_RUNNER_CLAIM_NAME: 'ends-here' })
    expect(failed(again.checks).map(({ name }) => name)).toEqual(['Storage'])
    await pod.remove()
    await own.remove()
  })
})

/** What is done to a namespace once its runner is there. */
const NAMESPACES = [
  [
    'the Restricted pod security standard',
    async (name: string) => {
      await kubectl(['label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted', '--overwrite'])
    },
    /refuses the build pod: .*violates PodSecurity "restricted:latest"/,
    /kubectl label namespace slipway-test-\w+ pod-security.kubernetes.io\/enforce=baseline --overwrite/
  ],
  [
    'a quota that is used up',
    async (name: string) => {
      await kubectl(['create', 'quota', 'none', '-n', name, '--hard=pods=0'])
      const status = ['get', 'quota', 'none', '-n', name, '-o', 'jsonpath={.status.hard.pods}']
      await eventually('the quota', 30_000, async () => (await kubectl(status)).stdout === '0')
    },
    /refuses the step pod: .*exceeded quota: none/,
    /kubectl edit resourcequota NAME -n slipway-test-/
  ]
] as const

describe('doctor names the fault and the fix of a namespace with', () => {
  it.concurrent.for(NAMESPACES)('%s', async ([_what, spoil, why, fix]) => {
    const spoilt = await createTestNamespace()
    const pod = await createRunnerPod(spoilt.name, 'copy')
    await installCli(pod)
    await spoil(spoilt.name)
    await expectFault(pod, {}, 'Pods are admitted', why, fix)
    await pod.remove()
    await spoilt.remove()
  })
})

describe.skipIf(!(await canBuild()))('doctor from outside', () => {
  const program = fileURLToPath(new URL('../../dist/slipway.js', import.meta.url))
  const doctor = (name: string) =>
    spawn(process.execPath, [program, 'doctor', '--namespace', namespace.name, '--runner-pod', name])
  const outputOf = async (child: ReturnType<typeof doctor>): Promise<{ exitCode: number | null; stdout: string }> => {
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    const [exitCode] = await once(child, 'close')
    return { exitCode, stdout: Buffer.concat(chunks).toString('utf8') }
  }
  const building = () =>
    eventually('a build pod', BUILD_MS_MAX, async () =>
      (await objectsLeft(pods.copy)).some((name) => /-build-.*-1$/.test(name))
    )
  const filesLeft = async () => {
    const { stdout } = await pods.copy.exec(['sh', '-c', `ls /tmp ${WORK}/_temp`])
    return stdout.split('\n').filter((name) => /^tmp\.|^_slipway_doctor/.test(name))
  }

  it('brings itself into the runner pod, and passes a set-up that works', async () => {
    const { exitCode, stdout } = await outputOf(doctor(pods.volume.name))
    expect(stdout).toMatch(/^✓ Runner pod \(outside\) /m)
    expect(stdout).toMatch(/^✓ Storage +volume: the claim/m)
    expect(stdout).toMatch(/^✓ Pull +the kubelet pulled localhost:30500/m)
    expect(stdout).toMatch(/^✓ From the runner pod/m)
    expect(stdout).toMatch(/^\d+ passed.* in \d+\.\d s$/m)
    expect(exitCode).toBe(0)
    await expectNothingLeft(pods.volume, before)
  })

  it('says which pod to name', async () => {
    const { exitCode, stdout } = await outputOf(doctor('nobody'))
    expect(stdout).toContain(`✗ Runner pod (outside) there is no pod nobody in namespace ${namespace.name}`)
    expect(stdout).toMatch(/fix: .*--runner-pod runner-(copy|volume)-/)
    expect(exitCode).toBe(1)
  })

  it('cleans up in the pod when it is interrupted, and says so with its exit code', async () => {
    const child = doctor(pods.copy.name)
    const output = outputOf(child)
    await building()
    child.kill('SIGINT')
    const { exitCode, stdout } = await output
    expect(stdout).toMatch(/^- Build +interrupted$/m)
    expect(stdout).toMatch(/^✓ Clean up/m)
    expect(exitCode).toBe(130)
    await expectNothingLeft(pods.copy, before)
    expect(await filesLeft()).toEqual([])
  })

  it('cleans up in the pod when it is killed', async () => {
    const child = doctor(pods.copy.name)
    await building()
    child.kill('SIGKILL')
    await eventually('the cleanup', CLEANUP_MS_MAX, async () => (await objectsLeft(pods.copy)).length === 0)
    await eventually('the removal of its files', CLEANUP_MS_MAX, async () => (await filesLeft()).length === 0)
    await expectNothingLeft(pods.copy, before)
  })
})
