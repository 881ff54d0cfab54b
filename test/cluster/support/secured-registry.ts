/**
 * A registry with a password and a certificate that nobody knows, in a namespace of its own, and the Secrets that open it.
 *
 * Pods push over TLS; nodes pull through a node port in plain HTTP, because nothing but `localhost` is trusted by every node
 * without being told. Both sides ask for the password, and are two servers on one storage.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IMAGES } from './images.ts'
import { apply, eventually, get, kubectl } from './kubectl.ts'
import { GIVEN_LABEL } from './leftovers.ts'
import { mustRun } from './process.ts'

const SERVICE = 'registry'
/** Container that base images are made from. */
const TOOLS = 'tools'
const PORT = 5000
const PULL_PORT = 5001
const ANSWER_MS_MAX = 60_000
const USER = 'slipway'
export const PASSWORD = 'not-a-secret'
/** What `htpasswd -B` makes of them. */
const HTPASSWD = `${USER}:$2y$05$abcdefghijklmnopqrstuuVPNOToLP9MHdthRCXkVoiIF0qNKnk2G\n`
const REPOSITORIES = '/var/lib/registry/docker/registry/v2/repositories'

export interface SecuredRegistry {
  /** Name of its Service, for pods. */
  readonly host: string
  readonly port: string
  readonly nodePort: string
  /** Makes the Secrets in the namespace of a runner, named `given-...`. */
  giveSecrets(namespace: string): Promise<GivenSecrets>
  /** A static busybox in Base64, for images that begin FROM scratch: nobody has pushed a base image here. */
  busybox(): Promise<string>
  /** The tags of a repository. */
  tags(repository: string): Promise<string[]>
  /** Forgets all images. */
  empty(): Promise<void>
  /** Everything it still links to, tags and manifests. */
  content(): Promise<string[]>
  remove(): Promise<void>
}

export interface GivenSecrets {
  readonly authority: string
  readonly push: string
  readonly pull: string
  /** For base images: the registry knows no other user than the one that may push. */
  readonly base: string
  /** The same user with another password, for pushing and for pulling. */
  readonly wrong: string
}

type Changes = Readonly<Record<string, string | undefined>>

/** What an administrator sets for this registry, with changes by the ends of the variables' names (`PUSH_SECRET`). */
export function registrySettings(
  { host, port, nodePort }: SecuredRegistry,
  secrets: GivenSecrets,
  changes: Changes
): Changes {
  const all = {
    HOST: `${host}/ci/images`,
    PORT: port,
    NODE_PORT: nodePort,
    CA_SECRET: secrets.authority,
    PUSH_SECRET: secrets.push,
    PULL_SECRET: secrets.pull,
    ...changes
  }
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [`ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_${name}`, value])
  )
}

export async function createSecuredRegistry(): Promise<SecuredRegistry> {
  const namespace = `slipway-test-${randomBytes(4).toString('hex')}`
  const host = `${SERVICE}.${namespace}.svc.cluster.local`
  const { certificate, key } = await selfSigned(host)
  const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' }
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } })
  await apply(...objects(namespace, { 'tls.crt': certificate, 'tls.key': key, htpasswd: HTPASSWD }))
  await kubectl(['rollout', 'status', '-n', namespace, `deployment/${SERVICE}`, '--timeout=120s'])
  const nodePort = await nodePortOf(namespace)
  const pullHost = `localhost:${nodePort}`
  const inPod = (container: string, script: string) =>
    kubectl(['exec', '-n', namespace, `deployment/${SERVICE}`, '-c', container, '--', 'sh', '-c', script])
  // A pod can be ready before its Service leads to it.
  await eventually('an answer of the registry', ANSWER_MS_MAX, () =>
    inPod('push', `bash -c ': > /dev/tcp/${host}/${PORT}'`).then(
      () => true,
      () => false
    )
  )
  const names: GivenSecrets = {
    authority: 'given-authority',
    push: 'given-push',
    pull: 'given-pull',
    base: 'given-base',
    wrong: 'given-wrong'
  }
  return {
    host,
    port: String(PORT),
    nodePort,
    async giveSecrets(runners) {
      await apply(
        secret(runners, names.authority, 'Opaque', { 'ca.crt': certificate }),
        login(runners, names.push, PASSWORD, `${host}:${PORT}`),
        login(runners, names.pull, PASSWORD, pullHost),
        login(runners, names.base, PASSWORD, `${host}:${PORT}`),
        login(runners, names.wrong, `${PASSWORD}-at-all`, `${host}:${PORT}`, pullHost)
      )
      return names
    },
    busybox: async () => (await inPod(TOOLS, 'base64 /bin/busybox')).stdout,
    async tags(repository) {
      const { stdout } = await inPod('push', `ls ${REPOSITORIES}/${repository}/_manifests/tags`)
      return stdout.split('\n').filter((tag) => tag !== '')
    },
    async empty() {
      await inPod('push', `rm -rf ${REPOSITORIES}/*`)
    },
    async content() {
      const { stdout } = await inPod(
        'push',
        `find ${REPOSITORIES} -path '*/_manifests/*' -name link 2>/dev/null || true`
      )
      return stdout
        .split('\n')
        .filter((path) => path !== '')
        .map((path) => path.slice(REPOSITORIES.length + 1))
    },
    async remove() {
      await kubectl(['delete', 'namespace', namespace, '--wait=false'])
    }
  }
}

