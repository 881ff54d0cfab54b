/** The pod template merges as hook-protocol section 5 says, loses nothing of ours, and a bad one is named in one line. */
import type { V1Pod } from '@kubernetes/client-node'
import { describe, expect, it, test } from 'vitest'
import { podMetadata } from '../../../../../src/effects/kubernetes/specs/metadata.ts'
import { applyTemplate, type PodKind } from '../../../../../src/effects/kubernetes/template/merge.ts'
import { parseTemplate, readTemplate } from '../../../../../src/effects/kubernetes/template/read.ts'

const PATH = '/etc/template.yaml'

/** A pod with one container of every kind. */
const POD: V1Pod = {
  metadata: {
    name: 'p',
    labels: { 'runner-pod': 'runner-abc', kept: 'ours' },
    annotations: { 'slipway/service-names': 'redis' }
  },
  spec: {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    securityContext: { fsGroup: 1001 },
    imagePullSecrets: [{ name: 'ours' }],
    hostAliases: [{ ip: '127.0.0.1', hostnames: ['redis'] }],
    initContainers: [{ name: 'deliver', image: 'runner' }],
    containers: [
      {
        name: 'job',
        image: 'node:22',
        command: ['tail'],
        env: [{ name: 'A', value: '1' }],
        volumeMounts: [{ name: 'work', mountPath: '/__w' }]
      },
      { name: 'redis', image: 'redis' },
      { name: 'files', image: 'runner' }
    ],
    volumes: [{ name: 'work', emptyDir: {} }]
  }
}

const merge = async (yaml: string, kind: PodKind = 'job', pod: V1Pod = POD) => {
  const { pod: merged, warnings } = applyTemplate(pod, await parseTemplate(yaml, PATH), kind)
  return { merged, warnings, spec: merged.spec, names: merged.spec?.containers.map(({ name }) => name) }
}

test.each(['constructor', 'toString', 'hasOwnProperty', 'valueOf'])('a label may be called %s', async (key) => {
  const { merged, warnings } = await merge(`metadata: {labels: {${key}: x}, annotations: {${key}: y}}`)
  expect(Object.entries(merged.metadata?.labels ?? {})).toContainEqual([key, 'x'])
  expect(Object.entries(merged.metadata?.annotations ?? {})).toContainEqual([key, 'y'])
  expect(warnings).toEqual([])
})

test.each([
  '__proto__: {spec: 5}',
  'spec: {__proto__: {containers: 5}, constructor: {}}',
  'metadata: {labels: {__proto__: {}}}',
  'spec: {containers: [{name: $job, __proto__: {env: 5}}]}'
])('%s changes nothing that it does not name', async (yaml) => {
  for (const kind of ['job', 'step', 'build'] as const) {
    const { merged } = await merge(yaml, kind)
    expect(merged.spec?.containers).toEqual(POD.spec?.containers)
    expect(Object.getPrototypeOf(merged.metadata?.labels)).toBe(Object.prototype)
  }
})

