/** Goal: what would fail after a build is found out before it, and the ledger knows all names first. Method: the resolver against servers here. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V1Secret } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createKubernetesPorts } from '../../../../../src/effects/kubernetes/container-step/backend.ts'
import type { KubernetesOptions } from '../../../../../src/effects/kubernetes/context/options.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { systemClock } from '../../../../../src/effects/system.ts'
import type { StepRequest } from '../../../../../src/machines/types.ts'
import { type PodServer, startPodServer } from '../../../../support/pod-server.ts'
import { toCleanUp, toResolve } from '../../../../support/port-inputs.ts'

const never = new AbortController().signal
const DIGEST = `sha256:${'a'.repeat(64)}`

let work = ''
let server: PodServer
let registry: Server
let host = ''
/** What the registry was asked, and what it answers. */
let asked: string[] = []
let status = 200
let said = ''

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'slipway-backend-'))
  await mkdir(join(work, '_actions/a'), { recursive: true })
  await writeFile(join(work, '_actions/a/Dockerfile'), 'FROM scratch\n')
  server = await startPodServer(work, [
    {
      metadata: { name: 'runner-a', uid: 'uid-of-a' },
      spec: {
        containers: [{ name: 'runner', image: 'runner:1', volumeMounts: [{ name: 'work', mountPath: work }] }],
        volumes: [{ name: 'work', persistentVolumeClaim: { claimName: 'c' } }]
      }
    }
  ])
  vi.stubEnv('KUBECONFIG', server.kubeconfig)
  registry = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.writeHead(status, { 'docker-content-digest': DIGEST }).end('{}')
  })
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve))
  host = `127.0.0.1:${(registry.address() as AddressInfo).port}`
  asked = []
  status = 200
  said = ''
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await server.close()
  registry.closeAllConnections()
  await new Promise((resolve) => registry.close(resolve))
  await rm(work, { recursive: true })
})

const plain = () => ({ pushHost: host, pullHost: 'localhost:30500', path: undefined, plainHttp: true })

const portsOf = (options: Partial<KubernetesOptions> = {}) =>
  createKubernetesPorts(
    {
      runnerPod: 'runner-a',
      paths: {
        runnerWorkspace: join(work, 'repo'),
        runnerTemp: join(work, '_temp'),
        githubWorkspace: join(work, 'repo/repo')
      },
      ...options
    },
    {
      clock: systemClock,
      randomHex: (length) => 'f'.repeat(length),
      reporter: createReporter((chunk) => {
        said += chunk
      })
    }
  )

const stepOf = (parts: Partial<StepRequest>): StepRequest => ({
  args: [],
  env: {},
  workingDirectory: '/',
  mounts: [],
  ...parts
})
const ofImage = () => stepOf({ image: 'alpine' })
const ofDockerfile = () => stepOf({ dockerfile: join(work, '_actions/a/Dockerfile') })
const resolved = (request: StepRequest, options?: Partial<KubernetesOptions>) =>
  portsOf(options).resolver.resolve(toResolve(request), never)

const loginFor = (server: string): V1Secret => ({
  metadata: { name: 'push' },
  type: 'kubernetes.io/dockerconfigjson',
  data: {
    '.dockerconfigjson': Buffer.from(
      JSON.stringify({ auths: { [server]: { username: 'u', password: 'the-password' } } })
    ).toString('base64')
  }
})

const PULLING = [
  { kind: 'secret', name: expect.stringMatching(/^runner-a-.*f{8}/) },
  { kind: 'pod', name: expect.stringMatching(/^runner-a-step-f{8}/) }
]

describe('an image that is there', () => {
  it('needs no registry, and makes a Secret and a pod', async () => {
    const resolution = await resolved(ofImage(), { registry: plain() })
    expect(resolution).toMatchObject({ kind: 'prebuilt', image: 'alpine', creates: { building: [], pulling: PULLING } })
    expect([asked, server.changes]).toEqual([[], []])
  })

  it('is refused with what a pod cannot have, before anything is made', async () => {
    const request = stepOf({ image: 'alpine', env: { BIG: 'x'.repeat(1024 * 1024) } })
    await expect(resolved(request)).rejects.toMatchObject({ code: 'invalid-input' })
  })
})

