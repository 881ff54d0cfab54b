/** Goal: an image that may be in the registry is never taken for one that is not. Method: every error code, after one build and after two. */
import { describe, expect, it, test } from 'vitest'
import { ERROR_CODES, type ErrorCode } from '../../../src/errors.ts'
import { pushStateOf } from '../../../src/machines/push-state.ts'
import type { Resolution } from '../../../src/machines/types.ts'

const names = { nonce: 'n', creates: { building: [], pulling: [] } }
const plan = { contextDirectory: '/', dockerfile: 'Dockerfile', contentHash: '', pushReference: '', pullRepository: '' }
const TO_BUILD: Resolution = { kind: 'build', plan, ...names }
const built = (attempts: number) => ({ building: { attempts, startedAtMs: 0 } })
const failedWith = (code: ErrorCode) => ({ failure: { code, stage: 'building', message: '' } as const })

describe('nothing is in the registry', () => {
  test.each<readonly [string, Parameters<typeof pushStateOf>[0]]>([
    ['before anything is decided', { stages: {} }],
    ['of a prebuilt image', { stages: built(1), image: 'a', resolution: { kind: 'prebuilt', image: 'a', ...names } }],
    ['of this step, when it was built before', { stages: {}, resolution: { kind: 'cached', image: 'a', ...names } }],
    ['before a build has begun', { stages: {}, resolution: TO_BUILD }],
    ['before its first attempt', { stages: built(0), resolution: TO_BUILD }]
  ])('%s', (_title, context) => expect(pushStateOf(context)).toBe('none'))
})

it('an image that is known by its digest was pushed, whatever failed later', () => {
  expect(pushStateOf({ resolution: TO_BUILD, stages: built(2), image: 'a@sha256:b' })).toBe('done')
  expect(
    pushStateOf({ resolution: TO_BUILD, stages: built(1), image: 'a@sha256:b', ...failedWith('image-denied') })
  ).toBe('done')
})

it('a build without a failure may be pushing', () => {
  expect(pushStateOf({ resolution: TO_BUILD, stages: built(1) })).toBe('possible')
})

test.each(Object.keys(ERROR_CODES) as ErrorCode[])('after %s', (code) => {
  const isKnown = [
    ...['dockerfile-failed', 'base-image-not-found', 'base-image-denied', 'base-registry-unreachable'],
    ...['builder-out-of-memory', 'builder-image-unavailable', 'start-failed', 'push-denied']
  ].includes(code)
  const after = (attempts: number) =>
    pushStateOf({ resolution: TO_BUILD, stages: built(attempts), ...failedWith(code) })
  expect([after(1), after(2)]).toEqual([isKnown ? 'none' : 'possible', 'possible'])
})
