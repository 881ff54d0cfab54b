/** Goal: a name leads to the object of that name or nowhere. Method: random names, read as a server reads an address; and a look at who else makes addresses. */
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { apiPath } from '../../../../../src/effects/kubernetes/api/path.ts'
import { isObjectName } from '../../../../../src/effects/kubernetes/names.ts'
import { StepError } from '../../../../../src/errors.ts'

/** Names, and what is one only nearly. */
const names = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'ab0-./?#%2e\\ A_:@&=;,\n\0é'), maxLength: 12 }),
  fc.stringMatching(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/),
  fc.string({ unit: 'binary' })
)

const pathOrRefusal = (place: Parameters<typeof apiPath>[0]): string | undefined => {
  try {
    return apiPath(place)
  } catch (error) {
    expect(error).toBeInstanceOf(StepError)
    expect(error).toMatchObject({ code: 'invalid-input' })
    expect((error as StepError).message).not.toMatch(/[\n\0]/)
    return undefined
  }
}

test('an address has exactly the parts that were asked for, whatever the name', () => {
  fc.assert(
    fc.property(names, names, fc.constantFrom('exec', 'log', undefined), (namespace, name, part) => {
      const path = pathOrRefusal({ namespace, resource: 'pods', name, ...(part && { part }) })
      expect(path === undefined).toBe(!(isObjectName(namespace) && isObjectName(name)))
      if (path === undefined) return
      const url = new URL(`https://server${path}?a=b`)
      expect(url.pathname.split('/').slice(1)).toEqual([
        'api',
        'v1',
        'namespaces',
        namespace,
        'pods',
        name,
        ...(part ? [part] : [])
      ])
      expect(decodeURIComponent(url.pathname)).toBe(path)
      expect([url.search, url.hash]).toEqual(['?a=b', ''])
    }),
    { numRuns: 2_000 }
  )
})

test.each([
  [{ namespace: 'ci' }, '/api/v1/namespaces/ci'],
  [{ namespace: 'ci', resource: 'secrets' }, '/api/v1/namespaces/ci/secrets'],
  [{ namespace: 'ci', resource: 'pods', name: 'a.b-c' }, '/api/v1/namespaces/ci/pods/a.b-c'],
  [{ namespace: 'ci', resource: 'pods', name: 'p', part: 'exec' }, '/api/v1/namespaces/ci/pods/p/exec']
] as const)('%j is at %s', (place, path) => expect(apiPath(place)).toBe(path))

describe('a name', () => {
  test.each(['a', 'a-b', 'a.b', '0', 'a'.repeat(253)])('is %j', (name) => expect(isObjectName(name)).toBe(true))
  test.each([
    '',
    '.',
    '..',
    'a/b',
    'a/../b',
    'a?b',
    '%2e%2e',
    'a.',
    '.a',
    'a..b',
    '-a',
    'a-',
    'A',
    'a'.repeat(254),
    'a\n'
  ])('is not %j', (name) => expect(isObjectName(name)).toBe(false))
  test('is known for one in no time, however long it is', () => {
    const startedAt = performance.now()
    for (const name of ['a-'.repeat(1e6), 'a.'.repeat(126), `${'a'.repeat(252)}!`]) isObjectName(name)
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })
})

test('nothing else of the effects makes an address of an object', () => {
  const folder = new URL('../../../../../src/effects/', import.meta.url)
  const makers = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && /\/namespaces|\/api\/v1/.test(readFileSync(new URL(name, folder), 'utf8'))
  )
  expect(makers).toEqual(['kubernetes/api/path.ts'])
})