describe('a Dockerfile', () => {
  it('is built in place without a registry, or where that is wanted', async () => {
    const creates = { buildingInPlace: Array(4).fill(expect.objectContaining({ kind: 'build-pod' })) }
    expect(await resolved(ofDockerfile())).toMatchObject({ kind: 'in-place', creates })
    const options = { registry: plain(), buildMode: 'in-place' } as const
    expect(await resolved(ofDockerfile(), options)).toMatchObject({ kind: 'in-place', creates })
    expect(asked).toEqual([])
  })

  it('is not built in place without a Secret for its base images that is named, and the log hides what is in one', async () => {
    const options = { baseImageSecret: 'bases' }
    await expect(resolved(ofDockerfile(), options)).rejects.toMatchObject({
      code: 'not-configured',
      message: expect.stringMatching(/Secret bases,.*BASE_IMAGE_SECRET.* is not in namespace/)
    })
    server.secrets.set('bases', loginFor(host))
    const ports = portsOf(options)
    expect(await ports.resolver.resolve(toResolve(ofDockerfile()), never)).toMatchObject({ kind: 'in-place' })
    expect(said).not.toContain('the-password')
  })

  it('needs a registry where no builder builds in place', async () => {
    const builderDaemon = { address: 'tcp://buildkitd:1234' }
    await expect(resolved(ofDockerfile(), { builder: 'buildkit', builderDaemon })).rejects.toMatchObject({
      code: 'not-configured'
    })
  })

  it('needs a registry where it is to have one, and the error says what to set', async () => {
    await expect(resolved(ofDockerfile(), { buildMode: 'registry' })).rejects.toMatchObject({
      code: 'not-configured',
      message: expect.stringContaining('ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_HOST')
    })
  })

  it('makes a pod for every attempt and the image, under names that are known before', async () => {
    const resolution = await resolved(ofDockerfile(), { registry: plain() })
    expect(resolution).toMatchObject({ kind: 'build', creates: { pulling: PULLING } })
    const { plan } = resolution as Extract<typeof resolution, { kind: 'build' }>
    const { building = [] } = resolution.creates
    // The fourth is made where it is doubtful what a node can.
    expect(building.map(({ kind }) => kind)).toEqual([...Array(4).fill('build-pod'), 'image'])
    expect(new Set(building.map(({ name }) => name)).size).toBe(5)
    expect(building.at(-1)?.name).toBe(plan.pushReference)
    // Whoever may push may be anybody: there is nothing to ask the registry before.
    expect(asked).toEqual([])
    expect(server.changes).toEqual([])
  })

  it.each([401, 403])('is not built where the registry answers %i to its credentials', async (refused) => {
    status = refused
    server.secrets.set('push', loginFor(host))
    await expect(resolved(ofDockerfile(), { registry: { ...plain(), pushSecret: 'push' } })).rejects.toMatchObject({
      code: 'push-denied'
    })
    expect(asked[0]).toBe('GET /v2/')
  })

  it('is built where the registry takes them, and the log hides the password', async () => {
    server.secrets.set('push', loginFor(host))
    const ports = portsOf({ registry: { ...plain(), pushSecret: 'push' } })
    expect(await ports.resolver.resolve(toResolve(ofDockerfile()), never)).toMatchObject({ kind: 'build' })
    expect(asked).toEqual(['GET /v2/'])
  })

  it('is not built where a registry with TLS cannot be reached', async () => {
    await expect(resolved(ofDockerfile(), { registry: { ...plain(), plainHttp: false } })).rejects.toMatchObject({
      code: 'registry-unreachable'
    })
  })

  it('is not built without a Secret that only the pods need', async () => {
    await expect(
      resolved(ofDockerfile(), { registry: { ...plain(), baseImageSecret: 'missing' } })
    ).rejects.toMatchObject({ code: 'not-configured', message: expect.stringContaining('missing') })
  })

  it('is not built without the certificates for the daemon', async () => {
    const builderDaemon = { address: 'tcp://buildkitd:1234', tlsSecret: 'certificates' }
    const options = { registry: plain(), builder: 'buildkit', builderDaemon } as const
    await expect(resolved(ofDockerfile(), options)).rejects.toMatchObject({
      code: 'not-configured',
      message: expect.stringMatching(/no Secret certificates in namespace ci.*BUILDKIT_TLS_SECRET/)
    })
    server.secrets.set('certificates', { metadata: { name: 'certificates' } })
    expect(await resolved(ofDockerfile(), options)).toMatchObject({ kind: 'build' })
    expect(await resolved(ofImage(), options)).toMatchObject({ kind: 'prebuilt' })
  })
})

