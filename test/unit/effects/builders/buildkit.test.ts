/** Goal: buildctl is told what it needs, and BuildKit's failures reach the author in one true line. Method: logs it really wrote. */
import { describe, expect, it } from 'vitest'
import { buildkit } from '../../../../src/effects/builders/buildkit.ts'
import { kaniko } from '../../../../src/effects/builders/kaniko.ts'

const BUSYBOX = 'docker-registry.default.svc.cluster.local:5000/base/busybox:1'
const SPEC = {
  contextPath: '/slipway/context',
  dockerfile: 'my.Dockerfile',
  layoutPath: '/slipway/layout',
  digestPath: '/dev/termination-log',
  pushReference: 'reg:5000/abc:123',
  architecture: 'arm64',
  pushTriesMax: 7,
  plainHttpHosts: ['reg:5000'],
  daemon: { address: 'tcp://buildkitd:1234', certificatesPath: '/slipway/certificates' }
}

describe('the containers of BuildKit', () => {
  const { build, push } = buildkit.containers(SPEC)

  it('sends the context to the daemon, names the architecture of the job, gets a layout back, and hands its digest to the kubelet', () => {
    expect(build).toEqual({
      command: ['sh', '-c', 'buildctl "$@" && cat /slipway/layout/index.json > /dev/termination-log', 'buildctl'],
      args: [
        '--tlsdir=/slipway/certificates',
        'build',
        '--progress=plain',
        '--frontend=dockerfile.v0',
        '--local=context=/slipway/context',
        '--local=dockerfile=/slipway/context',
        '--opt=filename=my.Dockerfile',
        '--opt=platform=linux/arm64',
        '--output=type=oci,tar=false,dest=/slipway/layout,annotation.slipway.build=123'
      ],
      env: { BUILDKIT_HOST: 'tcp://buildkitd:1234' }
    })
  })

  it('builds what is given in the place of the Dockerfile', () => {
    const { build } = buildkit.containers({ ...SPEC, rewrittenPath: '/slipway/dockerfile/Dockerfile' })
    expect(build.args).toEqual(
      expect.arrayContaining(['--local=dockerfile=/slipway/dockerfile', '--opt=filename=Dockerfile'])
    )
  })

  it('does without certificates where there are none', () => {
    const { build } = buildkit.containers({ ...SPEC, daemon: { address: 'tcp://buildkitd:1234' } })
    expect(build.args[0]).toBe('build')
  })

  it('pushes the layout as Kaniko does', () => {
    expect(push).toEqual(kaniko.containers(SPEC).push)
    expect(buildkit.pushImage).toBe(kaniko.defaultImage)
  })
})

const log = (...lines: string[]) => `${lines.join('\n')}\n`

/** What BuildKit prints before its error: the step that failed once more, and where in the Dockerfile it is. */
const failed = (line: number, instruction: string, error: string, output = '') =>
  log(
    '#2 [internal] load metadata for docker-registry.default.svc.cluster.local:5000/base/busybox:1',
    '#2 DONE 0.0s',
    '',
    `#5 [2/2] ${instruction}`,
    ...(output === '' ? [] : [`#5 0.099 ${output}`]),
    `#5 ERROR: ${error.replace('failed to solve: ', '')}`,
    '------',
    ` > [2/2] ${instruction}:`,
    ...(output === '' ? [] : [`0.099 ${output}`]),
    '------',
    `Dockerfile:${line}`,
    '--------------------',
    `   1 |     FROM ${BUSYBOX}`,
    `   ${line} | >>> ${instruction}`,
    '   3 |     ',
    '--------------------',
    `error: ${error}`
  )

const process = (command: string, why: string) =>
  `failed to solve: process "/bin/sh -c ${command}" did not complete successfully: ${why}`

const base = (image: string, full: string, why: string) =>
  failed(1, `FROM ${image}`, `failed to solve: ${image}: failed to resolve source metadata for ${full}: ${why}`)

const workers = (why: string) =>
  `error: listing workers for Build: failed to list workers: Unavailable: connection error: desc = "${why}"\n`

