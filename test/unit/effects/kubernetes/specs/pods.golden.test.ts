/** The pods that reviewers look at, as goldens: a change to one shows in review. Update with `npm run golden`. */
import type { V1Pod } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { chooseBuilder } from '../../../../../src/effects/builders/choose.ts'
import { COPY_SECONDS_MAX } from '../../../../../src/effects/kubernetes/files/containers.ts'
import type { RegistrySettings } from '../../../../../src/effects/kubernetes/registry/settings.ts'
import { masked } from '../../../../../src/effects/kubernetes/specs/nested-containers.ts'
import { environmentSecret } from '../../../../../src/effects/kubernetes/specs/step-pod.ts'
import type { BuildInput, ImageInput } from '../../../../../src/machines/inputs.ts'
import { BUDGETS, JOB_BUDGETS } from '../../../../../src/machines/stages.ts'
import type { StepRequest } from '../../../../../src/machines/types.ts'
import { buildPod, inPlacePod, siteOf, stepPod } from '../context-fixture.ts'

const golden = (name: string) => `../../../../golden/${name}.yaml`
const WORK = '/home/runner/_work'

const plan = {
  contextDirectory: `${WORK}/_actions/owner/action/v1`,
  dockerfile: 'Dockerfile',
  contentHash: '0123'.repeat(16),
  pushReference: 'registry.arc.svc:5000/handle:0123',
  pullRepository: 'localhost:30500/handle'
}

const request: StepRequest = {
  args: ['two words', '$(HOME)', '$$', ''],
  env: { HOME: '/github/home', 'INPUT_WITH-DASH': '$(HOME)' },
  workingDirectory: '/github/workspace',
  mounts: [
    { source: `${WORK}/_temp`, target: '/github/runner_temp', readOnly: false },
    { source: `${WORK}/_temp/_github_home`, target: '/github/home', readOnly: false },
    { source: `${WORK}/_temp/_github_workflow`, target: '/github/workflow', readOnly: false },
    { source: `${WORK}/_temp/_runner_file_commands`, target: '/github/file_commands', readOnly: false },
    { source: `${WORK}/repo/repo`, target: '/github/workspace', readOnly: false }
  ]
}

const build: BuildInput = { plan, nonce: '0', attempt: 1, pushTriesMax: 7, deadlineMs: 3_900_000 }

const run: ImageInput = {
  nonce: '0',
  image: `localhost:30500/handle@sha256:${'0'.repeat(64)}`,
  isBuilt: true,
  request
}

const IN_POD = { builder: 'buildkit-in-pod', seccompProfile: 'slipway/buildkit.json' } as const

const SECURED: RegistrySettings = {
  pushHost: 'registry.example.com',
  pullHost: 'registry.example.com',
  path: 'ci',
  plainHttp: false,
  pushSecret: 'push-it',
  pullSecret: 'pull-it',
  baseImageSecret: 'pull-bases',
  caSecret: 'authority'
}

