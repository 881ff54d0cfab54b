/** Goal: a request reaches the API server as it should, and its answer comes back whole or not at all. Method: a real HTTP server. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type ApiAccess,
  ApiStatusError,
  openRequest,
  readBody,
  requestJson
} from '../../../../../src/effects/kubernetes/api/request.ts'

const never = new AbortController().signal
let server: Server | undefined

afterEach(async () => {
  server?.closeAllConnections()
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)))
  server = undefined
})

interface Seen {
  readonly request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>
  readonly body: string
}

/** An API server; `path` is what stands behind the address of the cluster. */
async function serve(answer: (response: ServerResponse) => void, path = '') {
  const seen: Seen[] = []
  const sockets = new Set<unknown>()
  const running = createServer((request, response) => {
    sockets.add(request.socket)
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      seen.push({ request, body })
      answer(response)
    })
  })
  server = running
  await new Promise<void>((resolve) => running.listen(0, '127.0.0.1', resolve))
  const access: ApiAccess = {
    getCurrentCluster: () => ({
      name: 'test',
      server: `http://127.0.0.1:${(running.address() as AddressInfo).port}${path}`,
      skipTLSVerify: false
    }),
    async applyToHTTPSOptions(options) {
      options.headers = { Authorization: 'Bearer t' }
    }
  }
  return { access, seen, sockets }
}

const json = (body: unknown) => (response: ServerResponse) => void response.writeHead(200).end(JSON.stringify(body))

describe('a request', () => {
  it.each(['', '/', '/k8s/clusters/c-1'])(
    'goes to the path below the address of the cluster, ending in %j',
    async (end) => {
      const { access, seen } = await serve(json({ a: 1 }), end)
      expect(await requestJson(access, { method: 'GET', path: '/api/v1/pods' }, never)).toEqual({ a: 1 })
      expect(seen[0]?.request).toMatchObject({ method: 'GET', url: `${end.replace(/\/$/, '')}/api/v1/pods` })
      expect(seen[0]?.request.headers).toMatchObject({ accept: 'application/json', authorization: 'Bearer t' })
      expect(seen[0]?.request.headers).not.toHaveProperty('content-type')
      expect(seen[0]?.body).toBe('')
    }
  )

  it('has its query and its body', async () => {
    const { access, seen } = await serve(json({}))
    const request = { method: 'POST', path: '/p', query: { a: 'b c', d: '&' }, body: { ü: 'ä' } } as const
    await requestJson(access, request, never)
    expect(seen[0]?.request).toMatchObject({ method: 'POST', url: '/p?a=b+c&d=%26' })
    expect(seen[0]?.request.headers).toMatchObject({ 'content-type': 'application/json', 'content-length': '11' })
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ ü: 'ä' })
  })

  it('uses the connection of the one before it', async () => {
    const { access, sockets } = await serve(json({}))
    for (let count = 0; count < 3; count += 1) await requestJson(access, { method: 'GET', path: '/p' }, never)
    expect(sockets.size).toBe(1)
  })

  it('ends when it is cancelled, before and after the answer has begun', async () => {
    const before = new AbortController()
    const { access } = await serve(() => before.abort())
    await expect(openRequest(access, { method: 'GET', path: '/p' }, before.signal)).rejects.toThrow(/abort/)
    const after = new AbortController()
    const slow = await serve((response) => void response.writeHead(200).write('{'))
    const answer = await openRequest(slow.access, { method: 'GET', path: '/p' }, after.signal)
    after.abort()
    expect((await readBody(answer, 10)).length).toBeLessThanOrEqual(1)
    expect(answer.complete).toBe(false)
  })
})

describe('an answer', () => {
  it.each([200, 201, 202, 299])('with status %i is one', async (status) => {
    const { access } = await serve((response) => void response.writeHead(status).end('{}'))
    expect(await requestJson(access, { method: 'DELETE', path: '/p' }, never)).toEqual({})
  })

  it.each([
    [300, {}, undefined],
    [404, {}, undefined],
    [429, { 'retry-after': '2' }, 2_000],
    [503, { 'retry-after': '0' }, 0],
    [503, { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }, undefined]
  ])('with status %i and %o is an error', async (status, headers, retryAfterMs) => {
    const { access } = await serve((response) => void response.writeHead(status, headers).end('why not'))
    const error = await openRequest(access, { method: 'GET', path: '/p' }, never).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ApiStatusError)
    expect(error).toMatchObject({ name: 'ApiStatusError', status, body: 'why not', retryAfterMs })
    expect((error as Error).message).toBe(`status ${status}: why not`)
  })

  it('that is an error is kept up to a bound', async () => {
    const { access } = await serve((response) => void response.writeHead(500).end('x'.repeat(100_000)))
    await expect(openRequest(access, { method: 'GET', path: '/p' }, never)).rejects.toMatchObject({
      body: 'x'.repeat(16 * 1024)
    })
  })

  it('that is cut short is no answer', async () => {
    const { access } = await serve((response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{}')
      setImmediate(() => response.destroy())
    })
    await expect(requestJson(access, { method: 'GET', path: '/p' }, never)).rejects.toThrow('the answer was cut short')
  })

  it('is read up to a bound, over several pieces', async () => {
    const { access } = await serve((response) => {
      response.writeHead(200).write('abc')
      response.end('defg')
    })
    const request = { method: 'GET', path: '/p' } as const
    expect((await readBody(await openRequest(access, request, never), 5)).toString()).toBe('abcde')
    expect((await readBody(await openRequest(access, request, never), 7)).toString()).toBe('abcdefg')
  })
})
