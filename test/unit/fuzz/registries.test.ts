/** Goal: whatever a registry answers, the hook and gc go on or refuse in one line. Method: answers as data, and a real server. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findImages } from '../../../src/effects/kubernetes/cleanup/garbage.ts'
import { createRedaction } from '../../../src/effects/log/redaction.ts'
import { createAuthenticator } from '../../../src/effects/registry/auth.ts'
import { createdAt, listRepositories } from '../../../src/effects/registry/catalog.ts'
import { createRegistryClient } from '../../../src/effects/registry/client.ts'
import {
  byName,
  byPattern,
  loginFor,
  readDockerConfig,
  secretsIn
} from '../../../src/effects/registry/docker-config.ts'
import { isReference, parseReference } from '../../../src/effects/registry/reference.ts'
import { evilJson, evilText, FUZZ_TIMEOUT_MS, mutated, survives } from '../../support/fuzz.ts'

const never = new AbortController().signal
const HANDLE = 'a'.repeat(24)
const DIGEST = `sha256:${'b'.repeat(64)}`
const WORDS = [
  ...['repositories', 'tags', 'config', 'digest', 'manifests', 'created', 'token', 'access_token', 'auths', 'auth'],
  ...['username', 'password', DIGEST, HANDLE, '2026-01-01T00:00:00Z', 'latest']
]
const CHALLENGE_WORDS = [
  ...['Bearer ', 'Basic ', 'realm="', 'service="', 'scope="', '"', ',', 'http://127.0.0.1:1/', 'https://u:p@x/', 'a b']
]
const status = fc.constantFrom(200, 200, 200, 200, 201, 204, 301, 404, 405, 429, 500, 599)
const good = {
  repositories: [HANDLE, `x/${HANDLE}`],
  tags: ['latest'],
  config: { digest: DIGEST },
  manifests: [{ digest: DIGEST }],
  created: '2020-01-01T00:00:00Z',
  token: 'token'
}
const body = fc.oneof(
  mutated(good, evilJson(...WORDS)).map((value) => JSON.stringify(value)),
  evilJson(...WORDS).map((value) => JSON.stringify(value)),
  evilText('{', '}', '"', ...WORDS)
)

test('lists and images', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  await survives(fc.array(fc.tuple(status, body), { minLength: 1, maxLength: 5 }), async (answers) => {
    let calls = 0
    const get = async () => {
      const [code, text] = answers[calls++ % answers.length] ?? [404, '']
      return { status: code, body: text }
    }
    const found = await listRepositories(get, never)
    for (const name of found ?? []) expect(name).toBeTypeOf('string')
    const created = await createdAt(get, { repository: HANDLE, version: 'latest' }, never)
    expect(['string', 'undefined']).toContain(typeof created)
    expect(calls).toBeLessThan(110)
  })
})

test('challenges and tokens', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  const challenge = evilText(...CHALLENGE_WORDS)
  await survives(fc.tuple(challenge, status, body, fc.boolean()), async ([given, code, text, isSecure]) => {
    const redaction = createRedaction()
    const authenticator = createAuthenticator({
      host: 'registry:5000',
      isSecure,
      account: { username: 'u', password: 'pass"word', source: 'Secret s' },
      send: async (request) => {
        expect(URL.canParse(request.url)).toBe(true)
        if (isSecure) expect(request.url).toMatch(/^https:/)
        return { status: code, headers: {}, body: text }
      },
      onSecret: redaction.hide
    })
    const value = await authenticator.meet(given, never).catch((thrown: Error & { detail?: string }) => {
      expect(`${thrown.message}${thrown.detail}`).not.toContain('pass"word')
      expect(thrown.message.length).toBeLessThan(1_000)
      throw thrown
    })
    expect(redaction.redact(value)).not.toMatch(/^Bearer .{4}/)
  })
})

test('Docker config files', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  const file = { auths: { 'ghcr.io/org': { username: 'u', password: 'p', auth: 'dTpw', identitytoken: 't' } } }
  await survives(fc.tuple(mutated(file, evilJson(...WORDS)), evilText('*', '?', '.', 'a.', '*a')), ([value, host]) => {
    const text = JSON.stringify(value)
    for (const secret of secretsIn(text)) expect(secret).toBeTypeOf('string')
    const logins = readDockerConfig(text) ?? []
    for (const match of [byName, byPattern]) loginFor(logins, host, 'org/x', match)
  })
  // What a kubelet takes for a pattern is written by whoever writes the Secret.
  const pattern = evilText('*', '?', '*a', 'a*', '.', '*.*')
  await survives(fc.tuple(pattern, fc.constantFrom('a'.repeat(20_000), 'a.'.repeat(5_000))), ([server, host]) => {
    loginFor([{ server, username: 'u', password: 'p' }], host, undefined, byPattern)
  })
})

test('references', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  await survives(evilText('host/', 'repo', ':tag', '@sha256:', 'a', '/'), (text) => {
    if (isReference(text)) expect(parseReference(text).host).toBeTypeOf('string')
    else expect(() => parseReference(text)).toThrow('is not a complete image reference')
  })
})

let server: Server
let host = ''
let answer: (response: ServerResponse, path: string) => void = () => {}
beforeAll(async () => {
  server = createServer((request, response) => answer(response, request.url ?? ''))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/** What may stand in a header. */
const header = (...words: readonly string[]) =>
  evilText(...words).map((text) => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '').slice(0, 8_000))

test('a whole registry', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  const answers = fc.record({
    status: fc.oneof(status, fc.constant(401)),
    body,
    digest: fc.oneof(fc.constant(DIGEST), header('sha256:', '../')),
    challenge: header(...CHALLENGE_WORDS),
    location: header('/v2/', '//', 'http://', '..')
  })
  await survives(
    fc.array(answers, { minLength: 1, maxLength: 6 }),
    async (given) => {
      let calls = 0
      answer = (response, path) => {
        const {
          status: code,
          body: text,
          digest,
          challenge,
          location
        } = given[calls++ % given.length] as (typeof given)[0]
        const headers = { 'docker-content-digest': digest, 'www-authenticate': challenge }
        // A page of the catalog that says the same as the one before is the last.
        response
          .writeHead(path.includes('last=') ? 404 : code, { ...headers, ...(code === 301 && { location }) })
          .end(text)
      }
      const account = { username: 'u', password: 'pass"word', source: 'Secret s' }
      const client = createRegistryClient(
        { pushHost: host, pullHost: host, plainHttp: true },
        { account, requestMsMax: 500 }
      )
      const rules = { handles: async () => new Set<string>(), madeBeforeMs: Date.now() }
      const outcomes = await Promise.allSettled([
        client.ping(never),
        client.digestOf(`${host}/${HANDLE}:latest`, never),
        client.remove(`${host}/${HANDLE}:latest`, never),
        client.mayDelete(HANDLE, never),
        findImages(client, rules, never)
      ])
      for (const outcome of outcomes) {
        if (outcome.status !== 'rejected') continue
        expect(outcome.reason).toMatchObject({
          code: expect.stringMatching(/^(registry-unreachable|push-denied|cleanup-failed|not-supported)$/)
        })
        expect(JSON.stringify([outcome.reason.message, outcome.reason.detail])).not.toContain('pass\\"word')
      }
    },
    0.5
  )
})