describe("a template's containers", () => {
  it('named without $ are added verbatim, before the one that moves files', async () => {
    const { names, spec } = await merge('spec: {containers: [{name: side-car, image: ubuntu, args: [x]}]}')
    expect(names).toEqual(['job', 'redis', 'side-car', 'files'])
    expect(spec?.containers[2]).toEqual({ name: 'side-car', image: 'ubuntu', args: ['x'] })
  })

  it('named with $ change ours: env, ports and mounts are added, every other key replaces', async () => {
    const { spec, warnings, names } = await merge(`
spec:
  containers:
  - name: $job
    env: [{name: B, value: "2"}]
    ports: [{containerPort: 80}]
    volumeMounts: [{name: x, mountPath: /x}]
    command: [sh]
    resources: {limits: {cpu: "1"}}
  - name: $redis
    args: [--save]
  - name: $absent
    args: [x]
`)
    expect(spec?.containers[0]).toEqual({
      name: 'job',
      image: 'node:22',
      command: ['sh'],
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '2' }
      ],
      ports: [{ containerPort: 80 }],
      volumeMounts: [
        { name: 'work', mountPath: '/__w' },
        { name: 'x', mountPath: '/x' }
      ],
      resources: { limits: { cpu: '1' } }
    })
    expect(spec?.containers[1]).toEqual({ name: 'redis', image: 'redis', args: ['--save'] })
    expect([names?.length, warnings]).toEqual([3, []])
  })

  it('do not share what they add', async () => {
    await merge('spec: {containers: [{name: $job, volumeMounts: [{name: x, mountPath: /x}]}]}')
    expect(POD.spec?.containers[0]?.volumeMounts).toHaveLength(1)
  })

  it('cannot change an image, and say so', async () => {
    const { spec, warnings } = await merge('spec: {containers: [{name: $job, image: busybox}]}')
    expect(spec?.containers[0]?.image).toBe('node:22')
    expect(warnings).toEqual([expect.stringContaining('the image of $job is ignored')])
  })

  it('may be null, and init containers come after ours', async () => {
    const { spec, names } = await merge('spec: {containers: null, initContainers: [{name: mine, image: x}]}')
    expect(names).toEqual(['job', 'redis', 'files'])
    expect(spec?.initContainers?.map(({ name }) => name)).toEqual(['deliver', 'mine'])
  })

  it.each<[string, string | RegExp]>([
    [
      'spec: {containers: [{name: job, image: x}]}',
      'containers called job; rename the one in the template, or call it $job to change ours'
    ],
    ['spec: {initContainers: [{name: files, image: x}]}', 'containers called files'],
    ['spec: {volumes: [{name: work, emptyDir: {}}]}', /volumes called work; rename the one in the template$/]
  ])('and volumes that take a name of ours are refused: %s', async (yaml, message) => {
    await expect(merge(yaml)).rejects.toThrow(expect.objectContaining({ code: 'invalid-input' }))
    await expect(merge(yaml)).rejects.toThrow(message)
  })
})

describe("a template's metadata and pod keys", () => {
  it('overwrite labels with a warning, but never the one that finds the pod again', async () => {
    const { merged, warnings } = await merge(
      'metadata: {name: other, labels: {runner-pod: x, kept: theirs, new: a}, annotations: {n: b}}'
    )
    expect(merged.metadata?.name).toBe('p')
    expect(merged.metadata?.labels).toEqual({ 'runner-pod': 'runner-abc', kept: 'theirs', new: 'a' })
    expect(merged.metadata?.annotations).toEqual({ 'slipway/service-names': 'redis', n: 'b' })
    expect(warnings).toEqual([
      expect.stringContaining('runner-pod cannot'),
      expect.stringContaining('kept is overwritten')
    ])
  })

  it('say without a warning whether autoscalers may move a pod', async () => {
    const plain = { ...POD, metadata: podMetadata({ runnerPod: { metadata: { name: 'runner-abc' } } }, 'p') }
    const key = 'cluster-autoscaler.kubernetes.io/safe-to-evict'
    const { merged, warnings } = await merge(`metadata: {annotations: {${key}: "true"}}`, 'job', plain)
    expect(merged.metadata?.annotations).toEqual({ 'karpenter.sh/do-not-disrupt': 'true', [key]: 'true' })
    expect(warnings).toEqual([])
  })

  it('replace what we set, and add to the lists that ours stand in', async () => {
    const { spec } = await merge(`
spec:
  restartPolicy: Always
  nodeSelector: {disk: ssd}
  securityContext: {runAsUser: 1000}
  imagePullSecrets: [{name: theirs}]
  hostAliases: [{ip: 10.0.0.1, hostnames: [api]}]
  volumes: [{name: x, emptyDir: {}}]
`)
    expect(spec).toMatchObject({
      restartPolicy: 'Always',
      nodeSelector: { disk: 'ssd' },
      securityContext: { fsGroup: 1001, runAsUser: 1000 },
      imagePullSecrets: [{ name: 'ours' }, { name: 'theirs' }],
      hostAliases: [{ ip: '127.0.0.1' }, { ip: '10.0.0.1' }],
      volumes: [{ name: 'work' }, { name: 'x' }]
    })
  })

  it('give a token with a service account, unless they say otherwise', async () => {
    const token = async (yaml: string) => (await merge(yaml)).spec?.automountServiceAccountToken
    expect(await token('spec: {nodeSelector: {a: b}}')).toBe(false)
    expect(await token('spec: {serviceAccountName: deployer}')).toBeUndefined()
    expect(await token('spec: {serviceAccountName: deployer, automountServiceAccountToken: false}')).toBe(false)
  })

  it('keep the pod on the node that has its volume, in each of their alternatives', async () => {
    const pinned = { key: 'metadata.name', operator: 'In', values: ['node-1'] }
    const terms = (nodeSelectorTerms: object[]) => ({
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } }
    })
    const pod = { ...POD, spec: { ...POD.spec, containers: [], affinity: terms([{ matchFields: [pinned] }]) } }
    const affinity = JSON.stringify({
      podAffinity: {},
      ...terms([{ matchExpressions: [{ key: 'a' }] }, { matchExpressions: [{ key: 'b' }] }])
    })
    const { spec } = await merge(`spec: {affinity: ${affinity}}`, 'job', pod as V1Pod)
    expect(spec?.affinity).toEqual({
      podAffinity: {},
      ...terms([
        { matchExpressions: [{ key: 'a' }], matchFields: [pinned] },
        { matchExpressions: [{ key: 'b' }], matchFields: [pinned] }
      ])
    })
    const only = await merge('spec: {affinity: {podAffinity: {}}}', 'job', pod as V1Pod)
    expect(only.spec?.affinity).toEqual({ podAffinity: {}, ...terms([{ matchFields: [pinned] }]) })
  })
})