/** A certificate that is its own authority. */
async function selfSigned(host: string): Promise<{ certificate: string; key: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-certificate-'))
  const [certificate, key] = [join(directory, 'tls.crt'), join(directory, 'tls.key')]
  try {
    await mustRun('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=registry'],
      ...['-addext', `subjectAltName=DNS:${host}`, '-keyout', key, '-out', certificate]
    ])
    return { certificate: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

interface ServiceObject {
  readonly spec: { readonly ports: readonly { readonly name: string; readonly nodePort: number }[] }
}

async function nodePortOf(namespace: string): Promise<string> {
  const [service] = await get<ServiceObject>(['service', SERVICE, '-n', namespace])
  return String(service?.spec.ports.find(({ name }) => name === 'pull')?.nodePort)
}

const secret = (namespace: string, name: string, type: string, stringData: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace, labels: { [GIVEN_LABEL]: '' } },
  type,
  stringData
})

const login = (namespace: string, name: string, password: string, ...servers: readonly string[]) =>
  secret(namespace, name, 'kubernetes.io/dockerconfigjson', {
    '.dockerconfigjson': JSON.stringify({
      auths: Object.fromEntries(servers.map((server) => [server, { username: USER, password }]))
    })
  })

function objects(namespace: string, files: Readonly<Record<string, string>>): object[] {
  const labels = { app: SERVICE }
  const metadata = { name: SERVICE, namespace }
  const container = (name: string, port: number, env: Readonly<Record<string, string>>) => ({
    name,
    image: IMAGES.registry,
    imagePullPolicy: 'IfNotPresent',
    env: Object.entries({
      REGISTRY_HTTP_ADDR: `:${port}`,
      REGISTRY_AUTH: 'htpasswd',
      REGISTRY_AUTH_HTPASSWD_REALM: 'test',
      REGISTRY_AUTH_HTPASSWD_PATH: '/files/htpasswd',
      ...env
    }).map(([key, value]) => ({ name: key, value })),
    readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
    volumeMounts: [
      { name: 'data', mountPath: '/var/lib/registry' },
      { name: 'files', mountPath: '/files' }
    ]
  })
  return [
    secret(namespace, 'files', 'Opaque', files),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            containers: [
              container('push', PORT, {
                REGISTRY_HTTP_TLS_CERTIFICATE: '/files/tls.crt',
                REGISTRY_HTTP_TLS_KEY: '/files/tls.key'
              }),
              container('pull', PULL_PORT, {}),
              { name: TOOLS, image: IMAGES.busybox, imagePullPolicy: 'IfNotPresent', command: ['sleep', 'infinity'] }
            ],
            volumes: [
              { name: 'data', emptyDir: {} },
              { name: 'files', secret: { secretName: 'files' } }
            ]
          }
        }
      }
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        type: 'NodePort',
        selector: labels,
        ports: [
          { name: 'push', port: PORT },
          { name: 'pull', port: PULL_PORT }
        ]
      }
    }
  ]
}
