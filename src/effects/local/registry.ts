/**
 * A small registry on this computer for the local backend and the tests, gone without a trace when it is closed.
 * Speaks the OCI distribution specification 1.1: push, pull, tags and deletion, without referrers and without credentials.
 */
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { toStepError } from '../../errors.ts'
import { Refusal, RegistryStore, type Upload } from './registry-store.ts'

export interface LocalRegistry {
  /** `127.0.0.1:port`, plain HTTP. */
  readonly host: string
  close(): Promise<void>
}

/** One request, taken apart. */
interface Call {
  readonly store: RegistryStore
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly method: string
  /** Name of the repository. */
  readonly name: string
  /** What stands last in the path: a digest, a tag, or an upload's id. */
  readonly last: string
  readonly query: URLSearchParams
}

type Headers = Readonly<Record<string, string | number>>

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const ROUTE = new RegExp(`^/v2/(${COMPONENT}(?:/${COMPONENT})*)/(blobs/uploads|blobs|manifests|tags)/([\\w.:-]*)$`)

function send({ response }: Pick<Call, 'response'>, status: number, headers: Headers, body?: Buffer): void {
  response.writeHead(status, { 'docker-distribution-api-version': 'registry/2.0', 'content-length': 0, ...headers })
  response.end(body)
}

function sendJson(call: Pick<Call, 'response'>, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value))
  send(call, status, { 'content-type': 'application/json', 'content-length': body.length }, body)
}

const unsupported = ({ method }: Call) => new Refusal(405, 'UNSUPPORTED', `${method} is not possible here`)

const sendProgress = (call: Call, status: number, { id, bytes }: Upload) =>
  send(call, status, {
    location: `/v2/${call.name}/blobs/uploads/${id}`,
    range: `0-${Math.max(0, bytes - 1)}`,
    'docker-upload-uuid': id
  })

const sendCreated = (call: Call, kind: 'blobs' | 'manifests', digest: string) =>
  send(call, 201, { location: `/v2/${call.name}/${kind}/${digest}`, 'docker-content-digest': digest })

/** Blobs come in one request (POST or PUT with a digest), or in pieces (PATCH). */
async function answerUpload(call: Call): Promise<void> {
  const { store, request, method, last, query } = call
  if (method === 'POST' && last === '') return startUpload(call)
  const upload = store.upload(last)
  const firstByte = /^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1]
  switch (method) {
    case 'GET':
      return sendProgress(call, 204, upload)
    case 'DELETE':
      await store.abandon(upload)
      return send(call, 204, {})
    case 'PATCH':
      await store.append(upload, request, firstByte === undefined ? undefined : Number(firstByte))
      return sendProgress(call, 202, upload)
    case 'PUT': {
      const digest = query.get('digest') ?? ''
      await store.append(upload, request, firstByte === undefined ? undefined : Number(firstByte))
      await store.finish(upload, digest)
      return sendCreated(call, 'blobs', digest)
    }
    default:
      throw unsupported(call)
  }
}

async function startUpload(call: Call): Promise<void> {
  const { store, request, query } = call
  const mounted = query.get('mount')
  if (mounted !== null && (await store.blobBytes(mounted)) !== undefined) return sendCreated(call, 'blobs', mounted)
  const upload = store.startUpload()
  const digest = query.get('digest')
  if (digest === null) return sendProgress(call, 202, upload)
  await store.append(upload, request, undefined)
  await store.finish(upload, digest)
  sendCreated(call, 'blobs', digest)
}

async function answerBlob(call: Call): Promise<void> {
  const { store, method, response, last: digest } = call
  const bytes = await store.blobBytes(digest)
  if (bytes === undefined) throw new Refusal(404, 'BLOB_UNKNOWN', `there is no blob ${digest}`)
  if (method === 'DELETE') {
    await store.removeBlob(digest)
    return send(call, 202, {})
  }
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': bytes,
    'docker-content-digest': digest
  }
  if (method === 'HEAD') return send(call, 200, headers)
  if (method !== 'GET') throw unsupported(call)
  response.writeHead(200, headers)
  await pipeline(createReadStream(store.blobPath(digest)), response)
}

async function answerManifest(call: Call): Promise<void> {
  const { store, request, method, name, last: version } = call
  if (method === 'PUT') {
    const type = request.headers['content-type'] ?? 'application/octet-stream'
    return sendCreated(call, 'manifests', (await store.putManifest(name, version, type, request)).digest)
  }
  if (method === 'DELETE') {
    store.removeManifest(name, version)
    return send(call, 202, {})
  }
  if (method !== 'GET' && method !== 'HEAD') throw unsupported(call)
  const { digest, type, body } = store.manifest(name, version)
  const headers = { 'content-type': type, 'content-length': body.length, 'docker-content-digest': digest }
  send(call, 200, headers, method === 'GET' ? body : undefined)
}

async function answer(store: RegistryStore, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://registry')
  if (pathname === '/v2/') return sendJson({ response }, 200, {})
  const [, name, kind, last] = ROUTE.exec(pathname) ?? []
  if (name === undefined || last === undefined) throw new Refusal(404, 'NAME_UNKNOWN', `nothing is at ${pathname}`)
  const call: Call = { store, request, response, method: request.method ?? 'GET', name, last, query }
  if (kind === 'blobs/uploads') return answerUpload(call)
  if (kind === 'blobs') return answerBlob(call)
  if (kind === 'manifests') return answerManifest(call)
  if (last !== 'list' || call.method !== 'GET') throw unsupported(call)
  sendJson(call, 200, { name, tags: store.tags(name) })
}

function refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
  // Once a blob is on its way, the only way to say that something is wrong is to break off.
  if (response.headersSent) return void response.destroy()
  const { status, code, message } =
    thrown instanceof Refusal ? thrown : { status: 500, code: 'UNKNOWN', message: toStepError(thrown).message }
  // The body that was not read would be taken for the next request.
  if (!request.complete) response.setHeader('connection', 'close')
  sendJson({ response }, status, { errors: [{ code, message }] })
}

/** Starts a registry on a free port of this computer; `directory` exists, is empty, and is removed with the registry. */
export async function startLocalRegistry(directory: string, newId: () => string): Promise<LocalRegistry> {
  const store = new RegistryStore(directory, newId)
  const server = createServer((request, response) => {
    answer(store, request, response).catch((thrown: unknown) => refuse(request, response, thrown))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
      await rm(directory, { recursive: true, force: true })
    }
  }
}