describe('a step pod', () => {
  it('gets the template, but keeps its own process, run once', async () => {
    const { spec, names, warnings } = await merge(
      'spec: {restartPolicy: Always, containers: [{name: $job, command: [sh], args: [x], workingDir: /, env: [{name: B, value: b}]}, {name: side, image: x}]}',
      'step'
    )
    expect(spec?.restartPolicy).toBe('Never')
    expect(spec?.containers[0]).toMatchObject({ command: ['tail'], env: [{ name: 'A' }, { name: 'B' }] })
    expect(spec?.containers[0]?.args).toBeUndefined()
    expect([names, warnings]).toEqual([['job', 'redis', 'side', 'files'], []])
  })

  it('gets its own section besides, which is warned where it cannot reach', async () => {
    const { spec, warnings } = await merge(
      'slipway: {step: {spec: {priorityClassName: low, containers: [{name: $job, command: [x], securityContext: {runAsUser: 5}}, {name: $files, resources: {limits: {cpu: "1"}}}, {name: $push, env: []}]}}}',
      'step'
    )
    expect(spec?.priorityClassName).toBe('low')
    expect(spec?.containers[0]).toMatchObject({ command: ['tail'], securityContext: { runAsUser: 5 } })
    expect(spec?.containers.at(-1)).toMatchObject({ name: 'files', resources: { limits: { cpu: '1' } } })
    expect(warnings).toEqual([
      expect.stringContaining('slipway.step cannot change command of $job'),
      expect.stringContaining('slipway.step has no container $push, only $job, $files')
    ])
  })
})

test('in a step pod the container that moves files stays first, and the files arrive by its lifecycle', async () => {
  const postStart = { exec: { command: ['wait'] } }
  const containers = [{ name: 'files', lifecycle: { postStart } }, { name: 'job' }]
  const yaml = 'spec: {containers: [{name: side}, {name: $files, lifecycle: {}}]}'
  const { spec, names, warnings } = await merge(yaml, 'step', { ...POD, spec: { containers } })
  expect(names).toEqual(['files', 'job', 'side'])
  expect(spec?.containers[0]).toEqual(containers[0])
  expect(warnings).toEqual([expect.stringContaining('the lifecycle of $files is ignored')])
})

