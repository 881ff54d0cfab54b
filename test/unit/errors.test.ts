/** Whatever is thrown becomes one StepError whose message says something. */
import { expect, test } from 'vitest'
import { apiError, serverMessage } from '../../src/effects/kubernetes/api/errors.ts'
import { ApiStatusError } from '../../src/effects/kubernetes/api/request.ts'
import { StepError, toStepError } from '../../src/errors.ts'

const circular: { message?: string; self?: object } = { message: 'exec failed' }
circular.self = circular
const silent: { self?: object } = {}
silent.self = silent
const hostile = {
  toJSON() {
    throw new Error('toJSON exploded')
  },
  toString() {
    throw new Error('toString exploded')
  }
}

test.each<[string, unknown, string]>([
  ['an Error', new Error('connection refused'), 'connection refused'],
  ['an object with a message', { message: 'only a message' }, 'only a message'],
  ['an object without one', { code: 'ENOENT', path: '/x' }, '{"code":"ENOENT","path":"/x"}'],
  ['a text', 'raw', 'raw'],
  ['a number', 42, '42'],
  ['null', null, 'null'],
  ['nothing', undefined, 'undefined'],
  ['an object that holds itself, with a message', circular, 'exec failed'],
  ['an object that holds itself, without one', silent, '[object Object]'],
  ['an object that cannot be shown', hostile, '[object Object]'],
  ['an object without a prototype', Object.create(null), '{}']
])('%s that is thrown is told in its own words', (_title, thrown, words) => {
  const error = toStepError(thrown)
  expect([error.code, error.message]).toEqual(['internal', `Slipway failed unexpectedly: ${words}`])
  expect(error.cause).toBe(thrown)
})

test('a StepError stays what it is', () => {
  const error = new StepError('run-lost', 'gone')
  expect(toStepError(error)).toBe(error)
})

test.each<[string, unknown, string]>([
  [
    'a Status',
    new ApiStatusError(403, '{"kind":"Status","message":"pods is forbidden"}', undefined),
    'pods is forbidden'
  ],
  ['a text', new ApiStatusError(502, 'bad gateway', undefined), 'bad gateway'],
  ['JSON without a message', new ApiStatusError(500, '{"a":1}', undefined), '{"a":1}'],
  ['nothing', new ApiStatusError(503, '', undefined), 'status 503'],
  ['no answer', new Error('socket hang up'), 'socket hang up'],
  ['no answer and no reason', 'raw', 'raw']
])('what the API server answers with %s is told in its own words', (_title, error, words) => {
  expect(serverMessage(error)).toBe(words)
  const call = { verb: 'get', resource: 'pods', name: 'p', namespace: 'n' } as const
  expect(apiError(error, call).detail).toBe(`get pods n/p: ${words}`)
})