const hub = (image: string) =>
  `failed to do request: Head "https://registry-1.docker.io/v2/library/${image}/manifests/12": dial tcp: lookup registry-1.docker.io on 10.96.0.10:53: server misbehaving`

const ofInstructions: readonly (readonly [string, string, string, string])[] = [
  [
    'a RUN that fails, whatever it printed',
    failed(
      2,
      'RUN echo dial tcp: connection refused; exit 3',
      process('echo dial tcp: connection refused; exit 3', 'exit code: 3'),
      'dial tcp: connection refused'
    ),
    'dockerfile-failed',
    "'RUN echo dial tcp: connection refused; exit 3' failed with exit code 3; its output is in the build log"
  ],
  [
    'a RUN of a program that is for another architecture than the node of the daemon',
    failed(
      4,
      'RUN ["/program"]',
      'failed to solve: process "/program" did not complete successfully: exit code: 255',
      'exec /program: exec format error'
    ),
    'dockerfile-failed',
    `'RUN ["/program"]' cannot run where the BuildKit daemon is (exec format error): it has to be on nodes of the job's architecture, or to have an emulator for it`
  ],
  [
    'a RUN that was killed',
    failed(2, 'RUN make', process('make', 'exit code: 137')),
    'builder-out-of-memory',
    "'RUN make' was killed, most likely because the build ran out of memory"
  ],
  [
    'a USER that is not there',
    failed(3, 'RUN true', process('true', 'unable to find user nobody-such: no matching entries in passwd file')),
    'dockerfile-failed',
    "'RUN true' failed: unable to find user nobody-such: no matching entries in passwd file"
  ],
  [
    'a COPY of what is not there',
    failed(
      2,
      'COPY nowhere /',
      'failed to solve: failed to compute cache key: failed to calculate checksum of ref ijom50j0a9xrwcwhrhlu44tg3::uet4e2jcj3en9avcu2mmx50c6: "/nowhere": not found'
    ),
    'dockerfile-failed',
    "COPY or ADD: nowhere is not in the build context (the Dockerfile's directory without what .dockerignore leaves out)"
  ],
  [
    'an ADD from an address that does not answer',
    log(
      '#5 [2/2] ADD http://127.0.0.1:9/x /x',
      'error: failed to solve: failed to load cache key: Get "http://127.0.0.1:9/x": dial tcp 127.0.0.1:9: connect: connection refused'
    ),
    'dockerfile-failed',
    'The image cannot be built: failed to load cache key: Get "http://127.0.0.1:9/x": dial tcp 127.0.0.1:9: connect: connection refused'
  ],
  [
    'an instruction that does not exist',
    failed(
      2,
      'RUNN true',
      'failed to solve: dockerfile parse error on line 2: unknown instruction: RUNN (did you mean RUN?)'
    ),
    'dockerfile-failed',
    'The Dockerfile cannot be read, line 2: unknown instruction: RUNN (did you mean RUN?)'
  ],
  [
    'an empty Dockerfile',
    log('#1 DONE 0.0s', 'error: failed to solve: the Dockerfile cannot be empty'),
    'dockerfile-failed',
    'The image cannot be built: the Dockerfile cannot be empty'
  ]
]