test('where no files arrive by it a lifecycle is the template’s', async () => {
  const yaml = 'spec: {containers: [{name: $job, lifecycle: {preStop: {sleep: {seconds: 1}}}}]}'
  const containers = [{ name: 'job' }, { name: 'files', lifecycle: {} }]
  const { spec, warnings } = await merge(yaml, 'step', { ...POD, spec: { containers } })
  expect(spec?.containers).toEqual([{ name: 'job', lifecycle: { preStop: { sleep: { seconds: 1 } } } }, containers[1]])
  expect(spec).not.toHaveProperty('initContainers')
  expect(warnings).toEqual([])
})

test('a lifecycle of ours that the template does not name is not warned of', async () => {
  const containers = [{ name: 'files', lifecycle: {} }, { name: 'job' }]
  const { warnings } = await merge('spec: {containers: [{name: $files, tty: true}]}', 'step', {
    ...POD,
    spec: { containers }
  })
  expect(warnings).toEqual([])
})

test('a build pod gets its own section only, and a job pod none of the sections', async () => {
  const yaml =
    'spec: {nodeSelector: {all: x}}\nslipway: {build: {spec: {tolerations: [{key: build}]}}, step: {spec: {priorityClassName: low}}}'
  const build = await merge(yaml, 'build')
  expect([build.spec?.nodeSelector, build.spec?.tolerations]).toEqual([undefined, [{ key: 'build' }]])
  const job = await merge(yaml, 'job')
  expect([job.spec?.nodeSelector, job.spec?.tolerations, job.spec?.priorityClassName]).toEqual([
    { all: 'x' },
    undefined,
    undefined
  ])
})

test('without a template a pod stays what it is', async () => {
  expect(applyTemplate(POD, undefined, 'job')).toEqual({ pod: POD, warnings: [] })
})

test('a template that cannot be read is named with the reason', async () => {
  await expect(readTemplate('/no/such/template.yaml')).rejects.toThrow(
    /^the pod template \/no\/such\/template.yaml cannot be read \(ENOENT\); correct ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE$/
  )
})

test.each([
  ['', 'must hold one PodTemplateSpec'],
  ['invalid yaml', 'must hold one PodTemplateSpec'],
  ['[]', 'must hold one PodTemplateSpec'],
  ['a: [', 'is not YAML'],
  ['spec: []', 'is wrong at spec: Invalid input: expected object, received array'],
  ['spec: {containers: {name: x}}', 'is wrong at spec.containers'],
  ['spec: {containers: [{image: x}]}', 'is wrong at spec.containers.0.name'],
  ['spec: {containers: [{name: x, env: {A: b}}]}', 'is wrong at spec.containers.0.env'],
  ['spec: {volumes: x}', 'is wrong at spec.volumes'],
  ['metadata: {labels: {a: true}}', 'is wrong at metadata.labels.a'],
  ['&all {spec: *all}', 'has a part that is within itself'],
  ['['.repeat(50_000), 'has more than 100 levels'],
  ['- '.repeat(30_000), 'has more than 100 levels'],
  ['a: b\na: c', 'is not YAML: Map keys must be unique at line 2, column 1'],
  ['}', 'is not YAML'],
  ['spec: {affinity: {nodeAffinity: 5}}', 'is wrong at spec.affinity.nodeAffinity'],
  [
    `spec: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [null]}}}}`,
    'is wrong at spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.0'
  ],
  ['slipway: {push: {}}', 'is wrong at slipway: Unrecognized key: "push"'],
  [`a: ${'x'.repeat(1024 * 1024)}`, 'is larger than']
])('a bad template is one line: %.40s', async (yaml, message) => {
  const failure = await parseTemplate(yaml, PATH).catch((error: unknown) => error as Error)
  expect(failure).toMatchObject({ code: 'invalid-input', message: expect.stringContaining(`${PATH} ${message}`) })
  expect((failure as Error).message).not.toContain('\n')
})
