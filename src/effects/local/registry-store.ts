/** What the local registry keeps: blobs and uploads as files in one directory, manifests and tags in memory. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Manifests are small; the specification asks registries to accept at least 4 MiB. */
const MANIFEST_BYTES_MAX = 4 * 1024 * 1024
const BLOB_BYTES_MAX = 32 * 1024 * 1024 * 1024
const UPLOADS_MAX = 256

/** The part of the specification's error codes that this registry gives. */
type RefusalCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNSUPPORTED'

/** An answer that is an error of the specification. */
export class Refusal extends Error {
  readonly status: number
  readonly code: RefusalCode
  constructor(status: number, code: RefusalCode, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export interface Manifest {
  readonly digest: string
  readonly type: string
  readonly body: Buffer
}

interface Repository {
  readonly manifests: Map<string, Manifest>
  /** Tag to digest. */
  readonly tags: Map<string, string>
}

/** A blob on its way in. */
export interface Upload {
  readonly id: string
  readonly path: string
  bytes: number
}

const DIGEST = /^sha256:[0-9a-f]{64}$/

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return `sha256:${hash.digest('hex')}`
}

/** Collects a manifest's body. */
async function readManifest(content: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of content as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MANIFEST_BYTES_MAX) throw new Refusal(413, 'SIZE_INVALID', 'the manifest is too big')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Digests of everything a manifest or an index points to. */
function referencesOf(body: Buffer): string[] {
  try {
    const { config, layers, manifests } = JSON.parse(body.toString('utf8'))
    return [config, ...(layers ?? []), ...(manifests ?? [])].flatMap((item) => (item ? [String(item.digest)] : []))
  } catch {
    throw new Refusal(400, 'MANIFEST_INVALID', 'the manifest is not JSON of a known shape')
  }
}

/** Blobs are shared by all repositories, so pushing a layer twice, or mounting it, costs nothing. */
export class RegistryStore {
  readonly #directory: string
  readonly #newId: () => string
  readonly #uploads = new Map<string, Upload>()
  readonly #repositories = new Map<string, Repository>()

  constructor(directory: string, newId: () => string) {
    this.#directory = directory
    this.#newId = newId
  }

  blobPath(digest: string): string {
    return join(this.#directory, digest.replace(':', '-'))
  }

  /** Size of a blob; undefined when it is not here. */
  async blobBytes(digest: string): Promise<number | undefined> {
    if (!DIGEST.test(digest)) return undefined
    return stat(this.blobPath(digest)).then(
      ({ size }) => size,
      () => undefined
    )
  }

  async removeBlob(digest: string): Promise<void> {
    await rm(this.blobPath(digest), { force: true })
  }

  startUpload(): Upload {
    if (this.#uploads.size >= UPLOADS_MAX) throw new Refusal(429, 'TOOMANYREQUESTS', 'too many uploads at once')
    const id = this.#newId()
    const upload: Upload = { id, path: join(this.#directory, `upload-${id}`), bytes: 0 }
    this.#uploads.set(id, upload)
    return upload
  }

  upload(id: string): Upload {
    const upload = this.#uploads.get(id)
    if (upload === undefined) throw new Refusal(404, 'BLOB_UPLOAD_UNKNOWN', `there is no upload ${id}`)
    return upload
  }

  /** Appends to an upload; `firstByte` is where the client says its content belongs. */
  async append(upload: Upload, content: Readable, firstByte: number | undefined): Promise<void> {
    if (firstByte !== undefined && firstByte !== upload.bytes) {
      throw new Refusal(416, 'BLOB_UPLOAD_INVALID', `the next byte is ${upload.bytes}`)
    }
    const counted = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        upload.bytes += chunk.length
        if (upload.bytes > BLOB_BYTES_MAX) throw new Refusal(413, 'SIZE_INVALID', 'the blob is too big')
        yield chunk
      }
    }
    await pipeline(content, counted, createWriteStream(upload.path, { flags: 'a' }))
  }

  /** Makes a blob of an upload, if its content is what it is said to be. */
  async finish(upload: Upload, digest: string): Promise<void> {
    if (!DIGEST.test(digest) || (await digestOfFile(upload.path)) !== digest) {
      await this.abandon(upload)
      throw new Refusal(400, 'DIGEST_INVALID', `the content is not ${digest}`)
    }
    this.#uploads.delete(upload.id)
    await rename(upload.path, this.blobPath(digest))
  }

  async abandon(upload: Upload): Promise<void> {
    this.#uploads.delete(upload.id)
    await rm(upload.path, { force: true })
  }

  /** Stores a manifest under a tag or its digest, once everything it points to is here. */
  async putManifest(name: string, version: string, type: string, content: Readable): Promise<Manifest> {
    const body = await readManifest(content)
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`
    const isDigest = version.includes(':')
    if (isDigest && version !== digest) throw new Refusal(400, 'DIGEST_INVALID', `the content is ${digest}`)
    const { manifests, tags } = this.#repositories.get(name) ?? { manifests: new Map(), tags: new Map() }
    for (const wanted of referencesOf(body)) {
      if (manifests.has(wanted) || (await this.blobBytes(wanted)) !== undefined) continue
      throw new Refusal(404, 'MANIFEST_BLOB_UNKNOWN', `${wanted} was not pushed`)
    }
    const manifest: Manifest = { digest, type, body }
    manifests.set(digest, manifest)
    if (!isDigest) tags.set(version, digest)
    this.#repositories.set(name, { manifests, tags })
    return manifest
  }

  manifest(name: string, version: string): Manifest {
    const repository = this.#repositories.get(name)
    const digest = version.includes(':') ? version : repository?.tags.get(version)
    const manifest = repository?.manifests.get(digest ?? '')
    if (manifest === undefined) throw new Refusal(404, 'MANIFEST_UNKNOWN', `there is no manifest ${version} in ${name}`)
    return manifest
  }

  /** Removes a tag, or a manifest with all its tags. */
  removeManifest(name: string, version: string): void {
    const { digest } = this.manifest(name, version)
    const repository = this.#repositories.get(name)
    if (version === digest) repository?.manifests.delete(digest)
    for (const [tag, target] of repository?.tags ?? []) {
      if (tag === version || version === target) repository?.tags.delete(tag)
    }
  }

  tags(name: string): string[] {
    const repository = this.#repositories.get(name)
    if (repository === undefined) throw new Refusal(404, 'NAME_UNKNOWN', `there is no repository ${name}`)
    return [...repository.tags.keys()].sort()
  }
}
