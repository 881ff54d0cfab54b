/** A registry that only one test uses, in a namespace that is there: plain HTTP, without credentials, with deletion. */
import { IMAGES } from './images.ts'
import { apply, get, kubectl } from './kubectl.ts'

const NAME = 'own-registry'
const PORT = 5000
const REPOSITORIES = '/var/lib/registry/docker/registry/v2/repositories'

export interface OwnRegistry {
  /** What the hook is told. */
  readonly environment: Readonly<Record<string, string>>
  /** A static busybox in Base64, for images that begin FROM scratch: nobody has pushed a base image here. */
  busybox(): Promise<string>
  /** Everything it still links to, tags and manifests. */
  content(): Promise<readonly string[]>
}

export async function createOwnRegistry(namespace: string): Promise<OwnRegistry> {
  await apply(...objects(namespace))
  await kubectl(['wait', '-n', namespace, `pod/${NAME}`, '--for=condition=Ready', '--timeout=120s'])
  const [service] = await get<{ spec: { ports: { nodePort: number }[] } }>(['service', NAME, '-n', namespace])
  const inPod = async (container: string, script: string) =>
    (await kubectl(['exec', '-n', namespace, NAME, '-c', container, '--', 'sh', '-c', script])).stdout
  return {
    environment: {
      ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_HOST: `${NAME}.${namespace}.svc.cluster.local`,
      ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PORT: String(PORT),
      ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_NODE_PORT: String(service?.spec.ports[0]?.nodePort)
    },
    busybox: () => inPod('tools', 'base64 /bin/busybox'),
    async content() {
      const found = await inPod(
        'registry',
        `find ${REPOSITORIES} -path '*/_manifests/*' -name link 2>/dev/null || true`
      )
      return found.split('\n').flatMap((path) => (path === '' ? [] : path.slice(REPOSITORIES.length + 1)))
    }
  }
}

function objects(namespace: string): object[] {
  const labels = { app: NAME }
  const container = (name: string, image: string, more: object) => ({
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    ...more
  })
  return [
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: NAME, namespace, labels },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          container('registry', IMAGES.registry, {
            env: [
              { name: 'REGISTRY_HTTP_ADDR', value: `:${PORT}` },
              { name: 'REGISTRY_STORAGE_DELETE_ENABLED', value: 'true' }
            ],
            readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 }
          }),
          container('tools', IMAGES.busybox, { command: ['sleep', 'infinity'] })
        ]
      }
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME, namespace },
      spec: { type: 'NodePort', selector: labels, ports: [{ port: PORT }] }
    }
  ]
}
