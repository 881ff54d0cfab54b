/** Goal: a registry that asks who we are gets the right answer, or one error says which credentials to correct. Method: real servers. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Account } from '../../../../src/effects/registry/auth.ts'
import { createRegistryClient } from '../../../../src/effects/registry/client.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const ACCOUNT: Account = { username: 'builder', password: 'p:ss wörd', source: 'Secret push-it' }
const basicOf = ({ username, password }: Account) =>
  `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`
const never = new AbortController().signal
const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(handler)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const clientOf = (host: string, account?: Account, secrets: string[] = []) =>
  createRegistryClient(
    { pushHost: host, pullHost: host, plainHttp: true },
    { account, onSecret: (secret) => secrets.push(secret) }
  )

/** A registry with one image that lets in who sends `expected()`, and challenges everybody else. */
const guarded = (challenge: (request: IncomingMessage) => string, expected: () => string, seen: string[] = []) =>
  serve((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? '-'}`)
    if (request.headers.authorization !== expected()) {
      response.writeHead(401, { 'www-authenticate': challenge(request) }).end('{"errors":[]}')
      return
    }
    response.writeHead(request.method === 'DELETE' ? 202 : 200, { 'docker-content-digest': DIGEST }).end('{}')
  })

describe('HTTP Basic', () => {
  it('is answered with the account, and sent at once from then on', async () => {
    const seen: string[] = []
    const basic = basicOf(ACCOUNT)
    const host = await guarded(
      () => 'Basic realm="Registry"',
      () => basic,
      seen
    )
    const client = clientOf(host, ACCOUNT)
    expect(await client.digestOf(`${host}/a:tag`, never)).toBe(DIGEST)
    await client.remove(`${host}/a:tag`, never)
    expect(seen).toEqual([
      'HEAD /v2/a/manifests/tag -',
      `HEAD /v2/a/manifests/tag ${basic}`,
      `HEAD /v2/a/manifests/tag ${basic}`,
      `DELETE /v2/a/manifests/${DIGEST} ${basic}`
    ])
  })

  it('with a wrong password ends in one error that names the Secret and not the password', async () => {
    const seen: string[] = []
    const host = await guarded(
      () => 'Basic realm="Registry"',
      () => 'nobody',
      seen
    )
    const ping = clientOf(host, ACCOUNT).ping(never)
    await expect(ping).rejects.toMatchObject({
      code: 'push-denied',
      message: expect.stringContaining('Secret push-it')
    })
    const error = await ping.catch((thrown: Error) => thrown)
    expect(JSON.stringify(error) + String(error)).not.toContain(ACCOUNT.password)
    expect(seen).toHaveLength(2)
    await expect(clientOf(host, ACCOUNT).ping(never)).rejects.toMatchObject({ code: 'push-denied' })
  })

  it('without an account says which variable to set', async () => {
    const host = await guarded(
      () => 'Basic realm="Registry"',
      () => 'nobody'
    )
    await expect(clientOf(host).ping(never)).rejects.toMatchObject({
      code: 'push-denied',
      message: expect.stringContaining('ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PUSH_SECRET')
    })
  })
})

/** A token service that counts its tokens and knows one account; and the registry that takes the last token only. */
async function withTokens(field: 'token' | 'access_token' = 'token') {
  const asked: string[] = []
  let count = 0
  let isExpired = false
  const service = await serve((request, response) => {
    asked.push(request.url ?? '')
    if (request.headers.authorization !== basicOf(ACCOUNT)) return void response.writeHead(401).end()
    count += 1
    isExpired = false
    response.writeHead(200).end(JSON.stringify({ [field]: `token-${count}`, expires_in: 60 }))
  })
  const scopeOf = ({ method }: IncomingMessage) => `repository:org/a:${method === 'DELETE' ? 'delete' : 'pull,push'}`
  let granted = ''
  const host = await guarded(
    (request) => {
      granted = scopeOf(request)
      return `Bearer realm="http://${service}/token",service="reg",scope="${granted}"`
    },
    () => (isExpired ? 'none' : `Bearer token-${count}`)
  )
  return { host, asked, expire: () => (isExpired = true) }
}

describe('a bearer token', () => {
  it.each(['token', 'access_token'] as const)('is asked for with what the challenge says, as %s', async (field) => {
    const { host, asked } = await withTokens(field)
    const secrets: string[] = []
    expect(await clientOf(host, ACCOUNT, secrets).digestOf(`${host}/org/a:tag`, never)).toBe(DIGEST)
    expect(asked).toEqual(['/token?service=reg&scope=repository%3Aorg%2Fa%3Apull%2Cpush'])
    expect(secrets).toEqual(['token-1'])
  })

  it('is used again while it holds, and renewed when it has expired', async () => {
    const { host, asked, expire } = await withTokens()
    const client = clientOf(host, ACCOUNT)
    await client.digestOf(`${host}/org/a:tag`, never)
    await client.digestOf(`${host}/org/a:tag`, never)
    expect(asked).toHaveLength(1)
    expire()
    expect(await client.digestOf(`${host}/org/a:tag`, never)).toBe(DIGEST)
    expect(asked).toHaveLength(2)
  })

  it('is refused with a wrong password: one error names the Secret', async () => {
    const { host } = await withTokens()
    const wrong = { ...ACCOUNT, password: 'wrong' }
    await expect(clientOf(host, wrong).ping(never)).rejects.toMatchObject({
      code: 'push-denied',
      message: expect.stringMatching(/refuses the user name or the password of Secret push-it/)
    })
  })

  it('that does not allow enough is an error about rights, not about the password', async () => {
    const service = await serve((_request, response) => response.writeHead(200).end('{"token":"weak"}'))
    const host = await guarded(
      () => `Bearer realm="http://${service}/"`,
      () => 'Bearer strong'
    )
    await expect(clientOf(host, ACCOUNT).ping(never)).rejects.toMatchObject({
      code: 'push-denied',
      message: expect.stringMatching(/knows the user of Secret push-it, but does not allow/)
    })
  })

  it.each([
    [500, '', 'registry-unreachable'],
    [200, 'no JSON', 'registry-unreachable'],
    [200, '{"token":""}', 'registry-unreachable'],
    [200, 'x'.repeat(5 * 1024 * 1024), 'registry-unreachable'],
    [403, '{}', 'push-denied']
  ])('from a service that answers %i %.10j is %s', async (status, body, code) => {
    const service = await serve((_request, response) => response.writeHead(status).end(body))
    const host = await guarded(
      () => `Bearer realm="http://${service}/"`,
      () => 'Bearer token'
    )
    await expect(clientOf(host, ACCOUNT).ping(never)).rejects.toMatchObject({ code })
  })

  it('is not asked for where there is no service, or a service that gives none', async () => {
    const gone = await guarded(
      () => 'Bearer realm="http://127.0.0.1:1/token"',
      () => 'x'
    )
    await expect(clientOf(gone, ACCOUNT).ping(never)).rejects.toMatchObject({ code: 'registry-unreachable' })
    const odd = await guarded(
      () => 'Bearer realm="ftp://example.org/"',
      () => 'x'
    )
    await expect(clientOf(odd, ACCOUNT).ping(never)).rejects.toMatchObject({ code: 'push-denied' })
  })
})

it.each(['', 'Negotiate', 'Digest realm="x"'])('a challenge that nobody can meet is refused: %j', async (challenge) => {
  const host = await guarded(
    () => challenge,
    () => 'x'
  )
  await expect(clientOf(host, ACCOUNT).ping(never)).rejects.toMatchObject({ code: 'push-denied' })
})

it('a redirect is followed, and does not take the password elsewhere', async () => {
  const seen: (string | undefined)[] = []
  const other = await serve((request, response) => {
    seen.push(request.headers.authorization)
    response.writeHead(200, { 'docker-content-digest': DIGEST }).end()
  })
  const host = await serve((request, response) => {
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="Registry"' }).end()
    } else response.writeHead(307, { location: `http://${other}/elsewhere` }).end()
  })
  expect(await clientOf(host, ACCOUNT).digestOf(`${host}/a:tag`, never)).toBe(DIGEST)
  expect(seen).toEqual([undefined])
})
