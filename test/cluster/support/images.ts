/** The images the cluster suite uses, all of them made by one-node/up, and whether the one that it cannot make is there. */
import { randomBytes } from 'node:crypto'
import { apply, eventually, get, kubectl } from './kubectl.ts'

export const REGISTRY_HOST = 'docker-registry.default.svc.cluster.local'
export const REGISTRY_PORT = '5000'
export const REGISTRY_NODE_PORT = '30500'

export const IMAGES = {
  runner: 'localhost/runner:1',
  debian: 'localhost/debian:bookworm',
  busybox: 'localhost/busybox:1',
  /** No shell; ENTRYPOINT /coredns -conf /Corefile. */
  coredns: 'localhost/coredns:1',
  /** ENTRYPOINT docker-registry serve. */
  registry: 'localhost/registry:2',
  kaniko: 'localhost/kaniko:test',
  /** ENTRYPOINT buildkitd; buildctl beside it. */
  buildkit: 'localhost/buildkit:1',
  /** As a Dockerfile names them in FROM. */
  debianBase: `${REGISTRY_HOST}:${REGISTRY_PORT}/base/debian:bookworm`,
  busyboxBase: `${REGISTRY_HOST}:${REGISTRY_PORT}/base/busybox:1`
} as const

interface Node {
  readonly status: { readonly images?: readonly { readonly names?: readonly string[] }[] }
}

/** Tests that build need Kaniko on the node; without it they are skipped, and this says so where nobody can miss it. */
export async function canBuild(): Promise<boolean> {
  const nodes = await get<Node>(['nodes'])
  const names = nodes.flatMap(({ status }) => status.images ?? []).flatMap((image) => image.names ?? [])
  // A node that has many images may list the largest of them only (nodeStatusMaxImages).
  const isThere = names.includes(IMAGES.kaniko) || (await canStart(IMAGES.kaniko))
  if (!isThere) {
    process.stderr.write(
      `\n!!! SKIPPED: ${IMAGES.kaniko} is not on the node, so no test that builds a Dockerfile runs.\n`
    )
    process.stderr.write(
      "!!! Put its archive into the cluster's extra-images directory: test/cluster/one-node/README.md\n\n"
    )
  }
  return isThere
}

interface Pod {
  readonly status: { readonly phase: string; readonly containerStatuses?: readonly { readonly state: State }[] }
}
interface State {
  readonly waiting?: { readonly reason?: string }
}

const START_MS_MAX = 60_000

/** Whether a node starts a container of an image without pulling it. */
async function canStart(image: string): Promise<boolean> {
  const metadata = { name: `is-there-${randomBytes(4).toString('hex')}`, namespace: 'default' }
  const container = { name: 'image', image, imagePullPolicy: 'Never', args: ['version'] }
  await apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { restartPolicy: 'Never', containers: [container] } })
  const pods = ['pod', metadata.name, '-n', metadata.namespace]
  let isThere: boolean | undefined
  try {
    await eventually(`an answer about ${image}`, START_MS_MAX, async () => {
      const [pod] = await get<Pod>(pods)
      if (pod?.status.containerStatuses?.[0]?.state.waiting?.reason === 'ErrImageNeverPull') isThere = false
      else if (pod?.status.phase !== 'Pending') isThere = true
      return isThere !== undefined
    })
  } finally {
    await kubectl(['delete', ...pods, '--grace-period=0', '--force', '--wait=false'])
  }
  return isThere === true
}
