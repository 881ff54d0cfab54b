/** Goal: what goes wrong with a registry is told with what to change, and for each cause with its own. Method: words of Node. */
import { describe, expect, it } from 'vitest'
import { denied, notRemoved, unreachable } from '../../../../src/effects/registry/failures.ts'

const CA = 'ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_CA_SECRET'
const PLAIN = 'ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PLAIN_HTTP'
const coded = (code: string, message = 'broken') => Object.assign(new Error(message), { code })

describe('a registry that cannot be reached', () => {
  it.each<readonly [string, unknown, string | undefined]>([
    ['an authority that nobody knows', coded('SELF_SIGNED_CERT_IN_CHAIN'), CA],
    ['a certificate signed by itself', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), CA],
    ['a missing link', coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), CA],
    ['a missing issuer', coded('UNABLE_TO_GET_ISSUER_CERT_LOCALLY'), CA],
    ['plain HTTP', coded('ERR_SSL_WRONG_VERSION_NUMBER'), PLAIN],
    ['plain HTTP in words', new Error('ssl3_get_record:wrong version number'), PLAIN],
    ['nobody there', coded('ECONNREFUSED', 'connect ECONNREFUSED'), undefined],
    ['a status', 'status 500', undefined]
  ])('because of %s says so', (_title, thrown, setting) => {
    const error = unreachable('reg:5000', 'GET /v2/', thrown)
    expect(error).toMatchObject({ code: 'registry-unreachable', retryable: true })
    expect(error.message).toMatch(/^The image registry reg:5000 cannot be reached: \S/)
    for (const one of [CA, PLAIN]) expect(error.message.includes(one)).toBe(one === setting)
    expect(error.detail).toMatch(/^GET \/v2\/: \S/)
    expect(error.cause).toBe(typeof thrown === 'string' ? undefined : thrown)
  })

  it.each<readonly [unknown, string]>([
    [new Error('in words'), 'in words'],
    [coded('ETIMEDOUT', ''), 'ETIMEDOUT'],
    [new TypeError(''), 'TypeError'],
    [{ toString: () => 'something else' }, 'something else'],
    [null, 'null'],
    [undefined, 'undefined']
  ])('gives the reason of %o as %j', (thrown, reason) => {
    expect(unreachable('reg', 'GET', thrown).message).toBe(`The image registry reg cannot be reached: ${reason}`)
  })
})

describe('a registry that refuses', () => {
  it.each([
    [undefined, false, /asks for credentials: set \S+_REGISTRY_PUSH_SECRET/],
    [undefined, true, /asks for credentials: set \S+_REGISTRY_PUSH_SECRET/],
    ['Secret push-it', true, /knows the user of Secret push-it, but does not allow/],
    ['Secret push-it', false, /refuses the user name or the password of Secret push-it/]
  ])('with the account %s, known: %s', (account, isKnown, message) => {
    expect(denied('reg', 'status 401', account, isKnown)).toMatchObject({
      code: 'push-denied',
      message: expect.stringMatching(message),
      detail: 'status 401'
    })
  })
})

it.each([
  [405, /REGISTRY_STORAGE_DELETE_ENABLED=true.*_REGISTRY_RETENTION/],
  [404, /: the registry answered with status 404$/],
  [500, /: the registry answered with status 500$/]
])('an image that is not removed with status %i remains', (status, message) => {
  const error = notRemoved('reg/a:1', status)
  expect(error).toMatchObject({ code: 'cleanup-failed', remaining: ['image reg/a:1'] })
  expect(error.message).toMatch(/^The image reg\/a:1 could not be removed: /)
  expect(error.message).toMatch(message)
})
