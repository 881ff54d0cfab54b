/** Goal: the registry's answers become the right digest or the right code. Method: a real HTTP server that plays them. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createRegistryClient } from '../../../../src/effects/registry/client.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const never = new AbortController().signal
let server: Server | undefined

afterEach(async () => {
  server?.closeAllConnections()
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)))
  server = undefined
})

/** A registry that answers with `handler`; resolves with its address and the requests it has seen. */
async function registry(handler: (request: IncomingMessage, response: ServerResponse) => void) {
  const requests: string[] = []
  const running = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    handler(request, response)
  })
  server = running
  await new Promise<void>((resolve) => running.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(running.address() as AddressInfo).port}`
  return { host, requests }
}

const clientOf = (host: string, requestMsMax?: number) =>
  createRegistryClient({ pushHost: host, pullHost: 'localhost:1', plainHttp: true }, { requestMsMax })

const answer = (status: number, headers: Record<string, string> = {}, body = '') =>
  registry((_request, response) => response.writeHead(status, headers).end(body))

describe('the registry client', () => {
  it('asks for manifests of both backends and gives the digest', async () => {
    let accepted = ''
    const { host, requests } = await registry((request, response) => {
      accepted = request.headers.accept ?? ''
      response.writeHead(200, { 'docker-content-digest': DIGEST }).end()
    })
    expect(await clientOf(host).digestOf(`${host}/abc:tag`, never)).toBe(DIGEST)
    expect(requests).toEqual(['HEAD /v2/abc/manifests/tag'])
    expect(accepted).toContain('application/vnd.oci.image.manifest.v1+json')
    expect(accepted).toContain('application/vnd.docker.distribution.manifest.v2+json')
  })

  it('finds no digest of an image that is not there', async () => {
    const { host } = await answer(404)
    expect(await clientOf(host).digestOf(`${host}/abc:tag`, never)).toBeUndefined()
  })

  it('removes a tag by its digest', async () => {
    const { host, requests } = await registry((request, response) =>
      response.writeHead(request.method === 'DELETE' ? 202 : 200, { 'docker-content-digest': DIGEST }).end()
    )
    await clientOf(host).remove(`${host}/a/b:tag`, never)
    expect(requests).toEqual(['HEAD /v2/a/b/manifests/tag', `DELETE /v2/a/b/manifests/${DIGEST}`])
  })

  it('counts what is gone as removed, before and while it is asked', async () => {
    const gone = await answer(404)
    await expect(clientOf(gone.host).remove(`${gone.host}/a:tag`, never)).resolves.toBeUndefined()
    server?.close()
    const { host, requests } = await registry((request, response) =>
      response.writeHead(request.method === 'DELETE' ? 404 : 200, { 'docker-content-digest': DIGEST }).end()
    )
    await expect(clientOf(host).remove(`${host}/a@${DIGEST}`, never)).resolves.toBeUndefined()
    expect(requests).toHaveLength(2)
  })

  it('names the setting when deletion is switched off', async () => {
    const { host } = await registry((request, response) =>
      response.writeHead(request.method === 'DELETE' ? 405 : 200, { 'docker-content-digest': DIGEST }).end()
    )
    await expect(clientOf(host).remove(`${host}/a:tag`, never)).rejects.toMatchObject({
      code: 'cleanup-failed',
      message: expect.stringContaining('REGISTRY_STORAGE_DELETE_ENABLED=true'),
      remaining: [`image ${host}/a:tag`]
    })
  })

  it.each([
    ['{"name":"a","tags":["x","y"]}', ['x', 'y']],
    ['{"name":"a","tags":null}', []]
  ])('lists the tags in %s', async (body, tags) => {
    const { host } = await answer(200, { 'content-type': 'application/json' }, body)
    expect(await clientOf(host).tagged('a', never)).toEqual(tags.map((tag) => `${host}/a:${tag}`))
  })

  it('lists no tags of a repository that is not there', async () => {
    const { host } = await answer(404, {}, '{"errors":[{"code":"NAME_UNKNOWN"}]}')
    expect(await clientOf(host).tagged('a', never)).toEqual([])
  })

  it.each([
    [401, 'push-denied'],
    [403, 'push-denied'],
    [429, 'registry-unreachable'],
    [500, 'registry-unreachable'],
    [503, 'registry-unreachable']
  ])('takes status %i as %s', async (status, code) => {
    const { host } = await answer(status)
    const client = clientOf(host)
    await expect(client.ping(never)).rejects.toMatchObject({ code, message: expect.stringContaining(host) })
    await expect(client.remove(`${host}/a:tag`, never)).rejects.toMatchObject({ code })
  })

  it('says why a registry cannot be reached', async () => {
    const { host } = await answer(200)
    await new Promise((resolve) => server?.close(resolve))
    await expect(clientOf(host).ping(never)).rejects.toMatchObject({
      code: 'registry-unreachable',
      message: expect.stringContaining('ECONNREFUSED')
    })
  })

  it('does not wait longer than it may', async () => {
    const { host } = await registry(() => {})
    await expect(clientOf(host, 50).ping(never)).rejects.toMatchObject({
      code: 'registry-unreachable',
      message: expect.stringContaining('no answer within 0.05 s')
    })
  })

  it('stops when it is cancelled', async () => {
    const controller = new AbortController()
    const { host } = await registry(() => controller.abort())
    await expect(clientOf(host).ping(controller.signal)).rejects.toMatchObject({ code: 'cancelled' })
  })
})
