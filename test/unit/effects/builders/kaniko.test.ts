/** Goal: Kaniko is told what it needs, and its failures reach the author in one true line. Method: logs it really wrote. */
import { describe, expect, it } from 'vitest'
import { defaultBuilder } from '../../../../src/effects/builders/catalog.ts'
import { keepTelling, LAST_WORDS_BYTES_MAX } from '../../../../src/effects/capture.ts'
import { KANIKO_FLAGS } from '../../../support/kaniko-flags.ts'

const info = (text: string) => `\u001b[36mINFO\u001b[0m[0003] ${text.padEnd(44)}`
const log = (...lines: string[]) => `${lines.join('\n')}\n`

/** What `executor push` prints after its error (shortened in the middle). */
const USAGE = `Usage:
  executor push <path> [flags]

Flags:
      --push-ignore-immutable-tag-errors          If true, known tag immutability errors are ignored
      --skip-push-permission-check                Skip check of the push permission

`

const fetching = (image: string) =>
  [
    info(`Retrieving image manifest ${image}`),
    info(`Retrieving image ${image} from registry reg:5000`),
    info('credential providers by priority: [env, google, ecr, acr, gitlab]')
  ].join('\n')

const running = (command: string) =>
  [
    info('COPY tool /bin/tool'),
    info('Taking snapshot of files...'),
    info(`RUN ${command}`),
    info('Initializing snapshotter ...'),
    info('Cmd: /bin/sh'),
    info(`Args: [-c ${command}]`),
    info(`Running: [/bin/sh -c ${command}]`)
  ].join('\n')

describe('the containers of Kaniko', () => {
  const SPEC = {
    contextPath: '/slipway/context',
    dockerfile: 'my.Dockerfile',
    layoutPath: '/slipway/layout',
    digestPath: '/dev/termination-log',
    pushReference: 'reg:5000/abc:123',
    architecture: 'amd64',
    pushTriesMax: 7,
    plainHttpHosts: ['reg:5000']
  }
  const { build, push } = defaultBuilder.containers(SPEC)

  it('builds into a layout without a destination', () => {
    expect(build.args).toEqual([
      '--context=dir:///slipway/context',
      '--dockerfile=/slipway/context/my.Dockerfile',
      '--no-push',
      '--oci-layout-path=/slipway/layout',
      '--digest-file=/dev/termination-log',
      '--ignore-var-run=false',
      '--insecure-registry=reg:5000'
    ])
    expect(build.env).toEqual({
      FF_KANIKO_CHOWN_ON_IMPLICIT_DIRS: 'true',
      FF_KANIKO_COPY_AS_ROOT: 'true',
      FF_KANIKO_COPY_CHMOD_ON_IMPLICIT_DIRS: 'true',
      FF_KANIKO_EXPAND_HEREDOC: 'true',
      FF_KANIKO_RUN_HONOR_GROUP: 'true',
      FF_KANIKO_UNTAR_SKIP_ROOT: 'true'
    })
  })

  it('sets no flag that the pinned version does not know', () => {
    expect(defaultBuilder.version).toBe(KANIKO_FLAGS.version)
    expect(defaultBuilder.defaultImage).toContain(KANIKO_FLAGS.version)
    for (const flag of Object.keys({ ...build.env, ...push.env })) expect(KANIKO_FLAGS.names).toContain(flag)
  })

  it('looks into mirrors for what FROM names, and not for what it pushes', () => {
    const mirrors = [
      { registry: 'docker.io', mirror: 'mirror.example/hub' },
      { registry: 'ghcr.io', mirror: '[fd00::5]:5000' }
    ]
    const mirrored = defaultBuilder.containers({ ...SPEC, mirrors })
    expect(mirrored.build.args.filter((argument) => !build.args.includes(argument))).toEqual([
      '--registry-map=index.docker.io=mirror.example/hub;ghcr.io=[fd00::5]:5000'
    ])
    expect(mirrored.push).toEqual(push)
  })

  it('pushes that layout, and tries again as often as it is told', () => {
    expect(push.args).toEqual([
      'push',
      '/slipway/layout',
      '--destination=reg:5000/abc:123',
      '--skip-push-permission-check',
      '--push-retry=6',
      '--insecure-registry=reg:5000'
    ])
  })

  it('is told with which certificates to trust the registry', () => {
    const secured = defaultBuilder.containers({
      contextPath: '/slipway/context',
      dockerfile: 'Dockerfile',
      layoutPath: '/slipway/layout',
      digestPath: '/dev/termination-log',
      pushReference: 'registry.example.com:5000/ci/abc:123',
      architecture: 'amd64',
      pushTriesMax: 1,
      plainHttpHosts: [],
      registryAuthorityPath: '/slipway/ca.crt'
    })
    for (const { args } of [secured.build, secured.push]) {
      expect(args.at(-1)).toBe('--registry-certificate=registry.example.com:5000=/slipway/ca.crt')
    }
  })

  it('is pinned to one version of the maintained fork', () => {
    expect(defaultBuilder.defaultImage).toBe(`ghcr.io/osscontainertools/kaniko:${defaultBuilder.version}`)
    expect(defaultBuilder.version).toMatch(/^v\d+\.\d+\.\d+$/)
  })
})

