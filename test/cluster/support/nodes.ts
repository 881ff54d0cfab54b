/** The nodes of the cluster for tests that need two of them, and what can be done to the one of test/cluster/one-node. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { CoreV1Event, V1Node, V1Pod, V1PodSpec } from '@kubernetes/client-node'
import { get, kubectl } from './kubectl.ts'
import { mustRun } from './process.ts'

const ONE_NODE = fileURLToPath(new URL('../one-node', import.meta.url))

/** Folder of the cluster that test/cluster/one-node has made; undefined for another one. `in` sets it. */
export const CLUSTER_HOME = process.env.CLUSTER_HOME

/** Where the container runtime of each node looks for hosts.toml. */
export const certsDirectories = (): readonly string[] =>
  ['', '/n2'].map((node) => `${CLUSTER_HOME}/state${node}/certs.d`)

/** The directory of each node's kubelet. */
export async function kubeletDirectories(): Promise<readonly { readonly node: string; readonly directory: string }[]> {
  const nodes = await get<V1Node>(['nodes'])
  return nodes.map(({ metadata: { name: node = '' } = {} }) => {
    if (CLUSTER_HOME === undefined) return { node, directory: '/var/lib/kubelet' }
    return { node, directory: `${CLUSTER_HOME}/state${node === 'n1' ? '' : `/${node}`}/kubelet` }
  })
}

function skip(why: string): false {
  process.stderr.write(`\n!!! SKIPPED: ${why}: test/cluster/one-node/README.md\n\n`)
  return false
}

/** Whether the cluster is the one of test/cluster/one-node with two nodes; says loudly what is skipped without. */
export async function hasTwoNodes(what: string): Promise<boolean> {
  if (CLUSTER_HOME === undefined) return skip(`${what} needs the cluster that this project makes, not one of your own`)
  const names = (await get<V1Node>(['nodes'])).map(({ metadata }) => metadata?.name)
  return (names.includes('n1') && names.includes('n2')) || skip(`${what} needs two nodes (up --nodes 2)`)
}

/** Asks something over HTTP from a node's own network. */
export const curlOn = (node: string, url: string) =>
  mustRun('bash', [`${ONE_NODE}/in`, '--node', node, 'curl', '-sf', '-m', '5', url])

/** Puts a runner pod on a node. */
export const onNode =
  (name: string) =>
  (pod: V1Pod): V1Pod => ({
    ...pod,
    spec: { ...(pod.spec as V1PodSpec), nodeSelector: { 'kubernetes.io/hostname': name } }
  })

/** Starts kube-proxy of every node anew in a mode. */
export const setProxyMode = (mode: 'iptables' | 'nftables') => mustRun('bash', [`${ONE_NODE}/proxy-mode`, mode])

/** Lets the scheduler place no pod on a node, while something is done. */
export async function withoutNode<T>(name: string, work: () => Promise<T>): Promise<T> {
  await kubectl(['cordon', name])
  try {
    return await work()
  } finally {
    await kubectl(['uncordon', name])
  }
}

/** The first node's end of the second one's only link to anybody. */
const LINK = 'to-n2'
/** After this time the link is put back even if the test that cut it has been killed. */
const CUT_SECONDS_MAX = 90

/** Cuts the second node off from the control plane and the first node, until what it resolves with is called. */
export async function cutOff(): Promise<() => Promise<void>> {
  const restore = ['link', 'set', LINK, 'up']
  const guard = spawn('sh', ['-c', `sleep ${CUT_SECONDS_MAX}; ip ${restore.join(' ')}`], {
    detached: true,
    stdio: 'ignore'
  })
  guard.unref()
  await mustRun('ip', ['link', 'set', LINK, 'down'])
  return async () => {
    await mustRun('ip', restore)
    if (guard.pid !== undefined && guard.exitCode === null) process.kill(-guard.pid)
    await kubectl(['wait', 'node/n2', '--for=condition=Ready', '--timeout=60s'])
  }
}

/** Names of the nodes that pods of a namespace were placed on, by the pods' names, pods that are gone included. */
export async function placesOf(namespace: string): Promise<Readonly<Record<string, string>>> {
  const events = await get<CoreV1Event>(['events', '-n', namespace, '--field-selector', 'reason=Scheduled'])
  const places = events.map(({ involvedObject, message = '' }) => [involvedObject.name, message.split(' ').at(-1)])
  return Object.fromEntries(places)
}