describe('images that are kept', () => {
  const kept = () => ({ ...plain(), path: 'org/slipway', pushSecret: 'push', isKept: true as const })
  beforeEach(() => server.secrets.set('push', loginFor(host)))

  it('are found by their content, in the one repository, and said', async () => {
    const resolution = await resolved(ofDockerfile(), { registry: kept() })
    expect(resolution).toMatchObject({
      kind: 'cached',
      image: `localhost:30500/org/slipway@${DIGEST}`,
      creates: { building: [], pulling: PULLING }
    })
    expect(asked.at(-1)).toMatch(/^HEAD \/v2\/org\/slipway\/manifests\/[0-9a-f]{40}$/)
    expect(said).toContain(`Nothing to build: localhost:30500/org/slipway@${DIGEST} has this content`)
  })

  it('are built when they are not there, and stay', async () => {
    registry.removeAllListeners('request')
    registry.on('request', (request, response) => response.writeHead(request.url === '/v2/' ? 200 : 404).end())
    const { kind, creates } = await resolved(ofDockerfile(), { registry: kept() })
    expect([kind, creates.building?.map((entry) => entry.kind)]).toEqual(['build', Array(4).fill('build-pod')])
    expect(said).not.toContain('Nothing to build')
  })
})

describe('the ports', () => {
  it('ask nobody before there is anything to do', async () => {
    let looks = 0
    server.beforeGet = async () => {
      looks += 1
      return undefined
    }
    const ports = portsOf({ registry: plain() })
    await ports.janitor.cleanUp(toCleanUp([]), never)
    expect([looks, asked]).toEqual([0, []])
  })

  it('look at the runner pod until they have seen it, and then no more', async () => {
    let looks = 0
    server.beforeGet = async (name) => {
      if (name !== 'runner-a') return undefined
      looks += 1
      return looks === 1 ? 422 : undefined
    }
    const ports = portsOf()
    await expect(ports.resolver.resolve(toResolve(ofImage()), never)).rejects.toMatchObject({
      code: 'cluster-rejected'
    })
    for (let count = 0; count < 2; count += 1) await ports.resolver.resolve(toResolve(ofImage()), never)
    expect(looks).toBe(2)
  })

  it('remove what the ledger lists, and ask the registry only for images', async () => {
    const ports = portsOf({ registry: plain() })
    await ports.janitor.cleanUp(toCleanUp([{ kind: 'pod', name: 'step' }]), never)
    expect([server.changes, asked]).toEqual([['DELETE pods/step'], []])
    await ports.janitor.cleanUp(toCleanUp([{ kind: 'image', name: `${host}/a:1` }]), never)
    expect(asked).toEqual(['HEAD /v2/a/manifests/1', `DELETE /v2/a/manifests/${DIGEST}`])
  })

  it('are cancelled when that is asked for, and reject with errors of ours', async () => {
    const controller = new AbortController()
    server.beforeGet = async () => {
      controller.abort()
      return undefined
    }
    await expect(portsOf().resolver.resolve(toResolve(ofImage()), controller.signal)).rejects.toMatchObject({
      code: 'cancelled'
    })
  })
})
