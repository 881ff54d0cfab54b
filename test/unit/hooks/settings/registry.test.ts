/** Goal: what people say of their registry means what they think, and what cannot be is named in one line. */
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../../../src/hooks/settings/config.ts'

const HOOKS = 'ACTIONS_RUNNER_CONTAINER_HOOKS_'
const REGISTRY = `${HOOKS}REGISTRY_`
const minimal = {
  ACTIONS_RUNNER_POD_NAME: 'runner-abc',
  RUNNER_WORKSPACE: '/home/runner/_work/repo',
  RUNNER_TEMP: '/home/runner/_work/_temp',
  GITHUB_WORKSPACE: '/home/runner/_work/repo/repo'
}

/** Settings by the end of their names. */
const read = (settings: Readonly<Record<string, string>>) => {
  const named = Object.entries(settings).map(([name, value]) => [
    name === 'BASE_IMAGE_SECRET' ? `${HOOKS}${name}` : `${REGISTRY}${name}`,
    value
  ])
  return readConfig({ ...minimal, ...Object.fromEntries(named) }).registry
}

const IN_CLUSTER = { HOST: 'docker-registry', PORT: '5000', NODE_PORT: '30500' }

describe('a registry', () => {
  it('in the cluster is pushed to by its Service and pulled from by its node port, in plain HTTP', () => {
    expect(read(IN_CLUSTER)).toMatchObject({
      pushHost: 'docker-registry:5000',
      pullHost: 'localhost:30500',
      path: undefined,
      plainHttp: true
    })
  })

  it.each([
    ['ghcr.io', 'ghcr.io', undefined],
    ['ghcr.io/org/slipway', 'ghcr.io', 'org/slipway'],
    ['registry.example.com:5000/ci', 'registry.example.com:5000', 'ci'],
    ['10.0.0.7:5000', '10.0.0.7:5000', undefined],
    ['registry:5000', 'registry:5000', undefined],
    ['[fd00::5]', '[fd00::5]', undefined],
    ['[fd00::5]:5000/ci', '[fd00::5]:5000', 'ci'],
    ['a.svcs.example.com', 'a.svcs.example.com', undefined]
  ])('%s alone has one name for pods and kubelets, and TLS', (name, host, path) => {
    expect(read({ HOST: name })).toMatchObject({ pushHost: host, pullHost: host, path, plainHttp: false })
  })

  it('may be pulled from under another name', () => {
    expect(read({ HOST: 'registry.ci.svc:5000/a', PULL_HOST: 'registry.example.com' })).toMatchObject({
      pushHost: 'registry.ci.svc:5000',
      pullHost: 'registry.example.com',
      path: 'a',
      plainHttp: false
    })
    expect(read({ HOST: 'registry.ci.svc', PORT: '5000', PULL_HOST: '10.0.0.7:32000' })).toMatchObject({
      pushHost: 'registry.ci.svc:5000',
      pullHost: '10.0.0.7:32000'
    })
    expect(read({ HOST: '[fd00::5]', PORT: '5000', PULL_HOST: '[::1]:30500' })).toMatchObject({
      pushHost: '[fd00::5]:5000',
      pullHost: '[::1]:30500'
    })
  })

  it.each([
    [{ ...IN_CLUSTER, CA_SECRET: 'authority' }, false],
    [{ ...IN_CLUSTER, PLAIN_HTTP: 'false' }, false],
    [{ HOST: 'registry.example.com', PLAIN_HTTP: 'true' }, true]
  ])('%o speaks plain HTTP: %s', (settings, plainHttp) => {
    expect(read(settings)).toMatchObject({ plainHttp })
  })

  it('has Secrets by name', () => {
    const secrets = { CA_SECRET: 'a', PUSH_SECRET: 'b', PULL_SECRET: 'c', BASE_IMAGE_SECRET: 'd' }
    expect(read({ HOST: 'ghcr.io', ...secrets })).toMatchObject({
      caSecret: 'a',
      pushSecret: 'b',
      pullSecret: 'c',
      baseImageSecret: 'd'
    })
  })
})

