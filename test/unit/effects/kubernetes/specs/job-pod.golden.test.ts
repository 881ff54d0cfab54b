/** Job pods as goldens, and what holds for each of them whatever the workflow asks for. Update with `npm run golden`. */
import type { V1Pod } from '@kubernetes/client-node'
import { describe, expect, it, test } from 'vitest'
import { stringify } from 'yaml'
import { pullSecrets } from '../../../../../src/effects/kubernetes/specs/job-plan.ts'
import { parseTemplate } from '../../../../../src/effects/kubernetes/template/read.ts'
import type { ContainerRequest, JobRequest } from '../../../../../src/machines/types.ts'
import { planJob, siteOf } from '../context-fixture.ts'

const WORK = '/home/runner/_work'
const golden = (name: string) => `../../../../golden/${name}.yaml`

const mounts: JobRequest['mounts'] = [
  { source: WORK, target: '/__w', readOnly: false },
  { source: `${WORK}/_temp/_github_home`, target: '/github/home', readOnly: false },
  { source: `${WORK}/_temp/_github_workflow`, target: '/github/workflow', readOnly: false },
  { source: '/opt/runner/externals', target: '/__e', readOnly: true },
  { source: '/opt/tools', target: '/__t', readOnly: false }
]
const container = (parts: Partial<ContainerRequest>): ContainerRequest => ({
  image: 'node:22',
  args: [],
  env: {},
  ports: [],
  volumes: [],
  ...parts
})
const job = container({ env: { HOME: '/github/home' }, workingDirectory: '/__w/repo/repo' })

function plan(request: Partial<JobRequest>, mode: 'copy' | 'volume' = 'volume') {
  let secrets = 0
  const secret = () => `runner-abc-secret-${secrets++}`
  return planJob(
    siteOf(mode),
    { container: job, services: [], mounts, ...request },
    {
      secret,
      nonce: '01234567'
    }
  )
}