const BUILD_FAILURES: readonly (readonly [title: string, logTail: string, code: string, message: string])[] = [
  [
    'a failing RUN',
    log(
      running('make && exit 5'),
      'hello',
      'error building image: error building stage: failed to execute command: waiting for process to exit: exit status 5'
    ),
    'dockerfile-failed',
    "'RUN make && exit 5' failed with exit code 5; its output is in the build log"
  ],
  [
    'a failing RUN whose last line of output is not ended',
    log(
      running('printf x; exit 4'),
      'xerror building image: error building stage: failed to execute command: waiting for process to exit: exit status 4'
    ),
    'dockerfile-failed',
    "'RUN printf x; exit 4' failed with exit code 4; its output is in the build log"
  ],
  [
    "a RUN that fails with Kaniko's words and a network error in its own output",
    log(
      running('curl http://x'),
      'error building image: fake',
      'dial tcp 10.0.0.1:80: connection refused',
      'error building image: error building stage: failed to execute command: waiting for process to exit: exit status 7'
    ),
    'dockerfile-failed',
    "'RUN curl http://x' failed with exit code 7; its output is in the build log"
  ],
  [
    // The program's stdout and Kaniko's stderr reach the log on two ways.
    'a failing RUN whose output comes after Kaniko’s word',
    log(
      running('fill; exit 3'),
      'error building image: error building stage: failed to execute command: waiting for process to exit: exit status 3',
      'cp: no space left on device',
      'sh: waiting for process to exit: signal: killed'
    ),
    'dockerfile-failed',
    "'RUN fill; exit 3' failed with exit code 3; its output is in the build log"
  ],
  [
    'a RUN killed by the kernel',
    log(
      running('eat-memory'),
      'error building image: error building stage: failed to execute command: waiting for process to exit: signal: killed'
    ),
    'builder-out-of-memory',
    "'RUN eat-memory' was killed, most likely because the build ran out of memory"
  ],
  [
    'a program that is not there',
    log(
      running('true'),
      'error building image: error building stage: failed to execute command: starting command: fork/exec /nope: no such file or directory'
    ),
    'dockerfile-failed',
    "'RUN true' failed: starting command: fork/exec /nope: no such file or directory"
  ],
  [
    'a file that is not in the context',
    log(
      info("Building stage 'scratch' [idx: '0', base-idx: '-1']"),
      info('Unpacking rootfs as cmd COPY missing.txt / requires it.'),
      'error building image: error building stage: failed to get files used from context: failed to get fileinfo for /workspace/ctx/missing.txt: lstat /workspace/ctx/missing.txt: no such file or directory'
    ),
    'dockerfile-failed',
    "COPY or ADD: missing.txt is not in the build context (the Dockerfile's directory without what .dockerignore leaves out)"
  ],
  [
    'an unknown owner',
    log(
      info('COPY --chown=foo a /a'),
      'error building image: error building stage: failed to execute command: getting user group from chown: getting user group from chown: user foo is not a uid and does not exist on the system'
    ),
    'dockerfile-failed',
    "'COPY --chown=foo a /a' failed: getting user group from chown: getting user group from chown: user foo is not a uid and does not exist on the system"
  ],
  [
    'an unreachable ADD, which is the Dockerfile’s own',
    log(
      info('ADD http://127.0.0.1:1/x /x'),
      'error building image: error building stage: failed to execute command: downloading remote source file: Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused'
    ),
    'dockerfile-failed',
    '\'ADD http://127.0.0.1:1/x /x\' failed: downloading remote source file: Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused'
  ],
  [
    'an unknown instruction',
    log(
      'error building image: parsing dockerfile: dockerfile parse error on line 2: unknown instruction: FOO (did you mean FROM?)'
    ),
    'dockerfile-failed',
    'The Dockerfile cannot be read, line 2: unknown instruction: FOO (did you mean FROM?)'
  ],
  [
    'an empty Dockerfile',
    log('error building image: parsing dockerfile: file with no instructions'),
    'dockerfile-failed',
    'The Dockerfile cannot be built: parsing dockerfile: file with no instructions'
  ],
  [
    'a stage that does not exist',
    log('error building image: stage 0: COPY --from=5 refers to a stage that does not exist'),
    'dockerfile-failed',
    'The Dockerfile cannot be built: stage 0: COPY --from=5 refers to a stage that does not exist'
  ],
  [
    'a base image that is no reference',
    log(info('Retrieving image manifest Foo:Bar@x'), 'error building image: could not parse reference: Foo:Bar@x'),
    'dockerfile-failed',
    'The Dockerfile cannot be built: could not parse reference: Foo:Bar@x'
  ],
  [
    'a base image that does not exist',
    log(
      fetching('reg:5000/base/none:1'),
      'error building image: unable to complete operation after 0 attempts, last error: GET http://reg:5000/v2/base/none/manifests/1: MANIFEST_UNKNOWN: manifest unknown; map[Tag:1]'
    ),
    'base-image-not-found',
    'The base image reg:5000/base/none:1 does not exist for this platform; check its name and tag in the Dockerfile'
  ],
  [
    'a base image behind a login',
    log(
      fetching('reg:5000/base/none:1'),
      'error building image: unable to complete operation after 0 attempts, last error: GET http://reg:5000/v2/base/none/manifests/1: UNAUTHORIZED: authentication required; [map[Action:pull Class: Name:base/none Type:repository]]'
    ),
    'base-image-denied',
    'The base image reg:5000/base/none:1 does not exist or may not be pulled'
  ],
  [
    'a registry that refuses connections',
    log(
      fetching('127.0.0.1:1/foo:1'),
      'error building image: unable to complete operation after 0 attempts, last error: Get "https://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused; Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'
    ),
    'base-registry-unreachable',
    'The base image 127.0.0.1:1/foo:1 could not be fetched: Get "https://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused; Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'
  ],
  [
    'a registry that has no name',
    log(
      fetching('ubuntu:24.04'),
      'error building image: unable to complete operation after 0 attempts, last error: Get "https://index.docker.io/v2/": dial tcp: lookup index.docker.io on 10.96.0.10:53: no such host'
    ),
    'base-registry-unreachable',
    'The base image ubuntu:24.04 could not be fetched: Get "https://index.docker.io/v2/": dial tcp: lookup index.docker.io on 10.96.0.10:53: no such host'
  ],
  [
    'a registry that is down',
    log(
      fetching('reg:5000/a:1'),
      'error building image: unable to complete operation after 0 attempts, last error: Get "https://reg:5000/v2/": tls: first record does not look like a TLS handshake; GET http://reg:5000/v2/: unexpected status code 503 Service Unavailable: down'
    ),
    'base-registry-unreachable',
    'The base image reg:5000/a:1 could not be fetched: Get "https://reg:5000/v2/": tls: first record does not look like a TLS handshake; GET http://reg:5000/v2/: unexpected status code 503 Service Unavailable: down'
  ],
  [
    'a registry that goes while the layout is written',
    log(
      fetching('reg:5000/a:1'),
      'error pushing image: appending image: Get "http://reg:5000/v2/a/blobs/sha256:0": dial tcp 10.96.0.1:5000: connect: connection refused'
    ),
    'base-registry-unreachable',
    'The base image reg:5000/a:1 could not be fetched: appending image: Get "http://reg:5000/v2/a/blobs/sha256:0": dial tcp 10.96.0.1:5000: connect: connection refused'
  ],
  [
    'a full disk',
    log(
      running('true'),
      'error building image: error building stage: failed to take snapshot: write /kaniko/1: no space left on device'
    ),
    'builder-lost',
    'The builder ran out of disk space'
  ],
  [
    'a Dockerfile that is not there',
    log(
      'Error: error resolving dockerfile path: please provide a valid path to a Dockerfile within the build context with --dockerfile',
      USAGE
    ),
    'dockerfile-failed',
    'The image cannot be built: error resolving dockerfile path: please provide a valid path to a Dockerfile within the build context with --dockerfile'
  ],
  [
    'a log that ends in the middle',
    log(running('helm upgrade'), 'Error: timed out'),
    'builder-lost',
    'The builder ended without saying why'
  ]
]