describe.each(['copy', 'volume'] as const)('storage mode %s', (mode) => {
  test('the build pod', async () => {
    const pod = buildPod(siteOf(mode), chooseBuilder({}), build)
    await expect(stringify(pod)).toMatchFileSnapshot(golden(`build-pod-${mode}`))
    expectUnprivileged(pod)
  })

  test('the pod that builds in place', async () => {
    const site = siteOf(mode, { registry: undefined })
    const { pushReference: _push, pullRepository: _pull, ...source } = plan
    const pod = inPlacePod(site, chooseBuilder({}), { source, request, nonce: '0', attempt: 1 })
    await expect(stringify(pod)).toMatchFileSnapshot(golden(`in-place-pod-${mode}`))
    // Nothing of the step is there while the Dockerfile runs.
    for (const part of ['INPUT_WITH-DASH', 'two words', 'secretKeyRef']) expect(stringify(pod)).not.toContain(part)
  })

  test('the pod that builds in place is told where its login for base images will be, and has no Secret', () => {
    const site = siteOf(mode, { registry: undefined, baseImageSecret: 'bases' })
    const { pushReference: _push, pullRepository: _pull, ...source } = plan
    const { spec } = inPlacePod(site, chooseBuilder({}), { source, request, nonce: '0', attempt: 1 })
    const job = spec?.containers.find(({ name }) => name === 'job')
    expect(job?.env).toContainEqual({ name: 'DOCKER_CONFIG', value: '/kaniko/slipway/login' })
    expect(job?.volumeMounts).toContainEqual({ name: 'login', mountPath: '/kaniko/slipway/login', readOnly: true })
    expect(spec?.volumes).toContainEqual({ name: 'login', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } })
    expect(spec?.volumes?.filter(({ secret }) => secret !== undefined)).toEqual([])
    expect(stringify(spec)).not.toContain('bases')
  })

  test('the build pod that asks a BuildKit daemon', async () => {
    const builderDaemon = { address: 'tcp://buildkitd.buildkit.svc:1234', tlsSecret: 'buildkit-client' }
    const pod = buildPod(siteOf(mode), chooseBuilder({ builder: 'buildkit', builderDaemon }), build)
    await expect(stringify(pod)).toMatchFileSnapshot(golden(`build-pod-buildkit-${mode}`))
    expectUnprivileged(pod)
  })

  test('the build pod asks a BuildKit daemon for the architecture that the job runs on, whatever the daemon is', () => {
    const builderDaemon = { address: 'tcp://buildkitd.buildkit.svc:1234' }
    const site = siteOf(mode, { architecture: 'arm64' })
    const { spec } = buildPod(site, chooseBuilder({ builder: 'buildkit', builderDaemon }), build)
    expect(spec?.nodeSelector).toEqual({ 'kubernetes.io/arch': 'arm64' })
    expect(spec?.initContainers?.at(-1)?.args).toContain('--opt=platform=linux/arm64')
  })

  test('the build pod in which BuildKit builds', async () => {
    const pod = buildPod(siteOf(mode), chooseBuilder(IN_POD), build)
    await expect(stringify(pod)).toMatchFileSnapshot(golden(`build-pod-buildkit-in-pod-${mode}`))
    expectUnprivileged(pod)
    const { containers = [], initContainers = [] } = pod.spec ?? {}
    const contexts = [...initContainers, ...containers].map(({ name, securityContext }) => [
      name,
      securityContext?.seccompProfile?.localhostProfile,
      securityContext?.procMount
    ])
    expect(contexts.filter(([name]) => name !== 'build').flatMap(([, ...own]) => own.filter(Boolean))).toEqual([])
    expect(contexts).toContainEqual(['build', 'slipway/buildkit.json', 'Unmasked'])
    const inMasked = masked(pod).spec?.initContainers?.map(({ securityContext }) => securityContext?.procMount)
    expect(inMasked?.filter(Boolean)).toEqual([])
    expect(masked(pod).spec?.containers).toEqual(containers)
  })

  test('the build pod whose builder is given other words than the author wrote', () => {
    const rewritten = { text: 'FROM a\nRUN # <<#1\n$(b)\n#1\n', ignoreFile: '*.env' }
    const { metadata, spec } = buildPod(siteOf(mode), chooseBuilder({}), { ...build, plan: { ...plan, rewritten } })
    expect(metadata?.annotations).toMatchObject({
      'slipway/dockerfile': rewritten.text,
      'slipway/dockerignore': rewritten.ignoreFile
    })
    const items = spec?.volumes?.find(({ name }) => name === 'rewritten-dockerfile')?.downwardAPI?.items
    expect(items?.map(({ path, fieldRef }) => [path, fieldRef?.fieldPath])).toEqual([
      ['Dockerfile', "metadata.annotations['slipway/dockerfile']"],
      ['Dockerfile.dockerignore', "metadata.annotations['slipway/dockerignore']"]
    ])
    const container = spec?.initContainers?.find(({ name }) => name === 'build')
    expect(container?.args).toContain('--dockerfile=/kaniko/slipway/dockerfile/Dockerfile')
    expect(container?.volumeMounts).toContainEqual({
      name: 'rewritten-dockerfile',
      mountPath: '/kaniko/slipway/dockerfile',
      readOnly: true
    })
  })

  test('the pods with a registry that has a password and a certificate of its own', async () => {
    const site = siteOf(mode, { registry: SECURED })
    const building = buildPod(site, chooseBuilder({}), {
      ...build,
      plan: { ...plan, pushReference: 'registry.example.com/ci/handle:0123' }
    })
    const step = stepPod(site, run)
    await expect(`${stringify(building)}---\n${stringify(step)}`).toMatchFileSnapshot(golden(`secured-pods-${mode}`))
    expectUnprivileged(building)
    const [inBuild, inPush] = [building.spec?.initContainers?.at(-1), building.spec?.containers[0]].map((container) =>
      container?.volumeMounts?.map(({ name }) => name)
    )
    expect(inBuild).not.toContain('push-credentials')
    expect(inPush).toContain('push-credentials')
    expect(inPush).not.toContain('base-image-credentials')
  })

  test('the build pod whose image is kept for other jobs: its context is sent in every storage mode', async () => {
    const pod = buildPod(siteOf(mode, { registry: { ...SECURED, isKept: true } }), chooseBuilder({}), {
      ...build,
      plan: { ...plan, pushReference: 'registry.example.com/ci:0123' }
    })
    // The same in both: nothing of it is on the runner's volume.
    await expect(stringify(pod)).toMatchFileSnapshot(golden('build-pod-kept'))
    expectUnprivileged(pod)
  })

  test.each([
    ['kaniko', {}],
    ['buildkit-in-pod', IN_POD],
    ['buildkit', { builder: 'buildkit', builderDaemon: { address: 'tcp://buildkitd:1234', tlsSecret: 'client' } }]
  ] as const)(
    'what builds and what pushes share the layout, and nothing else that can be written: %s',
    (_name, options) => {
      for (const resolverFile of [undefined, 'nameserver 10.96.0.10\n']) {
        for (const isKept of [undefined, true]) {
          const pod = buildPod(
            siteOf(mode, { resolverFile, registry: { ...SECURED, isKept } }),
            chooseBuilder(options),
            build
          )
          expectApart(pod)
        }
      }
    }
  )

  test('the step pod', async () => {
    const pod = stepPod(siteOf(mode), run)
    await expect(stringify(pod)).toMatchFileSnapshot(golden(`step-pod-${mode}`))
    expectUnprivileged(pod)
  })
})

