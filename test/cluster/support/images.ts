/** The images the cluster suite uses, all of them made by one-node/up, and whether those that it cannot make are there. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { apply, eventually, get, kubectl } from './kubectl.ts'

export const REGISTRY_HOST = 'docker-registry.default.svc.cluster.local'
export const REGISTRY_PORT = '5000'
export const REGISTRY_NODE_PORT = '30500'
/** Of n1; node ports answer there too. */
const NODE_ADDRESS = '10.99.0.1'

export const IMAGES = {
  runner: 'localhost/runner:1',
  debian: 'localhost/debian:bookworm',
  busybox: 'localhost/busybox:1',
  /** No shell; ENTRYPOINT /coredns -conf /Corefile. */
  coredns: 'localhost/coredns:1',
  /** ENTRYPOINT docker-registry serve. */
  registry: 'localhost/registry:2',
  kaniko: 'localhost/kaniko:test',
  /** The same with busybox in /busybox. */
  kanikoDebug: 'localhost/kaniko-debug:test',
  /** ARC's controller and listener. */
  arc: 'localhost/arcctl:1',
  /** The runner with a run.sh that waits. */
  arcRunner: 'localhost/arcrunner:1',
  /** ENTRYPOINT buildkitd; buildctl beside it. */
  buildkit: 'localhost/buildkit:2',
  /** As a Dockerfile names them in FROM. */
  debianBase: `${REGISTRY_HOST}:${REGISTRY_PORT}/base/debian:bookworm`,
  busyboxBase: `${REGISTRY_HOST}:${REGISTRY_PORT}/base/busybox:1`,
  /** The same for who has no registry set: a builder speaks plain HTTP to a private address. */
  debianByAddress: `${NODE_ADDRESS}:${REGISTRY_NODE_PORT}/base/debian:bookworm`,
  busyboxByAddress: `${NODE_ADDRESS}:${REGISTRY_NODE_PORT}/base/busybox:1`
} as const

interface Node {
  readonly status: { readonly images?: readonly { readonly names?: readonly string[] }[] }
}

/** Tests that build need Kaniko on the node; without it they are skipped, and this says so where nobody can miss it. */
export async function canBuild(): Promise<boolean> {
  return (
    (await isOnNode(IMAGES.kaniko)) ||
    skip(`${IMAGES.kaniko} is not on the node`, 'no test that builds a Dockerfile runs')
  )
}

/** Building in place needs a builder with a shell. */
export async function canBuildInPlace(): Promise<boolean> {
  return (
    (await isOnNode(IMAGES.kanikoDebug)) ||
    skip(`${IMAGES.kanikoDebug} is not on the node`, 'nothing is built in place')
  )
}

/** The charts of ARC, where somebody has put them. */
export const ARC_CHARTS = join(
  process.env.CLUSTER_HOME ?? join(homedir(), '.cache/one-node-cluster'),
  'extra-images/arc-charts'
)

/** Tests with ARC's own controller need its image, its charts and helm. */
export async function hasArc(): Promise<boolean> {
  const isThere = existsSync(ARC_CHARTS) && (await isOnNode(IMAGES.arc))
  return (
    isThere ||
    skip("ARC's image is not on the node, or its charts are not there", "no test with ARC's own controller runs")
  )
}

function skip(why: string, what: string): false {
  process.stderr.write(`\n!!! SKIPPED: ${why}, so ${what}.\n`)
  process.stderr.write("!!! What to put into the cluster's extra-images directory: test/cluster/one-node/README.md\n\n")
  return false
}

async function isOnNode(image: string): Promise<boolean> {
  const nodes = await get<Node>(['nodes'])
  const names = nodes.flatMap(({ status }) => status.images ?? []).flatMap(({ names = [] }) => names)
  // A node that has many images may list the largest of them only (nodeStatusMaxImages).
  return names.includes(image) || (await canStart(image))
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
