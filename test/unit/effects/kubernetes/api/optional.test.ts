/** What only some Roles allow to read: it is told where it is there, and its absence is never a failure. Method: a real HTTP server. */
import type { RequestListener } from 'node:http'
import { expect, test } from 'vitest'
import { readIfAllowed } from '../../../../../src/effects/kubernetes/api/optional.ts'
import { serveAccess } from '../../../../support/access-server.ts'

const never = new AbortController().signal

/** What a look at a claim gives, and the paths that the server was asked for. */
async function lookAt(listener: RequestListener, signal = never) {
  const paths: string[] = []
  const access = await serveAccess((request, response) => {
    paths.push(`${request.method} ${request.url}`)
    listener(request, response)
  })
  const claim = { resource: 'persistentvolumeclaims', name: 'work' } as const
  return { seen: await readIfAllowed<object>(access, claim, {}, signal), paths }
}

test('is read with one request', async () => {
  expect(await lookAt((_request, response) => response.end('{"spec":{}}'))).toEqual({
    seen: { spec: {} },
    paths: ['GET /api/v1/namespaces/ci/persistentvolumeclaims/work']
  })
})

const refusals: readonly [string, RequestListener][] = [
  ['may not be read', (_request, response) => response.writeHead(403).end('{"message":"forbidden"}')],
  ['is not there', (_request, response) => response.writeHead(404).end('{}')],
  ['cannot be asked for at the moment', (_request, response) => response.writeHead(503).end('{}')],
  ['is cut short', (request) => request.socket.destroy()],
  ['is no JSON', (_request, response) => response.end('<html>')]
]

test.each(refusals)('what %s is asked for once, and is unknown', async (_what, listener) => {
  const { seen, paths } = await lookAt(listener)
  expect(seen).toBeUndefined()
  expect(paths).toHaveLength(1)
})

test('a command that is cancelled does not go on without it', async () => {
  await expect(lookAt(() => {}, AbortSignal.abort(new Error('cancelled')))).rejects.toThrow('cancelled')
})
