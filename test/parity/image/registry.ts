/** Reads whole images from a registry that speaks plain HTTP, for the comparison. */
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { normalConfig } from './config.ts'
import { fileOf, readLayer } from './layer.ts'
import { filesOf, type Outline } from './outline.ts'
import { applyLayer, type Tree } from './tree.ts'

interface Descriptor {
  readonly digest: string
  readonly mediaType: string
  readonly platform?: { readonly os: string }
}
interface Manifest {
  readonly config: Descriptor
  /** Some builders write null where there is none. */
  readonly layers: readonly Descriptor[] | null
  /** Of an index. */
  readonly manifests?: readonly Descriptor[]
}
interface FoundManifest {
  readonly repository: string
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}
interface ConfigFile {
  readonly os: string
  readonly architecture: string
  readonly config?: Readonly<Record<string, unknown>>
}

const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json'
].join(', ')
const REQUEST_MS_MAX = 60_000

/** A base image, to tell what the layers of a Dockerfile begin with. */
interface Base {
  readonly name: string
  readonly layers: readonly string[]
  readonly tree: Tree
}

export interface ImageReader {
  /** `reference`: `repository:tag` or `repository@digest`, without the registry's name. */
  outline(reference: string): Promise<Outline>
  /** What a base image has, by its name; nothing for `scratch`. */
  baseTree(name: string): Tree
  /** The bytes of a plain file in one of an image's layers. */
  file(reference: string, path: string): Promise<Buffer>
  /** Everything that is tagged in a repository, if it is there. */
  remove(repository: string): Promise<void>
}

/** `bases`: references of base images by name. Layers of base images are read once. */
export async function createImageReader(host: string, bases: Readonly<Record<string, string>>): Promise<ImageReader> {
  async function get(path: string): Promise<Response> {
    const response = await fetch(`http://${host}/v2/${path}`, {
      headers: { accept: ACCEPT },
      signal: AbortSignal.timeout(REQUEST_MS_MAX)
    })
    if (!response.ok) throw new Error(`${host} answers ${response.status} for ${path}`)
    return response
  }

  async function manifestOf(reference: string): Promise<FoundManifest> {
    const [, repository = '', version = ''] = /^([^@:]+)[@:](.+)$/.exec(reference) ?? []
    const manifest = (await (await get(`${repository}/manifests/${version}`)).json()) as Manifest
    const [first] = (manifest.manifests ?? []).filter(({ platform }) => platform?.os !== 'unknown')
    return first === undefined
      ? { ...manifest, repository, layers: manifest.layers ?? [] }
      : await manifestOf(`${repository}@${first.digest}`)
  }

  const packed = async (repository: string, { digest, mediaType }: Descriptor) => {
    const { body } = await get(`${repository}/blobs/${digest}`)
    return [Readable.fromWeb(body as ReadableStream), mediaType.endsWith('gzip')] as const
  }
  const layer = async (repository: string, descriptor: Descriptor) =>
    await readLayer(...(await packed(repository, descriptor)))
  /** The tree of an image whose first `from` layers make the tree `lower`. */
  async function treeOf({ repository, layers }: FoundManifest, lower: Tree, from: number) {
    let tree = lower
    for (const descriptor of layers.slice(from)) {
      tree = applyLayer(tree, await layer(repository, descriptor))
    }
    return tree
  }

  async function file(reference: string, path: string): Promise<Buffer> {
    const { repository, layers } = await manifestOf(reference)
    for (const descriptor of layers) {
      const found = await fileOf(...(await packed(repository, descriptor)), path)
      if (found !== undefined) return found
    }
    throw new Error(`${reference} has no file ${path}`)
  }

  async function tags(repository: string): Promise<readonly string[]> {
    const response = await fetch(`http://${host}/v2/${repository}/tags/list`)
    if (!response.ok) return []
    return ((await response.json()) as { readonly tags: readonly string[] | null }).tags ?? []
  }

  async function remove(repository: string): Promise<void> {
    for (const tag of await tags(repository)) {
      const url = `http://${host}/v2/${repository}/manifests/`
      const digest = (await fetch(`${url}${tag}`, { headers: { accept: ACCEPT } })).headers.get('docker-content-digest')
      // Two tags of one image: it is gone with the first.
      if (digest !== null) await fetch(`${url}${digest}`, { method: 'DELETE' })
    }
  }

  const scratch: Base = { name: 'scratch', layers: [], tree: new Map() }
  const loaded = await Promise.all(
    Object.entries(bases).map(async ([name, reference]): Promise<Base> => {
      const manifest = await manifestOf(reference)
      return { name, layers: manifest.layers.map(({ digest }) => digest), tree: await treeOf(manifest, new Map(), 0) }
    })
  )

  return {
    remove,
    file,
    baseTree: (name) => loaded.find((base) => base.name === name)?.tree ?? scratch.tree,
    async outline(reference) {
      const manifest = await manifestOf(reference)
      const digests = manifest.layers.map(({ digest }) => digest)
      const beginsWith = ({ layers }: Base) => layers.every((digest, at) => digests[at] === digest)
      const base = loaded.find(beginsWith) ?? scratch
      const tree = await treeOf(manifest, base.tree, base.layers.length)
      const file = (await (await get(`${manifest.repository}/blobs/${manifest.config.digest}`)).json()) as ConfigFile
      return {
        base: base.name,
        platform: `${file.os}/${file.architecture}`,
        config: normalConfig(file.config ?? {}),
        files: filesOf(tree, base.tree)
      }
    }
  }
}
