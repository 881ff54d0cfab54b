/** Goal: a registry with a certificate of one's own authority is trusted when that is given, and never without. Method: a real server. */
import { createServer as createPlainServer } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRegistryClient } from '../../../../src/effects/registry/client.ts'
import { AUTHORITY, SERVER_CERTIFICATE, SERVER_KEY } from '../../../support/certificates.ts'

const never = new AbortController().signal
let server: Server
let host = ''

beforeAll(async () => {
  server = createServer({ cert: SERVER_CERTIFICATE, key: SERVER_KEY }, (_request, response) => {
    response.writeHead(200).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  host = `localhost:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

const secured = (ca?: string) => createRegistryClient({ pushHost: host, pullHost: host, plainHttp: false }, { ca })

it('is spoken to when its authority is given', async () => {
  await expect(secured(AUTHORITY).ping(never)).resolves.toBeUndefined()
})

it('is not trusted without, and the error names the setting', async () => {
  await expect(secured().ping(never)).rejects.toMatchObject({
    code: 'registry-unreachable',
    message: expect.stringContaining('ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_CA_SECRET')
  })
})

it('is looked for in vain where there is only plain HTTP, and the error names the setting', async () => {
  const plain = createPlainServer((_request, response) => response.end('{}'))
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
  const plainHost = `localhost:${(plain.address() as AddressInfo).port}`
  const client = createRegistryClient({ pushHost: plainHost, pullHost: plainHost, plainHttp: false })
  await expect(client.ping(never)).rejects.toMatchObject({
    code: 'registry-unreachable',
    message: expect.stringContaining('ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PLAIN_HTTP')
  })
  plain.closeAllConnections()
  await new Promise((resolve) => plain.close(resolve))
})

it('is not found behind plain HTTP', async () => {
  const plain = createRegistryClient({ pushHost: host, pullHost: host, plainHttp: true })
  await expect(plain.ping(never)).rejects.toMatchObject({ code: 'registry-unreachable' })
})
