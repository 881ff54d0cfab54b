/** The local registry held to the OCI distribution specification, and the registry client held to its promises against it. */
import { createHash } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LocalRegistry, startLocalRegistry } from '../../src/effects/local/registry.ts'
import { createRegistryClient, type RegistryClient } from '../../src/effects/registry/client.ts'
import { randomHex } from '../../src/effects/system.ts'
import { codeOf, never } from './backend.ts'

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
const digestOf = (content: string) => `sha256:${createHash('sha256').update(content).digest('hex')}`

let registry: LocalRegistry
let client: RegistryClient
beforeAll(async () => {
  registry = await startLocalRegistry(await mkdtemp(join(tmpdir(), 'slipway-registry-')), () => randomHex(16))
  client = createRegistryClient({ pushHost: registry.host, pullHost: registry.host, plainHttp: true })
})
afterAll(() => registry.close())

const call = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
  fetch(new URL(path, `http://${registry.host}`), { method, headers, ...(body !== undefined && { body }) })

const codesOf = async (response: Response) =>
  ((await response.json()) as { errors: { code: string }[] }).errors.map(({ code }) => code)

async function pushBlob(content: string, repository = 'team/image'): Promise<string> {
  const digest = digestOf(content)
  const started = await call('POST', `/v2/${repository}/blobs/uploads/`)
  expect(started.status).toBe(202)
  const finished = await call('PUT', `${started.headers.get('location')}?digest=${digest}`, content)
  expect(finished.status).toBe(201)
  return digest
}

async function pushImage(name: string, tag: string): Promise<string> {
  const [config, layer] = [await pushBlob(`config of ${name}`), await pushBlob(`layer of ${name}`)]
  const manifest = JSON.stringify({ schemaVersion: 2, config: { digest: config }, layers: [{ digest: layer }] })
  const pushed = await call('PUT', `/v2/${name}/manifests/${tag}`, manifest, { 'content-type': MANIFEST_TYPE })
  expect(pushed.status).toBe(201)
  expect(pushed.headers.get('docker-content-digest')).toBe(digestOf(manifest))
  return digestOf(manifest)
}

describe('local registry: blobs', () => {
  test('answers the version check', async () => {
    expect((await call('GET', '/v2/')).status).toBe(200)
  })

  test('takes a blob after an upload was started, and gives it back with its digest and size', async () => {
    const digest = await pushBlob('some content')
    const head = await call('HEAD', `/v2/team/image/blobs/${digest}`)
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '12'])
    const got = await call('GET', `/v2/team/image/blobs/${digest}`)
    expect(got.headers.get('docker-content-digest')).toBe(digest)
    expect(await got.text()).toBe('some content')
  })

  test('takes a blob in a single POST', async () => {
    const digest = digestOf('all at once')
    const posted = await call('POST', `/v2/team/image/blobs/uploads/?digest=${digest}`, 'all at once')
    expect(posted.status).toBe(201)
    expect((await call('HEAD', `/v2/team/image/blobs/${digest}`)).status).toBe(200)
  })

  test('takes a blob in chunks, says how far it is, and refuses a chunk out of order', async () => {
    const started = await call('POST', '/v2/team/image/blobs/uploads/')
    const place = started.headers.get('location') ?? ''
    const first = await call('PATCH', place, 'first,', { 'content-range': '0-5' })
    expect([first.status, first.headers.get('range')]).toEqual([202, '0-5'])
    const early = await call('PATCH', place, 'third', { 'content-range': '12-16' })
    expect([early.status, await codesOf(early)]).toEqual([416, ['BLOB_UPLOAD_INVALID']])
    const status = await call('GET', place)
    expect([status.status, status.headers.get('range')]).toEqual([204, '0-5'])
    const digest = digestOf('first,second')
    const finished = await call('PUT', `${place}?digest=${digest}`, 'second', { 'content-range': '6-11' })
    expect(finished.status).toBe(201)
    expect(await (await call('GET', `/v2/team/image/blobs/${digest}`)).text()).toBe('first,second')
  })

  test('refuses content that is not what its digest says, and forgets it', async () => {
    const wanted = digestOf('promised')
    const posted = await call('POST', `/v2/team/image/blobs/uploads/?digest=${wanted}`, 'delivered')
    expect([posted.status, await codesOf(posted)]).toEqual([400, ['DIGEST_INVALID']])
    expect((await call('HEAD', `/v2/team/image/blobs/${wanted}`)).status).toBe(404)
  })

  test('mounts a blob of another repository', async () => {
    const digest = await pushBlob('shared', 'team/first')
    const mounted = await call('POST', `/v2/team/second/blobs/uploads/?mount=${digest}&from=team/first`)
    expect(mounted.status).toBe(201)
    expect((await call('HEAD', `/v2/team/second/blobs/${digest}`)).status).toBe(200)
  })

  test('abandons an upload', async () => {
    const place = (await call('POST', '/v2/team/image/blobs/uploads/')).headers.get('location') ?? ''
    expect((await call('DELETE', place)).status).toBe(204)
    const gone = await call('GET', place)
    expect([gone.status, await codesOf(gone)]).toEqual([404, ['BLOB_UPLOAD_UNKNOWN']])
  })

  test('names what it does not have', async () => {
    const blob = await call('GET', `/v2/team/image/blobs/${digestOf('never pushed')}`)
    expect([blob.status, await codesOf(blob)]).toEqual([404, ['BLOB_UNKNOWN']])
    const outside = await call('GET', '/v2/team/image/blobs/..%2f..%2fetc%2fpasswd')
    expect(outside.status).toBe(404)
  })
})

