/** What the engines really print, and the code it stands for (recorded from docker 20.10, BuildKit and buildah 1.28). */
import { expect, test } from 'vitest'
import { buildFailure, isGone, pullFailure, pushFailure } from '../../../src/effects/local/failures.ts'

test.each([
  ['dockerfile-failed', "The command '/bin/sh -c false' returned a non-zero code: 1"],
  ['dockerfile-failed', 'Error: building at STEP "RUN false": exit status 1'],
  ['dockerfile-failed', 'dial tcp: connection refused\nError: building at STEP "RUN curl http://x": exit status 7'],
  [
    'dockerfile-failed',
    'ERROR: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1'
  ],
  [
    'dockerfile-failed',
    'ERROR: failed to compute cache key: failed to calculate checksum of ref: "/missing": not found'
  ],
  ['dockerfile-failed', 'COPY failed: file not found in build context or excluded by .dockerignore: stat missing'],
  ['dockerfile-failed', 'Error: dockerfile parse error line 2: unknown instruction: RAN'],
  ['base-image-not-found', 'manifest for busybox:nope not found: manifest unknown: manifest unknown'],
  [
    'base-image-not-found',
    'Error: creating build container: short-name "nope:1" did not resolve to an alias and no unqualified-search registries are defined'
  ],
  [
    'base-image-not-found',
    "pull access denied for nope, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"
  ],
  [
    'base-image-denied',
    'Error: creating build container: reading manifest 1 in private/x: unauthorized: authentication required'
  ],
  [
    'base-registry-unreachable',
    'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host'
  ],
  [
    'base-registry-unreachable',
    'Error: creating build container: pinging container registry localhost: Get "https://localhost/v2/": dial tcp 127.0.0.1:443: connect: connection refused'
  ]
])('building: %s for: %s', (code, output) => {
  expect(buildFailure('Dockerfile')(`STEP 1\n${output}\n`).code).toBe(code)
})

test.each([
  ['registry-unreachable', 'Get "http://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused'],
  ['push-denied', 'denied: requested access to the resource is denied'],
  ['push-failed', 'Error: writing blob: no space left on device'],
  ['push-failed', 'something new']
])('pushing: %s for: %s', (code, output) => {
  expect(pushFailure('host/x:1')(output).code).toBe(code)
})

test.each([
  ['image-not-found', 'Error response from daemon: manifest for 127.0.0.1:5000/x:1 not found: manifest unknown'],
  ['image-denied', 'Error: reading manifest: unauthorized: authentication required'],
  ['image-invalid', 'invalid reference format: repository name must be lowercase'],
  ['registry-unreachable', 'dial tcp 127.0.0.1:9: connect: connection refused'],
  ['image-pull-failed', 'something new']
])('pulling: %s for: %s', (code, output) => {
  expect(pullFailure('host/x:1')(output).code).toBe(code)
})

test('the message names its subject and ends with the last line, the detail has everything', () => {
  const failure = pullFailure('host/x:1')('Trying to pull\nError: something new\n')
  expect(failure.message).toBe('The image host/x:1 was not pulled (something new)')
  expect(failure.detail).toBe('Trying to pull\nError: something new\n')
})

test('what is gone already counts as removed', () => {
  expect(isGone('Error: No such container: slipway-1')).toBe(true)
  expect(isGone('Error response from daemon: No such image: host/x:1')).toBe(true)
  expect(isGone('conflict: unable to remove repository reference')).toBe(false)
})