const PUSH_FAILURES: readonly (readonly [title: string, error: string, code: string, message: string])[] = [
  [
    'a registry that asks for a login',
    'pushing image: failed to push to destination reg:5000/abc:1: HEAD http://reg:5000/v2/abc/manifests/1: unexpected status code 401 Unauthorized (HEAD responses have no body, use GET for details)',
    'push-denied',
    'The registry refused the push: failed to push to destination reg:5000/abc:1: HEAD http://reg:5000/v2/abc/manifests/1: unexpected status code 401 Unauthorized (HEAD responses have no body, use GET for details)'
  ],
  [
    'a registry that refuses connections',
    'pushing image: failed to push to destination 127.0.0.1:1/abc:1: Get "https://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    'registry-unreachable',
    'The registry could not be reached: failed to push to destination 127.0.0.1:1/abc:1: Get "https://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'
  ],
  [
    'a registry that is down',
    'pushing image: failed to push to destination reg:5000/abc:1: GET http://reg:5000/v2/: unexpected status code 503 Service Unavailable: down',
    'registry-unreachable',
    'The registry could not be reached: failed to push to destination reg:5000/abc:1: GET http://reg:5000/v2/: unexpected status code 503 Service Unavailable: down'
  ],
  [
    'anything else',
    'pushing image: failed to push to destination reg:5000/abc:1: BLOB_UPLOAD_INVALID: blob upload invalid',
    'push-failed',
    'The push failed: failed to push to destination reg:5000/abc:1: BLOB_UPLOAD_INVALID: blob upload invalid'
  ]
]

