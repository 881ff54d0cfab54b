/** The nodes of the cluster for tests that need two of them, and what can be done to the one of test/cluster/one-node. */
import { fileURLToPath } from 'node:url'
import type { V1Node } from '@kubernetes/client-node'
import { get } from './kubectl.ts'
import { mustRun } from './process.ts'

const ONE_NODE = fileURLToPath(new URL('../one-node', import.meta.url))

/** Folder of the cluster that test/cluster/one-node has made; undefined for another one. `in` sets it. */
export const CLUSTER_HOME = process.env.CLUSTER_HOME

/** Where the container runtime of each node looks for hosts.toml. */
export const certsDirectories = (): readonly string[] =>
  ['', '/n2'].map((node) => `${CLUSTER_HOME}/state${node}/certs.d`)

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

/** Starts kube-proxy of every node anew in a mode. */
export const setProxyMode = (mode: 'iptables' | 'nftables') => mustRun('bash', [`${ONE_NODE}/proxy-mode`, mode])