const containerOf = (pod: V1Pod, name: string) => {
  const found = pod.spec?.containers.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no container ${name}`)
  return found
}

describe.each(['copy', 'volume'] as const)('the job pod in storage mode %s', (mode) => {
  it('of a plain job', async () => {
    await expect(stringify(plan({}, mode).pod)).toMatchFileSnapshot(golden(`job-pod-${mode}`))
  })

  it('of a job with everything', async () => {
    const { pod, warnings } = plan(
      {
        container: container({
          env: { A: '$(HOME) $$ $X', EMPTY: '' },
          createOptions: '--cpus 1 --hostname ci --add-host api:10.0.0.1 --shm-size 1g --user 1000 --gpus all',
          ports: ['8080:80'],
          volumes: [
            { source: `${WORK}/repo/repo/data`, target: '/data', readOnly: true },
            { source: 'cache', target: '/cache', readOnly: false },
            { source: '', target: '/scratch', readOnly: false }
          ],
          credentials: { server: 'ghcr.io', username: 'u', password: 'p' }
        }),
        services: [
          container({
            image: 'postgres:16',
            args: ['-c', 'fsync=off'],
            createOptions: '--health-cmd pg_isready --health-interval 2s --network-alias db --network-alias bad_name',
            volumes: [{ source: 'cache', target: '/cache', readOnly: false }]
          }),
          container({ image: 'redis', entryPoint: '/usr/bin/redis', ports: ['6379'] })
        ]
      },
      mode
    )
    await expect(stringify({ pod, warnings })).toMatchFileSnapshot(golden(`job-pod-everything-${mode}`))
  })
})

test.each(['copy', 'volume'] as const)('in mode %s it is ours, unprivileged, and without a token', (mode) => {
  const { pod } = plan({ services: [container({ image: 'redis' })] }, mode)
  expect(pod.metadata?.name).toBe('runner-abc-workflow')
  expect(pod.metadata?.labels?.['runner-pod']).toBe('runner-abc')
  expect(pod.metadata?.ownerReferences?.[0]?.uid).toBe('00000000-1111-2222-3333-444444444444')
  expect(pod.spec?.automountServiceAccountToken).toBe(false)
  expect(JSON.stringify(pod)).not.toMatch(/hostPath|"privileged":true/)
  expect(pod.spec?.containers.map(({ name }) => name)).toEqual(['job', 'redis', ...(mode === 'copy' ? ['files'] : [])])
})

test('no label of the options is on the pod: it would become part of Services and network policies', () => {
  const createOptions = '--label app=database --label runner-pod=other -l sidecar.istio.io/inject=false'
  const services = [container({ image: 'redis', createOptions: '--label app=database' })]
  const { pod, warnings } = plan({ container: container({ createOptions }), services })
  expect(pod.metadata?.labels).toEqual(plan({ container: container({}) }).pod.metadata?.labels)
  expect(warnings).toEqual([
    'options of the job container that Kubernetes has nothing for are left out: --label, -l',
    'options of the service redis that Kubernetes has nothing for are left out: --label'
  ])
})

test.each([
  ['--entrypoint /init', ['/init'], ['tail', '-f', '/dev/null']],
  ['--entrypoint /bin/bash', ['/bin/bash'], ['-c', 'tail -f /dev/null']],
  ['--entrypoint ""', ['tail'], ['-f', '/dev/null']]
])('a job container with %s is kept alive', (createOptions, command, args) => {
  expect(containerOf(plan({ container: container({ createOptions }) }).pod, 'job')).toMatchObject({ command, args })
})

test('the user of a workflow decides CI, and nobody GITHUB_ACTIONS', () => {
  const { pod } = plan({
    container: container({ env: { CI: 'false', GITHUB_ACTIONS: 'no' } }),
    services: [container({ image: 'redis' })]
  })
  const envOf = (name: string) =>
    Object.fromEntries((containerOf(pod, name).env ?? []).map((one) => [one.name, one.value]))
  expect(envOf('job')).toEqual({ CI: 'false', GITHUB_ACTIONS: 'true' })
  expect(envOf('redis')).toEqual({ CI: 'true', GITHUB_ACTIONS: 'true' })
})

test('ports of the node are taken only where the administrator wants it, by services and the job container alike', () => {
  const ports = ['127.0.0.1:8080:80', '6379']
  const request = { container: container({ ports }), services: [container({ image: 'redis', ports })], mounts }
  const portsWith = (hostPorts: boolean | undefined) => {
    const { pod } = planJob(siteOf('copy', { hostPorts }), request, { secret: () => '', nonce: '01234567' })
    return ['job', 'redis'].map((name) =>
      containerOf(pod, name).ports?.map(({ hostPort, hostIP }) => hostIP ?? hostPort)
    )
  }
  for (const off of [undefined, false]) expect(portsWith(off)).toEqual([Array(2), Array(2)])
  expect(portsWith(true)).toEqual(Array(2).fill(['127.0.0.1', undefined]))
})

test('--read-only, --privileged and capabilities are passed on for the cluster to decide', () => {
  const createOptions = '--read-only --privileged --cap-add SYS_PTRACE --cap-drop ALL'
  expect(containerOf(plan({ container: container({ createOptions }) }).pod, 'job').securityContext).toEqual({
    privileged: true,
    readOnlyRootFilesystem: true,
    capabilities: { add: ['SYS_PTRACE'], drop: ['ALL'] }
  })
})

describe('credentials', () => {
  const authsOf = (credentials: NonNullable<ContainerRequest['credentials']>[]) => {
    const [first, ...services] = credentials.map((one) => container({ image: 'redis', credentials: one }))
    const { pod, secrets } = plan({ container: first, services })
    const auths = secrets.map(
      ({ data }) => JSON.parse(Buffer.from(data?.['.dockerconfigjson'] ?? '', 'base64').toString()).auths
    )
    return { auths, names: pod.spec?.imagePullSecrets?.map(({ name }) => name), secrets }
  }

  it('of job and services go into one secret that the pod pulls with', () => {
    const { auths, names, secrets } = authsOf([
      { server: '', username: 'hub', password: 'a' },
      { server: 'ghcr.io', username: 'gh', password: 'b' }
    ])
    const auth = (text: string) => Buffer.from(text).toString('base64')
    expect(auths).toEqual([
      {
        'https://index.docker.io/v1/': { username: 'hub', password: 'a', auth: auth('hub:a') },
        'ghcr.io': { username: 'gh', password: 'b', auth: auth('gh:b') }
      }
    ])
    expect(names).toEqual(['pull-the-runner', 'runner-abc-secret-0'])
    expect(secrets[0]).toMatchObject({ type: 'kubernetes.io/dockerconfigjson', immutable: true })
    expect(secrets[0]?.metadata?.labels?.['runner-pod']).toBe('runner-abc')
  })

  it('that differ for one registry go into two', () => {
    const { auths } = authsOf([
      { server: 'ghcr.io', username: 'one', password: 'a' },
      { server: 'ghcr.io', username: 'two', password: 'b' },
      { server: 'ghcr.io', username: 'one', password: 'a' }
    ])
    expect(auths.map((one) => one['ghcr.io'].username)).toEqual(['one', 'two'])
  })
})

test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
  'credentials may be for a registry called %s',
  (server) => {
    const credentials = ['one', 'two', 'one'].map((username) => ({ server, username, password: 'p' }))
    const secrets = pullSecrets({ metadata: { name: 'r', uid: 'u' } }, credentials, () => 'secret')
    const auths = secrets.map(
      ({ data }) => JSON.parse(Buffer.from(data?.['.dockerconfigjson'] ?? '', 'base64').toString()).auths
    )
    expect(
      auths.map((one) => Object.entries(one).map(([key, value]) => [key, (value as { username: string }).username]))
    ).toEqual([[[server, 'one']], [[server, 'two']]])
  }
)

describe('what cannot be done', () => {
  it.each<[string, Partial<JobRequest>, string]>([
    ['no job container', { container: undefined, services: [container({})] }, 'a job container is required'],
    ['a bad port', { container: container({ ports: ['1:2:3'] }) }, "the port '1:2:3'"],
    ['a bad option', { container: container({ createOptions: '--memory lots' }) }, '--memory must be a size'],
    [
      'an image without a name',
      { services: [container({ image: ':latest' })] },
      "':latest' is not the name of an image"
    ],
    [
      'a volume outside of the work directory',
      { container: container({ volumes: [{ source: '/data', target: '/d', readOnly: false }] }) },
      'the volume /data:/d cannot be mounted'
    ],
    [
      'a volume beside it with a like name',
      { container: container({ volumes: [{ source: `${WORK}2/x`, target: '/d', readOnly: false }] }) },
      `the volume ${WORK}2/x:/d cannot be mounted`
    ]
  ])('%s is refused in one line', (_title, request, message) => {
    expect(() => plan(request)).toThrow(message)
  })

  it('the socket of docker is left out with a warning', () => {
    const socket = { source: '/var/run/docker.sock', target: '/var/run/docker.sock', readOnly: false }
    const { pod, warnings } = plan({ container: container({ volumes: [socket] }) })
    expect(JSON.stringify(pod)).not.toContain('docker.sock')
    expect(warnings).toEqual([expect.stringContaining('/var/run/docker.sock is left out')])
  })
})

test('a job container answers for the pod only when nothing else is in it and nothing changed what it runs', async () => {
  const isAlone = (request: Partial<JobRequest>, template?: Awaited<ReturnType<typeof parseTemplate>>) =>
    planJob(
      siteOf('copy', { template }),
      { container: job, services: [], mounts, ...request },
      {
        secret: () => 's',
        nonce: 'm'
      }
    ).isAlone
  const template = (yaml: string) => parseTemplate(yaml, '/t')
  expect(isAlone({})).toBe(true)
  expect(isAlone({ services: [container({ image: 'redis' })] })).toBe(false)
  expect(isAlone({ container: container({ createOptions: '--health-cmd true' }) })).toBe(false)
  expect(isAlone({ container: container({ createOptions: '--entrypoint /x' }) })).toBe(false)
  expect(isAlone({}, await template('spec: {containers: [{name: side, image: x}]}'))).toBe(false)
  expect(isAlone({}, await template('spec: {containers: [{name: $job, command: [sh]}]}'))).toBe(false)
})