describe('why a build failed', () => {
  it('tells what Kaniko ends with at once, as what no second try changes', () => {
    const lines = log(info('ADD x.tar.xz /x'), '\u001b[31mFATA\u001b[0m[0002] unsupported compression algorithm: 3')
    expect(defaultBuilder.classifyBuildFailure(lines)).toMatchObject({
      code: 'dockerfile-failed',
      message: "'ADD x.tar.xz /x' adds an archive that Kaniko cannot unpack: pack it with gzip, or unpack it in a RUN"
    })
    expect(
      defaultBuilder.classifyBuildFailure(
        log('\u001b[31mFATA\u001b[0m[0001] Timed out snapshotting FS in 1h', 'output of before')
      )
    ).toMatchObject({
      code: 'dockerfile-failed',
      message: 'The image cannot be built: Timed out snapshotting FS in 1h'
    })
  })

  it('takes no word of a program in RUN for that', () => {
    expect(defaultBuilder.classifyBuildFailure(log('FATA[0001] not me'))).toMatchObject({
      code: 'builder-lost'
    })
  })

  it('tells what to do where all of a stage is copied', () => {
    const lines = log(
      info('COPY --from=a / /'),
      'error building image: error building stage: failed to execute command: copying dir: copying file: read /proc/1/attr/current: invalid argument'
    )
    expect(defaultBuilder.classifyBuildFailure(lines).message).toMatch(/copies all of a stage, \/proc included/)
  })

  it.each(BUILD_FAILURES)('tells %s', (_title, logTail, code, message) => {
    const error = defaultBuilder.classifyBuildFailure(logTail)
    expect(error).toMatchObject({ code, message })
  })

  it('does not show a program’s output a second time', () => {
    const { detail } = defaultBuilder.classifyBuildFailure(
      log(
        running('echo reason; exit 3'),
        'error building image: error building stage: failed to execute command: waiting for process to exit: exit status 3',
        'reason'
      )
    )
    expect(detail).toBe('failed to execute command: waiting for process to exit: exit status 3')
  })

  it('keeps the message to one line that can be read', () => {
    const lines = Array.from({ length: 50 }, (_value, index) => `line ${index} of what went wrong`).join('\n')
    const { message, detail } = defaultBuilder.classifyBuildFailure(`error building image: stage 0: ${lines}`)
    expect(message).not.toContain('\n')
    expect(message.length).toBeLessThanOrEqual(300)
    expect(detail).toContain('line 49 of what went wrong')
  })
})

