/** Everything in deploy/, applied on the real cluster by the commands of docs/install.md and docs/migrate.md. */
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import type { V1Pod } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { type ArcValues, CHART_KEYS, readValues, runnerPodHere, runnerPodSpec } from './support/arc.ts'
import {
  askRegistry,
  BASE,
  makeOverlays,
  makeRegistryDirectory,
  PULL_NODE_PORT,
  PUSH_HOST,
  REGISTRY_NAMESPACE,
  removeDeployments
} from './support/deployment.ts'
import { blocksOf, follow, isOurs, root } from './support/documentation.ts'
import { REGISTRY_ENVIRONMENT, runContainerStep } from './support/hook.ts'
import { canBuild, canBuildInPlace, IMAGES } from './support/images.ts'
import { apply, eventually, get, kubectl } from './support/kubectl.ts'
import { errorsOf, objectsLeft } from './support/leftovers.ts'
import { runProcess } from './support/process.ts'
import { createRunnerPod, NODE, type RunnerPod, WORKSPACE } from './support/runner-pod.ts'
import { createTestNamespace, type TestNamespace } from './support/test-namespace.ts'

const INSTALL = 'docs/install.md'
const MIGRATE = 'docs/migrate.md'
const MODES = [
  ['kubernetes', 'volume'],
  ['kubernetes-novolume', 'copy']
] as const
const SERVICE_ACCOUNT = 'slipway'
/** The pod has it all; the suite usually gives it to the hook. */
const ENVIRONMENT = Object.fromEntries(Object.keys(REGISTRY_ENVIRONMENT).map((name) => [name, undefined]))
const PREFIX = 'ACTIONS_RUNNER_CONTAINER_HOOKS'
/** A variable that is empty counts as unset. */
const NO_REGISTRY = Object.fromEntries(['HOST', 'PORT', 'NODE_PORT'].map((name) => [`${PREFIX}_REGISTRY_${name}`, '']))

const canInPlace = await canBuildInPlace()

let namespace: TestNamespace
let overlays = ''
/** Runs the commands of sections of a page; those that another suite runs are left out. */
const followSections = async (page: string, headings: readonly string[], variables = {}) =>
  await follow((await blocksOf(page, ...headings)).filter(isOurs), {
    ...{ DEPLOY: overlays, NAMESPACE: namespace.name },
    ...variables
  })

beforeAll(async () => {
  await removeDeployments()
  await makeRegistryDirectory()
  namespace = await createTestNamespace()
  overlays = await makeOverlays(namespace.name)
  await followSections(INSTALL, ['What is needed', '1. A registry', '2. The hook', 'The Role'])
})
afterAll(async () => {
  await removeDeployments()
  await namespace?.remove()
  await rm(overlays, { recursive: true, force: true })
})