test('only a pod for an image that was built may pull as the hook says, whatever the name of the image', () => {
  const site = siteOf('copy', { registry: SECURED })
  const image = 'registry.example.com/ci/handle:0123'
  const secretsOf = (isBuilt: boolean) =>
    stepPod(site, { ...run, image, isBuilt }).spec?.imagePullSecrets?.map(({ name }) => name)
  expect(secretsOf(true)).toEqual(['pull-the-runner', 'pull-it'])
  expect(secretsOf(false)).toEqual(['pull-the-runner'])
})

test('the step pod of a job knows the job its services by name', () => {
  const job = { pod: 'runner-abc-workflow', uid: 'uid-job', address: '10.0.0.7', serviceNames: ['redis', 'postgres'] }
  const pod = stepPod(siteOf('volume', { job }), run)
  expect(pod.spec?.hostAliases).toEqual([{ ip: '10.0.0.7', hostnames: ['redis', 'postgres'] }])
})

test('an entry point replaces the command, and none leaves it unset', () => {
  const commandOf = (pod: V1Pod) => pod.spec?.containers.find(({ name }) => name === 'job')?.command
  expect(commandOf(stepPod(siteOf('copy'), { ...run, request: { ...request, entryPoint: '/run me' } }))).toEqual([
    '/run me'
  ])
  expect(commandOf(stepPod(siteOf('copy'), run))).toBeUndefined()
})

test('the environment is a Secret, and no value of it stands in the pod', () => {
  const site = siteOf('copy')
  const env = { TOKEN: 'very-secret', 'any name': 'another-secret' }
  const secret = environmentSecret(site, { ...run, request: { ...request, env } })
  expect(Object.values(secret.data ?? {}).map((value) => Buffer.from(value, 'base64').toString())).toEqual(
    Object.values(env)
  )
  expect(JSON.stringify(stepPod(site, { ...run, request: { ...request, env } }))).not.toContain('secret"')
})

test('an environment that no Secret can hold is refused with what to do', () => {
  const env = { BIG: 'x'.repeat(1_000_001) }
  const secretOf = () => environmentSecret(siteOf('copy'), { ...run, request: { ...request, env } })
  expect(secretOf).toThrow(/pass large values through files/)
})

/** What a pod gives to all its containers to write (docs/adr/0015); the kubelet writes /etc/hosts anew for each. */
const SHARED_BY_ALL = ['/etc/resolv.conf', '/dev/shm']

/** Nothing that the container `build` may write decides what the container `push` does, but the layout. */
function expectApart({ spec }: V1Pod): void {
  const build = spec?.initContainers?.find(({ name }) => name === 'build')
  const push = spec?.containers.find(({ name }) => name === 'push')
  const seenByBuild = new Set(build?.volumeMounts?.map(({ name }) => name))
  const shared = push?.volumeMounts?.filter(({ name }) => seenByBuild.has(name)) ?? []
  expect(shared.map(({ name, readOnly }) => [name, readOnly])).toEqual([
    ['layout', true],
    ['registry-authority', true]
  ])
  const own = push?.volumeMounts?.filter(({ name }) => !seenByBuild.has(name)).map(({ mountPath }) => mountPath)
  expect(own).toEqual(expect.arrayContaining(SHARED_BY_ALL))
  const writesFirst = spec?.initContainers?.findIndex(({ volumeMounts }) =>
    volumeMounts?.some(({ name }) => name === 'own-resolver')
  )
  const isWritten = spec?.volumes?.some(({ name, downwardAPI }) => name === 'own-resolver' && downwardAPI !== undefined)
  expect(isWritten ? -1 : 0).toBe(writesFirst)
}

/** What holds for every pod that is ours, whatever else is in it (design section 5). */
function expectUnprivileged(pod: V1Pod): void {
  const { spec } = pod
  expect(spec?.automountServiceAccountToken).toBe(false)
  expect(spec?.volumes?.filter(({ hostPath }) => hostPath !== undefined)).toEqual([])
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
  expect(containers.filter(({ securityContext }) => securityContext?.privileged === true)).toEqual([])
  expect(pod.metadata?.labels?.['runner-pod']).toBe('runner-abc')
  expect(pod.metadata?.ownerReferences?.[0]?.uid).toBe('00000000-1111-2222-3333-444444444444')
}

test('a pod waits for its files as long as a stage may take to bring them', () => {
  const longestMs = Math.max(BUDGETS.pulling.budgetMs, JOB_BUDGETS.placing.budgetMs)
  expect(COPY_SECONDS_MAX * 1_000).toBeGreaterThanOrEqual(longestMs)
})
