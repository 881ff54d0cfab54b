/** What root of the container `build` may leave in the layout, against the credentials of the container that pushes it. */
import { randomBytes } from 'node:crypto'
import type { V1Pod } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChosenBuilder } from '../../src/effects/builders/choose.ts'
import { kaniko } from '../../src/effects/builders/kaniko.ts'

import { buildPod, siteOf } from '../unit/effects/kubernetes/context-fixture.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { apply, eventually, get, kubectl } from './support/kubectl.ts'
import { createStandIn, type Sent, type StandIn } from './support/stand-in.ts'
import { createTestNamespace, type TestNamespace } from './support/test-namespace.ts'

const PORT = 5000
const SECRET = 'push-it'
const PASSWORD = randomBytes(16).toString('hex')
const CREDENTIALS = '/kaniko/.docker/config.json'
const ENDED_MS_MAX = 60_000
/** A push of a few bytes takes a fraction of that. */
const QUIET_MS = 5_000

/** A layout as a builder leaves it, in words of a shell: `$layer`, `$config` and `$manifest` are the digests. */
const HONEST = [
  'cd "$LAYOUT" && mkdir -p blobs/sha256',
  'blob() { digest=$(printf %s "$1" | sha256sum | cut -c1-64); printf %s "$1" > blobs/sha256/$digest; }',
  `part() { printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%s}' "$1" "$2" "$3"; }`,
  'blob "$CONTENT" && layer=$digest && layerPart=$(part layer.v1.tar $layer $(printf %s "$CONTENT" | wc -c))',
  'blob "{}" && config=$digest && configPart=$(part config.v1+json $config 2)',
  `blob "{\\"schemaVersion\\":2,\\"config\\":$configPart,\\"layers\\":[$layerPart]}" && manifest=$digest`,
  `index() { printf '{"schemaVersion":2,"manifests":[%s]}' "$1" > index.json; }`,
  'index "$(part manifest.v1+json $manifest $(wc -c < blobs/sha256/$manifest))"'
]

const linked = (path: string) => [`ln -sf ${CREDENTIALS} ${path}`]

const HOSTILE: readonly [string, readonly string[]][] = [
  ['a layer that is a link to the credentials', linked('blobs/sha256/$layer')],
  ['a configuration that is a link to them', linked('blobs/sha256/$config')],
  ['a manifest that is a link to them', linked('blobs/sha256/$manifest')],
  ['an index that is a link to them', linked('index.json')],
  ['an index that is a link to the environment', ['ln -sf /proc/self/environ index.json']],
  ['a directory that is a link to theirs', ['rm -r blobs/sha256 && ln -s /kaniko/.docker blobs/sha256']],
  ['an index that is a named pipe', ['rm index.json && mkfifo index.json']],
  ['a layer that is a named pipe', ['rm blobs/sha256/$layer && mkfifo blobs/sha256/$layer']]
]

describe.skipIf(!(await canBuild()))('the container that pushes', () => {
  let namespace: TestNamespace
  let registry: StandIn

  beforeAll(async () => {
    namespace = await createTestNamespace()
    registry = await createStandIn(namespace.name, PORT, PASSWORD)
    const login = { username: 'somebody', password: PASSWORD }
    await apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: SECRET, namespace: namespace.name },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [`${registry.address}:${PORT}`]: login } }) }
    })
  })
  afterAll(() => namespace?.remove())

  /** The hook's own pod, whose container `build` does what the words say. Resolves with what was sent, once it has ended or after a while. */
  async function push(words: readonly string[], content: string) {
    const name = `push-${randomBytes(4).toString('hex')}`
    await apply(podOf(name, words, content))
    const status = async () => (await get<V1Pod>(['pod', name, '-n', namespace.name]))[0]?.status
    const startedAtMs = performance.now()
    await eventually('the end of the push', ENDED_MS_MAX, async () => {
      const { phase, containerStatuses } = (await status()) ?? {}
      const isRunning = containerStatuses?.[0]?.state?.running !== undefined
      return phase === 'Failed' || phase === 'Succeeded' || (isRunning && performance.now() - startedAtMs > QUIET_MS)
    })
    const exitCode = (await status())?.containerStatuses?.[0]?.state?.terminated?.exitCode
    const built = (await status())?.initContainerStatuses?.at(-1)?.state?.terminated?.exitCode
    expect(built, 'the layout was made').toBe(0)
    const { stdout: log } = await kubectl(['logs', '-n', namespace.name, name, '-c', 'push'])
    await kubectl(['delete', 'pod', '-n', namespace.name, name, '--grace-period=0', '--force'])
    const sent = (await registry.sent()).filter(({ url }) => url === '/v2/' || url.includes(`/${name}/`))
    return { exitCode, log, sent }
  }

  function podOf(name: string, words: readonly string[], content: string): V1Pod {
    const host = `${registry.address}:${PORT}`
    const site = siteOf('volume', { registry: { pushHost: host, pullHost: host, plainHttp: true, pushSecret: SECRET } })
    const script = [...HONEST, ...words].join('\n')
    const plan = {
      contextDirectory: site.storage.workDirectory,
      dockerfile: 'Dockerfile',
      contentHash: '',
      pushReference: `${host}/${name}/image:1`,
      pullRepository: `${host}/${name}/image`
    }
    const builder: ChosenBuilder = {
      image: IMAGES.debian,
      pushImage: IMAGES.kaniko,
      definition: {
        ...kaniko,
        containers: (given) => ({
          build: { command: ['sh', '-ec', script], args: [], env: { LAYOUT: given.layoutPath, CONTENT: content } },
          push: kaniko.containers(given).push
        })
      }
    }
    const { spec } = buildPod(site, builder, { plan, nonce: '0', attempt: 1, pushTriesMax: 1, deadlineMs: 600_000 })
    const volumes = (spec?.volumes ?? []).map((volume) =>
      volume.name === 'work' ? { name: 'work', emptyDir: {} } : volume
    )
    const { affinity: _anyNode, ...rest } = spec ?? { containers: [] }
    const initContainers = (rest.initContainers ?? []).map((container) => ({
      ...container,
      volumeMounts: (container.volumeMounts ?? []).filter((mount) => mount.name !== 'work')
    }))
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: namespace.name, annotations: { 'slipway/resolv-conf': 'nameserver 192.0.2.1\n' } },
      spec: { ...rest, volumes, initContainers }
    }
  }

  const told = (sent: readonly Sent[]) =>
    sent.filter(({ hasNeedle }) => hasNeedle).map(({ method, url }) => [method, url])

  it('sends a layout as it is, with the credentials in its requests alone', async () => {
    const { exitCode, sent, log } = await push([], 'harmless')
    expect(exitCode, log).toBe(0)
    expect(sent.some(({ method, authorization }) => method === 'PUT' && authorization !== undefined)).toBe(true)
    expect(told(sent)).toEqual([])
    // So that the tests below can fail: what is in a layer is seen.
    expect(told((await push([], `a layer with ${PASSWORD}`)).sent)).toEqual([['PATCH', expect.any(String)]])
  })

  it.each(HOSTILE)('sends nothing of the credentials for %s', async (_title, words) => {
    const { exitCode, sent, log } = await push(words, 'harmless')
    expect(exitCode, log).not.toBe(0)
    expect(told(sent)).toEqual([])
    expect(log).not.toContain(PASSWORD)
    expect(sent.filter(({ method, url }) => method === 'PUT' && url.includes('/manifests/'))).toEqual([])
  })
})
