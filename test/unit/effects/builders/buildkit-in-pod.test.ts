/** Goal: BuildKit in the build pod is started with the rights it has there and no others, and says in one true line why not. Method: what the container is given, and its own words. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildkit } from '../../../../src/effects/builders/buildkit.ts'
import { buildkitInPod } from '../../../../src/effects/builders/buildkit-in-pod.ts'
import { kaniko } from '../../../../src/effects/builders/kaniko.ts'

const SPEC = {
  contextPath: '/slipway/context',
  dockerfile: 'my.Dockerfile',
  layoutPath: '/slipway/layout',
  digestPath: '/dev/termination-log',
  pushReference: 'reg:5000/abc:123',
  architecture: 'amd64',
  pushTriesMax: 7,
  plainHttpHosts: ['reg:5000'],
  statePath: '/slipway/state'
}
const configFor = (changes: object) => buildkitInPod.containers({ ...SPEC, ...changes }).build.env.BUILDKITD_TOML

describe('the containers', () => {
  const { build, push } = buildkitInPod.containers(SPEC)

  it('ask a daemon in the same container for the same as one elsewhere, and hand the digest to the kubelet', () => {
    const daemon = { address: 'tcp://buildkitd:1234' }
    expect(build.args).toEqual(buildkit.containers({ ...SPEC, daemon }).build.args)
    expect(build.env.BUILDKIT_HOST).toBe('unix:///slipway/state/socket')
    expect(build.command?.[2]).toContain('buildctl "$@" && cat /slipway/layout/index.json > /dev/termination-log')
  })

  it('push as with Kaniko, which holds the credentials', () => {
    expect(push).toEqual(kaniko.containers(SPEC).push)
  })

  it('need no more rights than Kaniko, and none that Baseline forbids', () => {
    for (const capability of buildkitInPod.buildCapabilities) expect(kaniko.buildCapabilities).toContain(capability)
  })

  it('are not made without a disk for layers', () => {
    expect(() => buildkitInPod.containers({ ...SPEC, statePath: undefined })).toThrow('disk')
  })
})

describe('the scripts', () => {
  const { build } = buildkitInPod.containers(SPEC)

  it.each([build.command?.[2] ?? '', build.env.ENDING ?? ''])('are ones that a shell can read: %#', (text) => {
    expect(spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
  })

  it('give runc what it was given, with where to say which process is the first of a RUN, and its exit code back', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'slipway-runc-'))
    try {
      const path = `${directory}:${process.env.PATH}`
      await writeFile(join(directory, 'ending'), build.env.ENDING ?? '', { mode: 0o755 })
      await writeFile(join(directory, 'runc'), '#!/bin/sh\necho "$@"\nexit 7\n', { mode: 0o755 })
      const called = (...args: string[]) =>
        spawnSync(join(directory, 'ending'), args, { env: { PATH: path }, encoding: 'utf8' })
      const bundle = `${directory}/a bundle`
      expect(called('--log', 'l', 'run', '--bundle', bundle, '--keep', 'id')).toMatchObject({
        status: 7,
        stdout: `--log l run --bundle ${bundle} --pid-file ${bundle}/first --keep id\n`,
        stderr: ''
      })
      expect(called('--log', 'l', 'kill', 'id', 'KILL')).toMatchObject({ status: 7, stdout: '--log l kill id KILL\n' })
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})

describe('how registries are reached', () => {
  it.each([
    ['plain HTTP', {}, '[registry."reg:5000"]\nhttp = true\n'],
    ['TLS', { plainHttpHosts: [] }, ''],
    [
      'an authority of its own',
      { plainHttpHosts: [], registryAuthorityPath: '/ca/ca.crt' },
      '[registry."reg:5000"]\nca = ["/ca/ca.crt"]\n'
    ],
    [
      'mirrors, the first first, of the same host as well',
      {
        mirrors: [
          { registry: 'docker.io', mirror: 'one/hub' },
          { registry: 'reg:5000', mirror: 'm' },
          { registry: 'docker.io', mirror: 'two' }
        ]
      },
      '[registry."docker.io"]\nmirrors = ["one/hub","two"]\n[registry."reg:5000"]\nmirrors = ["m"]\nhttp = true\n'
    ]
  ])('%s', (_what, changes, expected) => {
    expect(configFor(changes)).toBe(expected)
  })
})

describe('a build that fails', () => {
  const BASE =
    'error: failed to solve: reg/a: failed to resolve source metadata for reg/a:latest: failed to do request:'

  it.each([
    [
      'error: buildkitd cannot start: unshare: unshare failed: Operation not permitted',
      'not-configured',
      /unshare failed: Operation not permitted.*BUILDKIT_SECCOMP_PROFILE/
    ],
    ['error: buildkitd cannot start: buildkitd: mkdir: no space left on device', 'builder-lost', /disk space/],
    ['error: buildkitd did not start in time: starting', 'builder-lost', /in time: starting/],
    [
      'error: failed to receive status: rpc error: code = Unavailable desc = error\nerror: buildkitd ended with exit code 137',
      'builder-out-of-memory',
      /memory/
    ],
    ['error: buildkitd ended with exit code 2', 'builder-lost', /exit code 2/],
    ['#5 0.1 error: buildkitd ended with exit code 137\nerror: failed to solve: x', 'dockerfile-failed', /x/],
    [
      `${BASE} Head "https://reg/": http: server gave HTTP response to HTTPS client`,
      'base-registry-unreachable',
      /plain HTTP.*only the registry that is pushed to/
    ],
    [
      'error: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1',
      'dockerfile-failed',
      /exit code 1/
    ]
  ])('%s', (log, code, message) => {
    expect(buildkitInPod.classifyBuildFailure(`${log}\n`)).toMatchObject({
      code,
      message: expect.stringMatching(message)
    })
  })
})
