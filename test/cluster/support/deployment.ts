/** What the tests of `deploy/` need around it: a directory for the registry's volume, and nothing left of the last time. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './documentation.ts'
import { IMAGES } from './images.ts'
import { kubectl } from './kubectl.ts'
import type { Finished, ProcessOptions } from './process.ts'

type Exec = (command: readonly string[], options?: ProcessOptions) => Promise<Finished>

/** As in the overlays. */
export const REGISTRY_DIRECTORY = '/var/tmp/slipway-test/registry'
export const PULL_NODE_PORT = '30577'
export const REGISTRY_NAMESPACE = 'slipway-registry'
export const PUSH_HOST = 'registry.slipway-registry.svc.cluster.local:5000'
/** The image that the overlay puts into the registry: pods cannot reach the Internet. */
export const BASE = `${PUSH_HOST}/base/busybox:1`

/** Removes what the overlays make, also after a test that failed. */
export async function removeDeployments(): Promise<void> {
  const names = [`namespace/${REGISTRY_NAMESPACE}`, 'namespace/slipway-quickstart', 'persistentvolume/slipway-registry']
  await kubectl(['delete', ...names, '--ignore-not-found', '--timeout=120s'])
  // On another machine's node the directory stays; on the one-node cluster it is on this machine's disk.
  await rm(REGISTRY_DIRECTORY, { recursive: true, force: true })
}

/** Makes an empty directory on the node that any user may write to, as a provisioner of volumes would. */
export async function makeRegistryDirectory(): Promise<void> {
  const name = 'slipway-test-directory'
  const spec = {
    restartPolicy: 'Never',
    containers: [
      {
        name,
        image: IMAGES.busybox,
        command: ['sh', '-c', 'rm -rf /volume/docker && chmod 777 /volume'],
        volumeMounts: [{ name: 'volume', mountPath: '/volume' }]
      }
    ],
    volumes: [{ name: 'volume', hostPath: { path: REGISTRY_DIRECTORY, type: 'DirectoryOrCreate' } }]
  }
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec }
  await kubectl(['delete', 'pod', name, '-n', 'default', '--ignore-not-found', '--grace-period=0', '--force'])
  await kubectl(['create', '-f', '-'], { input: JSON.stringify(pod) })
  await kubectl(['wait', `pod/${name}`, '-n', 'default', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s'])
  await kubectl(['delete', 'pod', name, '-n', 'default', '--wait=false'])
}

/** Runs the overlay's registry-client.cjs inside a pod; `exec` runs a program there. Resolves with what it found. */
export async function askRegistry<Found>(exec: Exec, node: string, ...args: readonly string[]): Promise<Found> {
  const program = await readFile(new URL('test/cluster/overlays/registry/registry-client.cjs', root), 'utf8')
  const { exitCode, stdout, stderr } = await exec([node, '-', ...args], { input: program })
  if (exitCode !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
  return JSON.parse(stdout)
}

/** A directory for DEPLOY: the registry as in test/cluster/overlays, and the Role in this test's namespace. */
export async function makeOverlays(namespace: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-deploy-'))
  const bases = { registry: 'test/cluster/overlays/registry', role: 'deploy/role' }
  for (const [name, base] of Object.entries(bases)) {
    const overlay = join(directory, name)
    const resources = [relative(overlay, join(fileURLToPath(root), base))]
    await mkdir(overlay)
    const kustomization = { resources, ...(name === 'role' && { namespace }) }
    await writeFile(join(overlay, 'kustomization.yaml'), JSON.stringify(kustomization))
  }
  return directory
}
