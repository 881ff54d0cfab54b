/** Goal: what befalls a build pod is told as what can be done about it: build again, correct a setting, or the Dockerfile. */
import { expect, test } from 'vitest'
import { kaniko } from '../../../../../src/effects/builders/kaniko.ts'
import {
  buildFailure,
  buildHasStarted,
  pushOutcome,
  throwBuildError
} from '../../../../../src/effects/kubernetes/container-step/build-outcome.ts'
import type { Blocked, Ended, Verdict } from '../../../../../src/effects/kubernetes/pods/status.ts'
import { type ErrorCode, StepError } from '../../../../../src/errors.ts'

const failure = (code: ErrorCode) => new StepError(code, `it is ${code}`, { detail: `first line of ${code}\nsecond` })
const blocked = (by: string, code: ErrorCode): Blocked => ({
  is: 'blocked',
  by,
  failure: failure(code),
  hasRun: false,
  graceMs: 0
})
const ended = (exitCode: number, code?: ErrorCode): Ended => ({
  is: 'ended',
  terminated: { exitCode },
  failure: code && failure(code)
})
const lost: Verdict = { is: 'lost', failure: failure('evicted') }

/** What a function says, or the code and the message it throws. */
function said(ask: () => unknown): unknown {
  try {
    return ask()
  } catch (error) {
    return error instanceof StepError ? [error.code, error.message] : error
  }
}

test.each<[string, Verdict, unknown]>([
  ['starts', { is: 'starting' }, undefined],
  ['runs', { is: 'running' }, true],
  ['has ended', ended(1), true],
  ['is lost', lost, ['builder-lost', 'the build pod was lost: it is evicted']],
  [
    'has an image that nobody may pull',
    blocked('build', 'image-denied'),
    [
      'builder-image-unavailable',
      'cannot pull image i: set ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER_IMAGE to one the nodes can pull (first line of image-denied)'
    ]
  ],
  [
    'has an image that no registry gave in time',
    blocked('build', 'image-pull-failed'),
    ['builder-lost', 'it is image-pull-failed']
  ],
  ['cannot be created', blocked('build', 'start-failed'), ['start-failed', 'it is start-failed']],
  [
    'waits for a container of the template that has no image',
    blocked('warm', 'image-denied'),
    ['image-denied', 'it is image-denied']
  ],
  [
    'waits for a container of the template that is not pulled in time',
    blocked('warm', 'image-pull-failed'),
    ['builder-lost', 'it is image-pull-failed']
  ]
])('a build that %s', (_title, verdict, outcome) => {
  expect(said(() => buildHasStarted(verdict, 'i'))).toEqual(outcome)
})

test.each<[string, Ended, ErrorCode]>([
  ['for want of memory', ended(137, 'out-of-memory'), 'builder-out-of-memory'],
  ['with its pod', ended(137, 'evicted'), 'builder-lost'],
  ['because its program is not there', ended(128, 'start-failed'), 'start-failed'],
  ['by its own doing, as its log says', ended(1), 'dockerfile-failed']
])('a build that ended %s', (_title, verdict, code) => {
  const log = 'error building image: error building stage: waiting for process to exit: exit status 1'
  expect(buildFailure(verdict, log, kaniko).code).toBe(code)
})

test.each<[string, Verdict, unknown]>([
  ['has not started', { is: 'starting' }, undefined],
  ['runs', { is: 'running' }, undefined],
  ['ended well', ended(0), 'ended well'],
  ['ended well before its pod was lost', ended(0, 'evicted'), 'ended well'],
  ['gave up', ended(1), 'ended'],
  ['ran out of memory', ended(137, 'out-of-memory'), 'ended'],
  [
    'ended with its pod',
    ended(137, 'evicted'),
    ['layout-lost', 'the build pod was lost before its image was pushed: it is evicted']
  ],
  ['has no program', ended(128, 'start-failed'), ['start-failed', 'it is start-failed']],
  ['is lost', lost, ['layout-lost', 'the build pod was lost before its image was pushed: it is evicted']],
  [
    'has an image that nobody may pull',
    blocked('push', 'image-denied'),
    [
      'builder-image-unavailable',
      'cannot pull image i: set ACTIONS_RUNNER_CONTAINER_HOOKS_PUSHER_IMAGE to one the nodes can pull (first line of image-denied)'
    ]
  ],
  // The stage has a budget, and the build would be lost with the pod.
  ['has an image that no registry gave yet', blocked('push', 'image-pull-failed'), undefined],
  ['waits for a build that failed after all', blocked('build', 'start-failed'), ['start-failed', 'it is start-failed']]
])('a push that %s', (_title, verdict, outcome) => {
  expect(said(() => pushOutcome(verdict, 'i'))).toEqual(outcome)
})

test('only what befell the pod is a builder that was lost', () => {
  expect(said(() => throwBuildError(failure('run-lost')))).toEqual([
    'builder-lost',
    'the build pod was lost: it is run-lost'
  ])
  expect(said(() => throwBuildError(failure('cluster-forbidden')))).toEqual([
    'cluster-forbidden',
    'it is cluster-forbidden'
  ])
  const other = new Error('what is thrown is passed on')
  expect(said(() => throwBuildError(other))).toBe(other)
})