it('is not needed for credentials of base images, which builds in place get too', () => {
  expect(read({ BASE_IMAGE_SECRET: 'base' })).toBeUndefined()
  for (const host of ['', 'ghcr.io']) {
    const named = { [`${REGISTRY}HOST`]: host, [`${HOOKS}BASE_IMAGE_SECRET`]: 'base' }
    expect(readConfig({ ...minimal, ...named }).baseImageSecret).toBe('base')
  }
})

it('keeps images when that is asked for, and not otherwise', () => {
  expect(read({ HOST: 'ghcr.io/org/slipway', PUSH_SECRET: 'push' })?.isKept).toBeUndefined()
  expect(read({ HOST: 'ghcr.io/org/slipway', PUSH_SECRET: 'push', RETENTION: 'job' })?.isKept).toBeUndefined()
  expect(read({ HOST: 'ghcr.io/org/slipway', PUSH_SECRET: 'push', RETENTION: 'keep' })?.isKept).toBe(true)
})

describe('a registry cannot be used', () => {
  it.each([
    ['without a host', { PUSH_SECRET: 'push' }, 'not-configured', 'REGISTRY_HOST'],
    ['by a Service alone', { HOST: 'docker-registry' }, 'not-configured', 'REGISTRY_PORT'],
    ['by a Service in full alone', { HOST: 'reg.ci.svc.cluster.local' }, 'not-configured', 'REGISTRY_NODE_PORT'],
    ['by a Service and its namespace', { HOST: 'reg.ci.svc' }, 'not-configured', 'REGISTRY_NODE_PORT'],
    ['by a Service with its port', { HOST: 'reg.ci.svc:5000' }, 'not-configured', 'REGISTRY_PULL_HOST'],
    ['without the node port', { HOST: 'reg', PORT: '5000' }, 'not-configured', 'REGISTRY_NODE_PORT'],
    ['without the port', { HOST: 'reg', NODE_PORT: '30500' }, 'not-configured', 'REGISTRY_PORT'],
    ['with two ports', { ...IN_CLUSTER, HOST: 'reg:5000' }, 'invalid-input', 'REGISTRY_PORT'],
    ['with two places to pull from', { ...IN_CLUSTER, PULL_HOST: 'a.b' }, 'invalid-input', 'REGISTRY_PULL_HOST'],
    ['with a scheme', { HOST: 'https://ghcr.io' }, 'invalid-input', 'REGISTRY_HOST'],
    ['with a path in upper case', { HOST: 'ghcr.io/Org' }, 'invalid-input', 'REGISTRY_HOST'],
    ['with a path that ends in /', { HOST: 'ghcr.io/org/' }, 'invalid-input', 'REGISTRY_HOST'],
    ['with a path to pull from', { ...IN_CLUSTER, PULL_HOST: 'a.b/c' }, 'invalid-input', 'REGISTRY_PULL_HOST'],
    ['that keeps what everybody may replace', { ...IN_CLUSTER, RETENTION: 'keep' }, 'not-configured', 'PUSH_SECRET'],
    ['that keeps for a while', { ...IN_CLUSTER, RETENTION: 'ttl' }, 'invalid-input', 'REGISTRY_RETENTION'],
    ['with a maybe', { ...IN_CLUSTER, PLAIN_HTTP: 'yes' }, 'invalid-input', 'REGISTRY_PLAIN_HTTP'],
    [
      'with an authority but no TLS',
      { ...IN_CLUSTER, PLAIN_HTTP: 'true', CA_SECRET: 'a' },
      'invalid-input',
      'CA_SECRET'
    ],
    ['with a Secret that cannot be', { HOST: 'ghcr.io', PUSH_SECRET: 'Push It' }, 'invalid-input', 'PUSH_SECRET'],
    [
      'when the Dockerfile would get the credentials for pushing',
      { HOST: 'ghcr.io', PUSH_SECRET: 'one', BASE_IMAGE_SECRET: 'one' },
      'invalid-input',
      'BASE_IMAGE_SECRET'
    ]
  ])('%s', (_title, settings: Record<string, string>, code, named) => {
    expect(() => read(settings)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(named) }))
  })
})
