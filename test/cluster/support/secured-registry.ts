/**
 * A registry with a password and a certificate that nobody knows, in a namespace of its own, and the Secrets that open it.
 * It asks for the password or for a token that it brings; pods and nodes reach it under two names or under one.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Changes } from './cli.ts'
import { apply, eventually, kubectl } from './kubectl.ts'
import { GIVEN_LABEL } from './leftovers.ts'
import { mustRun } from './process.ts'
import { type Naming, namesOf, trustOnNodes } from './secured-registry-names.ts'
import { type Authentication, deployment, SERVICE, service, TOOLS } from './secured-registry-objects.ts'

const ANSWER_MS_MAX = 60_000
const USER = 'slipway'
export const PASSWORD = 'not-a-secret'
/** What `htpasswd -B` makes of them. */
const HTPASSWD = `${USER}:$2y$05$abcdefghijklmnopqrstuuVPNOToLP9MHdthRCXkVoiIF0qNKnk2G\n`
const REPOSITORIES = '/var/lib/registry/docker/registry/v2/repositories'

export interface SecuredRegistry {
  /** `host:port` for pods. */
  readonly pushHost: string
  /** `host:port` for nodes. */
  readonly pullHost: string
  /** `host:port` for pods that speak plain HTTP, and need the password all the same. */
  readonly plainHost: string
  /** The same by its address, to which a builder speaks plain HTTP by itself. */
  readonly plainAddress: string
  /** Variables that say where it is, by the ends of their names. */
  readonly place: Changes
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
export function registrySettings({ place }: SecuredRegistry, secrets: GivenSecrets, changes: Changes): Changes {
  const all = {
    ...place,
    CA_SECRET: secrets.authority,
    PUSH_SECRET: secrets.push,
    PULL_SECRET: secrets.pull,
    ...changes
  }
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [`ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_${name}`, value])
  )
}

export interface SecuredRegistryOptions {
  readonly authentication?: Authentication
  readonly naming?: Naming
}

export async function createSecuredRegistry({
  authentication = 'basic',
  naming = 'node port'
}: SecuredRegistryOptions = {}): Promise<SecuredRegistry> {
  const namespace = `slipway-test-${randomBytes(4).toString('hex')}`
  const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' }
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } })
  // Which port of the node is theirs has to be known before the servers start.
  await apply(service(namespace))
  const { pushHost, pullHost, plainHost, plainAddress, place, realms, subject } = await namesOf(namespace, naming)
  const { certificate, key } = await selfSigned(subject)
  const files = {
    'tls.crt': certificate,
    'tls.key': key,
    htpasswd: HTPASSWD,
    'token-service.cjs': await readFile(new URL('./token-service.cjs', import.meta.url), 'utf8')
  }
  await apply(
    secret(namespace, 'files', 'Opaque', files),
    deployment(namespace, { authentication, realms, account: `${USER}:${PASSWORD}` })
  )
  const forget = naming === 'one name' ? await trustOnNodes(pullHost, certificate) : async () => {}
  await kubectl(['rollout', 'status', '-n', namespace, `deployment/${SERVICE}`, '--timeout=120s'])
  const inPod = (container: string, script: string) =>
    kubectl(['exec', '-n', namespace, `deployment/${SERVICE}`, '-c', container, '--', 'sh', '-c', script])
  // A pod can be ready before its Service leads to it.
  await eventually('an answer of the registry', ANSWER_MS_MAX, () =>
    inPod('push', `bash -c ': > /dev/tcp/${pushHost.replace(':', '/')}'`).then(
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
    pushHost,
    pullHost,
    plainHost,
    plainAddress,
    place,
    async giveSecrets(runners) {
      await apply(
        secret(runners, names.authority, 'Opaque', { 'ca.crt': certificate }),
        login(runners, names.push, PASSWORD, pushHost),
        login(runners, names.pull, PASSWORD, pullHost),
        login(runners, names.base, PASSWORD, pushHost, plainHost, plainAddress),
        login(runners, names.wrong, `${PASSWORD}-at-all`, pushHost, pullHost)
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
      await forget()
      await kubectl(['delete', 'namespace', namespace, '--wait=false'])
    }
  }
}

/** A certificate that is its own authority, for `DNS:name` or `IP:address`. */
async function selfSigned(subject: string): Promise<{ certificate: string; key: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-certificate-'))
  const [certificate, key] = [join(directory, 'tls.crt'), join(directory, 'tls.key')]
  try {
    await mustRun('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=registry'],
      ...['-addext', `subjectAltName=${subject}`, '-keyout', key, '-out', certificate]
    ])
    return { certificate: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
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
