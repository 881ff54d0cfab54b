/** The images the cluster suite uses, all of them made by one-node/up, and whether the one that it cannot make is there. */
import { get } from './kubectl.ts'

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
  const isThere = names.includes(IMAGES.kaniko)
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
