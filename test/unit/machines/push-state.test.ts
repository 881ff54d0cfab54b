/** What a step's context tells the janitor of its image: an image is never left because nothing seemed to be pushed. */
import { expect, test } from 'vitest'
import { ERROR_CODES, type ErrorCode } from '../../../src/errors.ts'
import type { StepContext } from '../../../src/machines/container-step.ts'
import { NOTHING_ENDED } from '../../../src/machines/ending.ts'
import { pushStateOf } from '../../../src/machines/push-state.ts'
import { BUDGETS } from '../../../src/machines/stages.ts'
import { PUSHED_IMAGE, REQUEST, RESOLUTIONS } from '../../support/container-step-model.ts'

const contextOf = (attempts: number, parts: Partial<StepContext> = {}): StepContext => ({
  ...NOTHING_ENDED,
  request: REQUEST,
  budgets: BUDGETS,
  now: () => 0,
  resolution: RESOLUTIONS.build,
  stages: attempts === 0 ? {} : { building: { attempts, startedAtMs: 0 } },
  ...parts
})
const failedWith = (code: ErrorCode): Partial<StepContext> => ({
  failure: { code, stage: 'building', message: '' }
})

test('nothing is there before a build, and without one', () => {
  expect(pushStateOf(contextOf(0))).toBe('none')
  expect(pushStateOf(contextOf(0, { resolution: RESOLUTIONS.cached, image: PUSHED_IMAGE }))).toBe('none')
})

test('an image may be there as soon as a build has begun, whatever ended it', () => {
  expect(pushStateOf(contextOf(1))).toBe('possible')
  expect(pushStateOf(contextOf(1, { cancelled: true }))).toBe('possible')
})

test('an image that was pushed is there', () => {
  expect(pushStateOf(contextOf(2, { image: PUSHED_IMAGE, ...failedWith('run-lost') }))).toBe('done')
})

test('only a build that has come to its own end, and a push that was refused, are known to have pushed nothing', () => {
  const codes = Object.keys(ERROR_CODES) as ErrorCode[]
  expect(codes.filter((code) => pushStateOf(contextOf(1, failedWith(code))) === 'none')).toEqual([
    'dockerfile-failed',
    'base-image-not-found',
    'base-image-denied',
    'base-registry-unreachable',
    'builder-image-unavailable',
    'builder-out-of-memory',
    'push-denied',
    'start-failed'
  ])
})

test('of an earlier build pod nobody knows how far it came', () => {
  expect(pushStateOf(contextOf(2, failedWith('dockerfile-failed')))).toBe('possible')
})
