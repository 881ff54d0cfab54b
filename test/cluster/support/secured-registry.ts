/**
 * A registry with a password and a certificate that nobody knows, in a namespace of its own, and the Secrets that open it.
 *
 * Pods push over TLS; nodes pull through a node port in plain HTTP, because nothing but `localhost` is trusted by every node
 * without being told. Both sides are two servers on one storage, and ask for the password or for a token that it brings.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Changes } from './cli.ts'
import { apply, eventually, get, kubectl } from './kubectl.ts'
import { GIVEN_LABEL } from './leftovers.ts'
import { mustRun } from './process.ts'
import { type Authentication, deployment, PORTS, SERVICE, service, TOOLS } from './secured-registry-objects.ts'

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

export async function createSecuredRegistry(authentication: Authentication = 'basic'): Promise<SecuredRegistry> {
  const namespace = `slipway-test-${randomBytes(4).toString('hex')}`
  const host = `${SERVICE}.${namespace}.svc.cluster.local`
  const { certificate, key } = await selfSigned(host)
  const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' }
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } })
  // The servers have to be told which port of the node is theirs.
  await apply(service(namespace))
  const nodePorts = await nodePortsOf(namespace)
  const files = {
    'tls.crt': certificate,
    'tls.key': key,
    htpasswd: HTPASSWD,
    'token-service.cjs': await tokenService()
  }
  await apply(
    secret(namespace, 'files', 'Opaque', files),
    deployment(namespace, { authentication, host, account: `${USER}:${PASSWORD}`, nodePorts })
  )
  await kubectl(['rollout', 'status', '-n', namespace, `deployment/${SERVICE}`, '--timeout=120s'])
  const pullHost = `localhost:${nodePorts.pull}`
  const inPod = (container: string, script: string) =>
    kubectl(['exec', '-n', namespace, `deployment/${SERVICE}`, '-c', container, '--', 'sh', '-c', script])
  // A pod can be ready before its Service leads to it.
  await eventually('an answer of the registry', ANSWER_MS_MAX, () =>
    inPod('push', `bash -c ': > /dev/tcp/${host}/${PORTS.push}'`).then(
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
    port: String(PORTS.push),
    nodePort: String(nodePorts.pull),
    async giveSecrets(runners) {
      await apply(
        secret(runners, names.authority, 'Opaque', { 'ca.crt': certificate }),
        login(runners, names.push, PASSWORD, `${host}:${PORTS.push}`),
        login(runners, names.pull, PASSWORD, pullHost),
        login(runners, names.base, PASSWORD, `${host}:${PORTS.push}`),
        login(runners, names.wrong, `${PASSWORD}-at-all`, `${host}:${PORTS.push}`, pullHost)
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

async function nodePortsOf(namespace: string): Promise<Readonly<Record<string, number>>> {
  const [found] = await get<ServiceObject>(['service', SERVICE, '-n', namespace])
  return Object.fromEntries((found?.spec.ports ?? []).map(({ name, nodePort }) => [name, nodePort]))
}

const tokenService = (): Promise<string> => readFile(new URL('./token-service.cjs', import.meta.url), 'utf8')

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