const ofBaseImages: readonly (readonly [string, string, string, string])[] = [
  [
    'a base image that does not exist',
    base('127.0.0.1:5001/404/x:1', '127.0.0.1:5001/404/x:1', '127.0.0.1:5001/404/x:1: not found'),
    'base-image-not-found',
    'The base image 127.0.0.1:5001/404/x:1 does not exist for this platform; check its name and tag in the Dockerfile'
  ],
  [
    'a base image that may not be pulled',
    base(
      '127.0.0.1:5001/401/x:1',
      '127.0.0.1:5001/401/x:1',
      'unexpected status from HEAD request to http://127.0.0.1:5001/v2/401/x/manifests/1: 401 X'
    ),
    'base-image-denied',
    'The base image 127.0.0.1:5001/401/x:1 does not exist or may not be pulled'
  ],
  [
    'a base registry that cannot be found',
    base('debian:12', 'docker.io/library/debian:12', hub('debian')),
    'base-registry-unreachable',
    `The base image debian:12 could not be fetched: ${hub('debian')}`
  ],
  [
    'a base registry that is busy',
    base(
      '127.0.0.1:5001/429/x:1',
      '127.0.0.1:5001/429/x:1',
      'unexpected status from HEAD request to http://127.0.0.1:5001/v2/429/x/manifests/1: 429 X'
    ),
    'base-registry-unreachable',
    'The base image 127.0.0.1:5001/429/x:1 could not be fetched: unexpected status from HEAD request to http://127.0.0.1:5001/v2/429/x/manifests/1: 429 X'
  ],
  [
    'a base registry in plain HTTP that the daemon knows nothing of',
    base(
      'docker-registry.default.svc:5000/base/busybox:1',
      'docker-registry.default.svc:5000/base/busybox:1',
      'failed to do request: Head "https://docker-registry.default.svc:5000/v2/base/busybox/manifests/1": http: server gave HTTP response to HTTPS client'
    ),
    'base-registry-unreachable',
    'The base image docker-registry.default.svc:5000/base/busybox:1 could not be fetched: its registry speaks plain HTTP: a daemon is told so in its buildkitd.toml, and in the build pod only the registry that is pushed to may'
  ],
  [
    'a frontend that cannot be fetched',
    failed(
      1,
      '# syntax=docker/dockerfile:1',
      'failed to solve: failed to resolve source metadata for docker.io/docker/dockerfile:1: failed to do request: Head "https://registry-1.docker.io/v2/docker/dockerfile/manifests/1": dial tcp: lookup registry-1.docker.io on 10.96.0.10:53: server misbehaving'
    ),
    'base-registry-unreachable',
    'The base image docker.io/docker/dockerfile:1 could not be fetched: failed to do request: Head "https://registry-1.docker.io/v2/docker/dockerfile/manifests/1": dial tcp: lookup registry-1.docker.io on 10.96.0.10:53: server misbehaving'
  ]
]

const ofTheDaemon: readonly (readonly [string, string, string, string])[] = [
  [
    'a daemon that does not listen',
    workers('transport: Error while dialing: dial tcp 127.0.0.1:9: connect: connection refused'),
    'builder-lost',
    'The BuildKit daemon could not be reached: transport: Error while dialing: dial tcp 127.0.0.1:9: connect: connection refused'
  ],
  [
    'a daemon that goes away while it builds',
    log(
      '#5 [2/2] RUN echo started; sleep 30',
      '#5 0.063 started',
      'error: failed to receive status: rpc error: code = Unavailable desc = closing transport due to: connection error: desc = "error reading from server: EOF", received prior goaway: code: NO_ERROR, debug data: "graceful_stop"'
    ),
    'builder-lost',
    'The connection to the BuildKit daemon was lost'
  ],
  [
    'a daemon that wants TLS, or is none',
    workers('error reading server preface: EOF'),
    'not-configured',
    'The BuildKit daemon does not speak the way we do: check ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_HOST, and whether it wants TLS (ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_TLS_SECRET)'
  ],
  [
    'a certificate of another authority',
    workers(
      'transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate signed by unknown authority'
    ),
    'not-configured',
    "The BuildKit daemon's certificate and ours do not fit: failed to verify certificate: x509: certificate signed by unknown authority; correct the Secret that ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_TLS_SECRET names"
  ],
  [
    'a client that was ended from outside',
    log('#5 [2/2] RUN echo error: not ours', '#5 0.063 error: not ours'),
    'builder-lost',
    'The builder ended without saying why'
  ]
]

describe('why a build failed', () => {
  it.each([...ofInstructions, ...ofBaseImages, ...ofTheDaemon])('tells %s', (_title, logTail, code, message) => {
    expect(buildkit.classifyBuildFailure(logTail)).toMatchObject({ code, message })
  })
})