describe('why a push failed', () => {
  it.each(PUSH_FAILURES)('tells %s', (_title, text, code, message) => {
    const logTail = log(info('Pushing image to reg:5000/abc:1'), `Error: ${text}`, USAGE)
    expect(defaultBuilder.classifyPushFailure(logTail)).toMatchObject({ code, message })
  })

  it('says so when the log does not tell', () => {
    expect(defaultBuilder.classifyPushFailure('')).toMatchObject({ code: 'push-failed' })
  })

  it('tells of every try that is followed by another one, in order', () => {
    const warn = (text: string) => `\u001b[33mWARN\u001b[0m[0001] ${text}`
    const failures = defaultBuilder.failedPushes(
      log(
        info('Pushing image to reg:5000/abc:1'),
        warn(
          'Retrying operation after 1s due to Get "http://reg:5000/v2/": dial tcp 10.96.0.9:5000: connect: connection refused'
        ),
        warn('Retrying operation after 2s due to unexpected status code 503 Service Unavailable: <html>'),
        '<body>Retrying operation after 3s due to this page</body>',
        warn('Retrying operation after 1m4s due to BLOB_UPLOAD_INVALID: blob upload invalid'),
        info('Pushed reg:5000/abc@sha256:1')
      )
    )
    expect(failures.map(({ failure, pauseMs }) => [failure.code, pauseMs])).toEqual([
      ['registry-unreachable', 1_000],
      ['registry-unreachable', 2_000],
      ['push-failed', 64_000]
    ])
    expect(failures[0]?.failure.message).toBe(
      'The registry could not be reached: Get "http://reg:5000/v2/": dial tcp 10.96.0.9:5000: connect: connection refused'
    )
  })
})

describe('a RUN that fails after a burst of output', () => {
  const burst = Array.from({ length: 20_000 }, (_, at) => `line-${at + 1}`)
  const word =
    'error building image: error building stage: failed to execute command: waiting for process to exit: exit status 7'

  // Two pipes lead to one log: of a busy node any of these can come.
  it.each([
    ['behind', [...burst, word]],
    ['in the middle of', [...burst.slice(0, 2_000), word, ...burst.slice(2_000)]],
    ['before', [word, ...burst]]
  ])("is told with its instruction, and not built again, when Kaniko's word comes %s the burst", (_, lines) => {
    const tail = keepTelling(defaultBuilder.telling, LAST_WORDS_BYTES_MAX)
    tail.add(Buffer.from(log(running('make'), ...lines)))
    expect(defaultBuilder.classifyBuildFailure(tail.text())).toMatchObject({
      code: 'dockerfile-failed',
      message: "'RUN make' failed with exit code 7; its output is in the build log"
    })
  })
})
