/** Goal: the credentials people have in Docker config files are found for the registry they are for, and no other. */
import { describe, expect, it } from 'vitest'
import { byPattern, loginFor, readDockerConfig, secretsIn } from '../../../../src/effects/registry/docker-config.ts'

const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64')
const read = (auths: object) => readDockerConfig(JSON.stringify({ auths }))

describe('reading a Docker config file', () => {
  it.each([
    ['ghcr.io', 'ghcr.io'],
    ['https://ghcr.io', 'ghcr.io'],
    ['http://registry:5000/', 'registry:5000'],
    ['https://index.docker.io/v1/', 'index.docker.io'],
    ['registry.example.com/v2', 'registry.example.com'],
    ['ghcr.io/org/team', 'ghcr.io/org/team'],
    ['https://user:password@ghcr.io/org', 'ghcr.io/org']
  ])('takes %s for %s', (server, name) => {
    expect(read({ [server]: { username: 'a', password: 'b' } })).toEqual([
      { server: name, username: 'a', password: 'b' }
    ])
  })

  it('takes user name and password apart, as kubectl and docker login write them', () => {
    const login = { server: 'reg', username: 'user', password: 'p:ss wörd' }
    expect(read({ reg: { auth: base64('user:p:ss wörd') } })).toEqual([login])
    expect(read({ reg: { username: 'user', password: 'p:ss wörd', auth: 'nonsense' } })).toEqual([login])
  })

  it('leaves out what has no password', () => {
    expect(read({ a: {}, b: { auth: base64('user:') }, c: { identitytoken: 'x' }, d: { auth: '%%%' } })).toEqual([])
  })

  it.each(['', 'no JSON', '{}', '[]', '{"auths":[]}', '{"auths":{"a":1}}', '{"auths":{"a":{"auth":1}}}'])(
    'sees that %j is none',
    (text) => expect(readDockerConfig(text)).toBeUndefined()
  )
})

describe('the secrets of a Docker config file', () => {
  it('are passwords, tokens, and `auth` as it stands and as it would be made', () => {
    const auths = {
      a: { username: 'u', password: 'p1', auth: 'as it stands' },
      b: { auth: base64('u:p2') },
      c: { identitytoken: 't1', registrytoken: 't2' },
      d: { identitytoken: 5 }
    }
    const secrets = secretsIn(JSON.stringify({ auths }))
    const expected = ['p1', 'as it stands', base64('u:p1'), base64('u:p2'), 'p2', 't1', 't2']
    expect(new Set(secrets)).toEqual(new Set(expected))
  })

  it.each(['', 'no JSON', '{"auths":5}'])('are none in %j', (text) => expect(secretsIn(text)).toEqual([]))
})

describe('the login for a repository', () => {
  const logins = ['ghcr.io', 'ghcr.io/org', 'reg:5000'].map((server) => ({ server, username: server, password: 'x' }))

  it.each([
    ['ghcr.io', 'org/slipway', 'ghcr.io/org'],
    ['ghcr.io', 'organisation/slipway', 'ghcr.io'],
    ['ghcr.io', undefined, 'ghcr.io'],
    ['reg:5000', 'a', 'reg:5000'],
    ['reg', undefined, undefined],
    ['example.com', 'ghcr.io', undefined]
  ])('of %s/%s is that for %s', (host, path, server) => {
    expect(loginFor(logins, host, path)?.server).toBe(server)
  })

  // What a kubelet makes of a pull Secret (k8s.io/kubernetes/pkg/credentialprovider, URLsMatch).
  it.each([
    ['*.example.com', 'registry.example.com', 'ci/images', true],
    ['*.example.com', 'example.com', 'ci', false],
    ['*.example.com', 'a.b.example.com', 'ci', false],
    ['*.*.example.com', 'a.b.example.com', 'ci', true],
    ['reg*.example.com', 'registry.example.com', undefined, true],
    ['*.example.com', 'registry.example.com:5000', 'ci', false],
    ['*.example.com:5000', 'registry.example.com:5000', 'ci', true],
    ['*.example.com/ci', 'registry.example.com', 'ci/images', true],
    ['*.example.com/other', 'registry.example.com', 'ci/images', false],
    ['regXexample.com', 'reg.example.com', 'ci', false],
    ['r*g?st*y.example.com', 'registry.example.com', 'ci', true],
    ['r*g?st*y*.example.com', 'registries.example.com', 'ci', false],
    ['**.example.com', 'registry.example.com', 'ci', true],
    [`${'*a'.repeat(40)}b.example.com`, `${'a'.repeat(63)}.example.com`, 'ci', false]
  ])('%s is one for %s/%s to a kubelet: %s', (server, host, path, isOne) => {
    const given = [{ server, username: 'u', password: 'p' }]
    expect(loginFor(given, host, path, byPattern) !== undefined).toBe(isOne)
  })
})