describe.skipIf(!(await canBuild())).each(MODES)(
  "ARC's container mode %s, with the values in deploy/arc",
  (type, mode) => {
    let values: ArcValues
    let runner: RunnerPod
    beforeAll(async () => {
      values = await readValues(...[`values`, type].map((name) => new URL(`deploy/arc/${name}.yaml`, root)))
      runner = await createRunnerPod(namespace.name, mode, (usual) => runnerPodHere(usual, values, SERVICE_ACCOUNT))
    })
    afterAll(async () => await runner?.remove())

    it('has only what the chart and Kubernetes know', async () => {
      expect(unknown(values, CHART_KEYS.values)).toEqual([])
      expect(unknown(values.containerMode, CHART_KEYS.containerMode)).toEqual([])
      expect(unknown(values.template, CHART_KEYS.template)).toEqual([])
      expect(values.containerMode.type).toBe(type)
      const metadata = { name: 'of-the-chart', namespace: namespace.name }
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: runnerPodSpec(values, SERVICE_ACCOUNT) }
      await kubectl(['create', '--dry-run=server', '--validate=strict', '-f', '-'], { input: JSON.stringify(pod) })
    })

    it('runs a Dockerfile action with the registry, the ConfigMap and the Role of deploy/', async () => {
      const directory = await installAction(runner, 'deployed', {
        Dockerfile: dockerfile(BASE, 'ENTRYPOINT ["sh", "-c", "echo built > made.txt"]')
      })
      const options = { hook: hookOf(values), env: ENVIRONMENT }
      const step = await runContainerStep(runner, { dockerfile: `${directory}/Dockerfile` }, options)
      expect(step.exitCode, step.stdout).toBe(0)
      expect(errorsOf(step)).toEqual([])
      expect(step.stdout).toContain(`image localhost:${PULL_NODE_PORT}/`)
      expect(await runner.read(`${WORKSPACE}/made.txt`)).toBe('built')
      expect(await objectsLeft(runner)).toEqual([])
    })

    it.skipIf(!canInPlace).each([
      ['without the variables that may be left out', NO_REGISTRY],
      ['in place beside a registry', { [`${PREFIX}_BUILD_MODE`]: 'in-place' }]
    ])('runs a Dockerfile action %s', async (_how, changes) => {
      const directory = await installAction(runner, 'in-place', {
        Dockerfile: dockerfile(IMAGES.busyboxByAddress, 'ENTRYPOINT ["sh", "-c", "echo built > made.txt"]')
      })
      const env = { ...ENVIRONMENT, ...changes, [`${PREFIX}_IN_PLACE_IMAGE`]: IMAGES.kanikoDebug }
      const options = { hook: hookOf(values), env }
      const step = await runContainerStep(runner, { dockerfile: `${directory}/Dockerfile` }, options)
      expect(step.exitCode, step.stdout).toBe(0)
      expect(step.stdout).toMatch(/^Build in place: /m)
      expect(await runner.read(`${WORKSPACE}/made.txt`)).toBe('built')
      expect(await objectsLeft(runner)).toEqual([])
    })

    it('is a set-up that the doctor finds nothing wrong with', async () => {
      await followSections(INSTALL, ['4. Check it'], { RUNNER_POD: runner.name })
    })
  }
)

describe('deploy/registry', () => {
  let runner: RunnerPod
  let pullHost = ''
  const ask = <Found>(...args: readonly string[]) => askRegistry<Found>(runner.exec, NODE, ...args)
  const push = (repository: string) => ask<Pushed>('push', PUSH_HOST, repository, LAYER_BYTES)
  beforeAll(async () => {
    runner = await createRunnerPod(namespace.name, 'copy')
    const [node] = await get<Node>(['nodes'])
    const address = node?.status.addresses.find(({ type }) => type === 'InternalIP')?.address
    pullHost = `${address}:${PULL_NODE_PORT}`
  })
  afterAll(async () => await runner?.remove())

  it('gives images through its node port, and takes and deletes none there', async () => {
    const { digest } = await push('read/only')
    const manifest = `http://${pullHost}/v2/read/only/manifests/${digest}`
    expect(await ask('status', 'GET', manifest)).toBe(200)
    expect(await ask('status', 'DELETE', manifest)).toBe(405)
    expect(await ask('status', 'POST', `http://${pullHost}/v2/read/only/blobs/uploads/`)).toBe(405)
    expect(await ask('status', 'GET', manifest)).toBe(200)
  })

  it('frees the disk space of deleted images when its job runs, and gives the others all the while', async () => {
    const kept = await push('kept')
    const gone = await push('gone')
    await ask('delete', PUSH_HOST, 'gone', gone.digest)
    expect(await blobsIn(gone, kept)).toEqual([true, true])
    const stop = `/tmp/stop-${randomUUID()}`
    const watching = ask<Watched>('watch', `http://${pullHost}/v2/kept/manifests/${kept.digest}`, stop)

    const { stdout } = await followSections(INSTALL, ['The registry'])
    expect(stdout).toContain('job.batch/collect-now condition met')
    await eventually('the collection', COLLECTION_MS_MAX, async () => !(await blobsIn(gone))[0])
    await eventually('the next push', COLLECTION_MS_MAX, async () => await push('next').then(Boolean, () => false))
    await runner.exec(['touch', stop])
    const { asked, failures } = await watching
    expect(failures).toEqual([])
    expect(asked).toBeGreaterThan(10)
    expect(await blobsIn(gone, kept)).toEqual([false, true])
  })
})

