/** Under which names pods and nodes reach the registry of secured-registry.ts, and how nodes are told to trust one of them. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { V1Node, V1Service } from '@kubernetes/client-node'
import type { Changes } from './cli.ts'
import { get } from './kubectl.ts'
import { CLUSTER_HOME, certsDirectories } from './nodes.ts'
import { PORTS, SERVICE } from './secured-registry-objects.ts'

/**
 * `node port`: pods push over TLS to the Service's name, nodes pull in plain HTTP from `localhost`, which every node trusts
 * without being told. `one name`: pods and nodes use the same address over TLS, as that of a hosted registry; nodes have to be told.
 */
export type Naming = 'node port' | 'one name'

export interface RegistryNames {
  /** `host:port` for pods. */
  readonly pushHost: string
  /** `host:port` for nodes. */
  readonly pullHost: string
  /** `host:port` for pods that speak plain HTTP: the server that nodes pull from through the node port. */
  readonly plainHost: string
  /** The same by its address, to which a builder speaks plain HTTP by itself. */
  readonly plainAddress: string
  /** Where each server sends those who need a token. */
  readonly realms: { readonly push: string; readonly pull: string }
  /** What the certificate is for. */
  readonly subject: string
  /** What the hook is told, by the ends of the variables' names. */
  readonly place: Changes
}

/** Below the registry's host. */
const PATH = 'ci/images'

export async function namesOf(namespace: string, naming: Naming): Promise<RegistryNames> {
  const [made] = await get<V1Service>(['service', SERVICE, '-n', namespace])
  const nodePorts = nodePortsOf(made)
  const plainAddress = `${made?.spec?.clusterIP}:${PORTS.pull}`
  const name = `${SERVICE}.${namespace}.svc.cluster.local`
  const plainHost = `${name}:${PORTS.pull}`
  if (naming === 'one name') {
    const address = await nodeAddress()
    const host = `${address}:${nodePorts.push}`
    const realm = `https://${address}:${nodePorts['push-token']}/token`
    const realms = { push: realm, pull: realm }
    const place = { HOST: `${host}/${PATH}`, PORT: undefined, NODE_PORT: undefined }
    return { pushHost: host, pullHost: host, plainHost, plainAddress, realms, subject: `IP:${address}`, place }
  }
  return {
    pushHost: `${name}:${PORTS.push}`,
    pullHost: `localhost:${nodePorts.pull}`,
    plainHost,
    plainAddress,
    realms: {
      push: `https://${name}:${PORTS['push-token']}/token`,
      pull: `http://localhost:${nodePorts['pull-token']}/token`
    },
    subject: `DNS:${name}`,
    place: { HOST: `${name}/${PATH}`, PORT: String(PORTS.push), NODE_PORT: nodePorts.pull }
  }
}

const nodePortsOf = (service: V1Service | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries((service?.spec?.ports ?? []).map(({ name, nodePort }) => [name, String(nodePort)]))

async function nodeAddress(): Promise<string> {
  const [node] = await get<V1Node>(['nodes'])
  const address = node?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
  if (address === undefined) throw new Error('the node has no address')
  return address
}

/** Whether nodes can be told from here; tests that need it are skipped otherwise, and this says so where nobody can miss it. */
export function canTrustOnNodes(): boolean {
  const can = CLUSTER_HOME !== undefined && process.env.KUBECONFIG?.startsWith(CLUSTER_HOME) === true
  if (!can)
    process.stderr.write('\n!!! SKIPPED: only nodes of test/cluster/one-node can be told to trust a registry.\n\n')
  return can
}

/** Has every node trust a certificate of `host:port`; resolves with what takes it back. */
export async function trustOnNodes(host: string, certificate: string): Promise<() => Promise<void>> {
  const server = `https://${host}`
  const directories = certsDirectories().map((directory) => join(directory, host))
  for (const directory of directories) {
    const authority = join(directory, 'ca.crt')
    await mkdir(directory, { recursive: true })
    await writeFile(authority, certificate)
    await writeFile(
      join(directory, 'hosts.toml'),
      `server = "${server}"\n[host."${server}"]\n  capabilities = ["pull", "resolve"]\n  ca = "${authority}"\n`
    )
  }
  return async () => {
    for (const directory of directories) await rm(directory, { recursive: true })
  }
}
