/** The seccomp profile of deploy/buildkit-in-pod on the nodes, for tests in which BuildKit builds inside of the build pod. */
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { V1DaemonSet } from '@kubernetes/client-node'
import { parseAllDocuments } from 'yaml'
import { IMAGES } from './images.ts'
import { kubectl } from './kubectl.ts'
import type { BuilderOptions } from './kubernetes-backend.ts'
import { kubeletDirectories } from './nodes.ts'

const DEPLOYED = 'slipway-seccomp'
const ROLLED_OUT = '--timeout=240s'
const HOST_PATH = '/var/lib/kubelet/seccomp'
/** Where deploy/buildkit-in-pod puts it, below the kubelets' directory of profiles. */
export const SECCOMP_PROFILE = 'slipway/buildkit.json'

export interface DeployedProfile {
  /** Of the pods that have put it there. */
  readonly namespace: string
  remove(): Promise<void>
}

/** Applies it with the image of the nodes, for each node with its kubelet's own directory, and waits until all nodes have the profile. */
export async function deployProfile(): Promise<DeployedProfile> {
  const namespace = `slipway-test-seccomp-${randomBytes(4).toString('hex')}`
  const { stdout } = await kubectl([
    'kustomize',
    fileURLToPath(new URL('../../../deploy/buildkit-in-pod', import.meta.url))
  ])
  const objects = parseAllDocuments(stdout.replaceAll(DEPLOYED, namespace)).map((document) => document.toJS())
  const daemonSets = (await kubeletDirectories()).map(({ node, directory }) =>
    onNode(
      objects.find(({ kind }) => kind === 'DaemonSet'),
      node,
      `${directory}/seccomp`
    )
  )
  const items = [...objects.filter(({ kind }) => kind !== 'DaemonSet'), ...daemonSets]
  await kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) })
  const remove = async () => void (await kubectl(['delete', 'namespace', namespace, '--wait=false']))
  try {
    for (const { metadata } of daemonSets) {
      await kubectl(['rollout', 'status', '-n', namespace, `daemonset/${metadata?.name}`, ROLLED_OUT])
    }
  } catch (error) {
    // At once: vitest shows why a file could not be loaded when all others have ended.
    const { stdout } = await kubectl(['describe', 'daemonsets,pods', '-n', namespace])
    process.stderr.write(`\n!!! The seccomp profile did not reach the nodes: ${(error as Error).message}\n${stdout}\n`)
    await remove()
    throw error
  }
  return { namespace, remove }
}

function onNode(daemonSet: V1DaemonSet, node: string, path: string): V1DaemonSet {
  const text = JSON.stringify(daemonSet)
    .replaceAll(/docker\.io\/library\/busybox:[\d.]+/g, IMAGES.busybox)
    .replaceAll(HOST_PATH, path)
  const copy: V1DaemonSet = JSON.parse(text)
  const name = `${copy.metadata?.name}-${node}`
  Object.assign(copy.metadata ?? {}, { name })
  const { template, selector } = copy.spec ?? {}
  Object.assign(selector ?? {}, { matchLabels: { app: name } })
  Object.assign(template?.metadata ?? {}, { labels: { app: name } })
  Object.assign(template?.spec ?? {}, { nodeSelector: { 'kubernetes.io/hostname': node } })
  return copy
}

/** For ports that are driven without a runner. */
export const IN_POD: BuilderOptions = {
  builder: 'buildkit-in-pod',
  builderImage: IMAGES.buildkit,
  pusherImage: IMAGES.kaniko,
  seccompProfile: SECCOMP_PROFILE
}

/** What a runner sets. */
export const IN_POD_ENVIRONMENT: Readonly<Record<string, string>> = {
  ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER_IMAGE: `kaniko=${IMAGES.kaniko},buildkit-in-pod=${IMAGES.buildkit}`,
  ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_SECCOMP_PROFILE: SECCOMP_PROFILE
}