describe('deploy/runner-image', () => {
  it('brings a hook that answers', async (context) => {
    const buildah = (...args: readonly string[]) => runProcess('env', ['STORAGE_DRIVER=vfs', 'buildah', ...args])
    if ((await buildah('inspect', '--type', 'image', IMAGES.runner)).exitCode !== 0) {
      process.stderr.write(
        `\n!!! SKIPPED: buildah does not have ${IMAGES.runner}, so the runner image is not built.\n\n`
      )
      context.skip()
    }
    // The command of docs/install.md, with other images and with buildah for docker.
    const shown = (await blocksOf(INSTALL, '2. The hook')).find((block) => block.startsWith('docker build ')) ?? ''
    const base = `build --isolation chroot --quiet --build-arg RUNNER_IMAGE=${IMAGES.runner}`
    const command = `STORAGE_DRIVER=vfs ${shown.replace(/^docker build/, `buildah ${base}`)}`
    const image = `localhost/slipway-test:${randomUUID()}`
    await follow([command], { RUNNER_IMAGE: image })
    const container = (await buildah('from', image)).stdout
    try {
      const hook = '/home/runner/slipway/index.js'
      const { exitCode, stdout } = await buildah('run', '--isolation', 'chroot', container, '--', 'node', hook)
      expect(exitCode).not.toBe(0)
      expect(stdout).toMatch(/^::error::.*stdin/m)
    } finally {
      await buildah('rm', container)
      await buildah('rmi', image)
    }
  })
})

describe('docs/migrate.md', () => {
  it('removes what the shipped hook has left, and in the end Slipway too', async () => {
    const metadata = { name: 'left', namespace: namespace.name, labels: { 'runner-pod': 'of-yesterday' } }
    await apply({ apiVersion: 'v1', kind: 'Secret', metadata })
    const { stdout } = await followSections(MIGRATE, ['Step by step', 'How to go back'])
    expect(stdout).toContain('secret "left" deleted')
    const configMaps = await get<V1Pod>(['configmaps', '-n', namespace.name])
    expect(configMaps.map(({ metadata }) => metadata?.name)).not.toContain('slipway')
    const { stdout: namespaces } = await kubectl(['get', 'namespaces', '-o', 'name'])
    expect(namespaces).not.toContain(REGISTRY_NAMESPACE)
  })
})

const LAYER_BYTES = '1000000'
const COLLECTION_MS_MAX = 30_000

const hookOf = ({ template }: ArcValues): string =>
  template.spec.containers[0]?.env?.find(({ name }) => name === PREFIX)?.value ?? ''

interface Pushed {
  readonly digest: string
  readonly layer: string
}
interface Watched {
  readonly asked: number
  readonly failures: readonly string[]
}
interface Node {
  readonly status: { readonly addresses: readonly { readonly type: string; readonly address: string }[] }
}

/** Whether the layers of images are on the registry's disk. */
async function blobsIn(...images: readonly Pushed[]): Promise<readonly boolean[]> {
  const exec = ['exec', '-n', REGISTRY_NAMESPACE, 'registry-0', '-c', 'pull', '--']
  const { stdout } = await kubectl([...exec, 'find', '/var/lib/registry/docker/registry/v2/blobs', '-name', 'data'])
  return images.map(({ layer }) => stdout.includes(layer.replace('sha256:', '')))
}

const unknown = (value: object, known: readonly string[]) => Object.keys(value).filter((key) => !known.includes(key))
