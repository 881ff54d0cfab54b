/** Goal: an answer of the API server is told as what it means, and is asked for again only where that can help. */
import { describe, expect, it } from 'vitest'
import {
  type ApiCall,
  apiError,
  isAlreadyThere,
  isNotFound,
  isTransient,
  serverMessage
} from '../../../../../src/effects/kubernetes/api/errors.ts'
import { ApiStatusError } from '../../../../../src/effects/kubernetes/api/request.ts'
import { StepError } from '../../../../../src/errors.ts'

const CALL: ApiCall = { verb: 'create', resource: 'pods', name: 'a', namespace: 'ci' }
const answer = (status: number, fields: object | string = {}) =>
  new ApiStatusError(status, typeof fields === 'string' ? fields : JSON.stringify(fields), undefined)

describe('an answer', () => {
  it.each<readonly [string, unknown, boolean, string]>([
    ['no answer at all', new Error('ECONNRESET'), true, 'cluster-unreachable'],
    ['400', answer(400), false, 'cluster-rejected'],
    ['401', answer(401), false, 'cluster-rejected'],
    ['403', answer(403, { message: 'pods is forbidden: User cannot create' }), false, 'cluster-forbidden'],
    ['404', answer(404), false, 'cluster-rejected'],
    ['409 of two writers', answer(409, { reason: 'Conflict' }), true, 'cluster-unreachable'],
    ['409 without a reason', answer(409, 'no JSON'), true, 'cluster-unreachable'],
    ['409 of the same name', answer(409, { reason: 'AlreadyExists' }), false, 'cluster-rejected'],
    ['422', answer(422), false, 'cluster-rejected'],
    ['429', answer(429), true, 'cluster-unreachable'],
    ['499', answer(499), false, 'cluster-rejected'],
    ['500', answer(500), true, 'cluster-unreachable'],
    ['503', answer(503), true, 'cluster-unreachable'],
    [
      '403 for one pod',
      answer(403, { message: 'pods "a" is forbidden: User "u" cannot get' }),
      false,
      'cluster-forbidden'
    ],
    ...[
      'pods "a" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=1, limited: pods=1',
      'pods "a" is forbidden: failed quota: compute: must specify limits.cpu for: push',
      'pods "a" is forbidden: minimum memory usage per Container is 64Mi, but request is 32Mi',
      'pods "a" is forbidden: violates PodSecurity "baseline:latest": privileged',
      'admission webhook "x" denied the request: no'
    ].map((message) => [`403: ${message}`, answer(403, { message }), false, 'cluster-rejected'] as const)
  ])('%s may be asked for again: %3$s, and is told as %s', (_title, error, again, code) => {
    expect(isTransient(error)).toBe(again)
    const told = apiError(error, CALL)
    expect(told).toMatchObject({ code, retryable: again, cause: error })
    expect(told.detail).toBe(`create pods ci/a: ${serverMessage(error)}`)
  })

  it('that is an error of ours already stays what it is', () => {
    const ours = new StepError('cancelled', 'cancelled')
    expect(apiError(ours, CALL)).toBe(ours)
  })

  it('is told with the right that is missing', () => {
    expect(apiError(answer(403), { ...CALL, verb: 'get', resource: 'pods/log' }).message).toBe(
      `the runner's service account may not get pods/log in namespace ci: grant it with a Role (apiGroups [""], resources [pods/log], verbs [get])`
    )
  })

  it('is told in the words of the server', () => {
    expect(apiError(answer(422, { message: 'spec is invalid' }), CALL).message).toBe(
      'the cluster refused to create pods: spec is invalid'
    )
    expect(apiError(answer(500, { message: 'etcd is away' }), CALL).message).toBe(
      'the Kubernetes API did not answer create pods: etcd is away'
    )
  })
})

it('only 404 means that there is none', () => {
  expect([answer(404), answer(403), answer(409), new Error('404')].map(isNotFound)).toEqual([true, false, false, false])
})

it('only 409 with its reason means that there is one', () => {
  const reason = 'AlreadyExists'
  expect(
    [answer(409, { reason }), answer(409), answer(409, 'x'), answer(400, { reason }), new Error(reason)].map(
      isAlreadyThere
    )
  ).toEqual([true, false, false, false, false])
})

it.each<readonly [unknown, string]>([
  [answer(400, { message: 'in words' }), 'in words'],
  [answer(400, { message: 5 }), '{"message":5}'],
  [answer(400, 'plain text'), 'plain text'],
  [answer(400, 'null'), 'null'],
  [answer(400, 'x'.repeat(600)), 'x'.repeat(500)],
  [answer(502, ''), 'status 502'],
  [new Error('broken'), 'broken'],
  [new TypeError(''), 'TypeError'],
  ['a text', 'a text']
])('the message of %o is %j', (error, message) => expect(serverMessage(error)).toBe(message))