describe('local registry: manifests', () => {
  test('gives a manifest by tag and by digest, with its media type, and lists its tags', async () => {
    const digest = await pushImage('listed', 'one')
    await pushImage('listed', 'two')
    for (const version of ['one', digest]) {
      const got = await call('GET', `/v2/listed/manifests/${version}`)
      expect([got.status, got.headers.get('content-type')]).toEqual([200, MANIFEST_TYPE])
      expect(digestOf(await got.text())).toBe(digest)
    }
    expect(await (await call('GET', '/v2/listed/tags/list')).json()).toEqual({ name: 'listed', tags: ['one', 'two'] })
  })

  test('refuses a manifest whose blobs were not pushed', async () => {
    const manifest = JSON.stringify({ config: { digest: digestOf('never pushed') }, layers: [] })
    const pushed = await call('PUT', '/v2/hollow/manifests/1', manifest)
    expect([pushed.status, await codesOf(pushed)]).toEqual([404, ['MANIFEST_BLOB_UNKNOWN']])
    expect((await call('HEAD', '/v2/hollow/manifests/1')).status).toBe(404)
  })

  test('refuses what is no manifest, what is not its digest, and what is too big', async () => {
    const broken = await call('PUT', '/v2/broken/manifests/1', 'not JSON')
    expect([broken.status, await codesOf(broken)]).toEqual([400, ['MANIFEST_INVALID']])
    const mistaken = await call('PUT', `/v2/broken/manifests/${digestOf('other')}`, '{}')
    expect([mistaken.status, await codesOf(mistaken)]).toEqual([400, ['DIGEST_INVALID']])
    const big = await call('PUT', '/v2/broken/manifests/1', ' '.repeat(4 * 1024 * 1024 + 1))
    expect([big.status, await codesOf(big)]).toEqual([413, ['SIZE_INVALID']])
  })

  test('deletes a tag alone, and a manifest with its tags', async () => {
    const digest = await pushImage('deleted', 'one')
    await pushImage('deleted', 'two')
    expect((await call('DELETE', '/v2/deleted/manifests/one')).status).toBe(202)
    expect((await call('HEAD', '/v2/deleted/manifests/one')).status).toBe(404)
    expect((await call('HEAD', `/v2/deleted/manifests/${digest}`)).status).toBe(200)
    expect((await call('DELETE', `/v2/deleted/manifests/${digest}`)).status).toBe(202)
    const gone = await call('GET', '/v2/deleted/manifests/two')
    expect([gone.status, await codesOf(gone)]).toEqual([404, ['MANIFEST_UNKNOWN']])
  })
})

describe('registry client', () => {
  test('finds the digest of a tag, and none of what is not there', async () => {
    const digest = await pushImage('found', '1')
    await client.ping(never)
    expect(await client.digestOf(`${registry.host}/found:1`, never)).toBe(digest)
    expect(await client.digestOf(`${registry.host}/found@${digest}`, never)).toBe(digest)
    expect(await client.digestOf(`${registry.host}/found:2`, never)).toBeUndefined()
    expect(await client.digestOf(`${registry.host}/lost:1`, never)).toBeUndefined()
  })

  test('removes an image by tag; once more is fine', async () => {
    await pushImage('removed', '1')
    await client.remove(`${registry.host}/removed:1`, never)
    expect(await client.digestOf(`${registry.host}/removed:1`, never)).toBeUndefined()
    await client.remove(`${registry.host}/removed:1`, never)
  })

  test('says registry-unreachable once the registry is gone', async () => {
    const other = await startLocalRegistry(await mkdtemp(join(tmpdir(), 'slipway-registry-')), () => randomHex(16))
    const target = { pushHost: other.host, pullHost: other.host, plainHttp: true }
    await createRegistryClient(target).ping(never)
    await other.close()
    expect(await codeOf(createRegistryClient(target).ping(never))).toBe('registry-unreachable')
  })

  test('stops when it is aborted', async () => {
    expect(await codeOf(client.ping(AbortSignal.abort()))).toBe('cancelled')
  })
})
