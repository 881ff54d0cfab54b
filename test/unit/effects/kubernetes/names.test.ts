/** Names that ARC, other hooks and people look for: the runner pod's, cut so that the whole is a DNS label. */
import { describe, expect, test } from 'vitest'
import {
  buildPodName,
  isLeftOf,
  isOwnedBy,
  jobPodName,
  objectName,
  ownedMetadata
} from '../../../../src/effects/kubernetes/names.ts'

const LONGEST = 'abcd'.padEnd(63, 'a')

test.each([
  ['test', 'test-workflow'],
  [LONGEST, `${LONGEST.slice(0, 54)}-workflow`]
])('the job pod of %s is %s', (runnerPod, name) => expect(jobPodName(runnerPod)).toBe(name))

describe.each(['secret', 'step', 'build'] as const)('a %s', (kind) => {
  test.each(['test', LONGEST])('of %s carries as much of its name as fits', (runnerPod) => {
    const name = objectName(runnerPod, kind, '01234567')
    expect(name).toBe(`${runnerPod.slice(0, 63 - `-${kind}-01234567`.length)}-${kind}-01234567`)
    expect(name.length).toBeLessThanOrEqual(63)
  })
})

test('everything is found by the label runner-pod, whose value is not cut, and goes with the runner pod', () => {
  const owner = { metadata: { name: LONGEST, uid: 'uid-1' } }
  const { labels, ownerReferences } = ownedMetadata('x', owner)
  expect(labels?.['runner-pod']).toBe(LONGEST)
  expect(ownerReferences).toMatchObject([{ kind: 'Pod', name: LONGEST, uid: 'uid-1' }])
  expect(isOwnedBy({ metadata: ownedMetadata('x', owner) }, owner)).toBe(true)
  expect(isOwnedBy({ metadata: ownedMetadata('x', owner) }, { metadata: { ...owner.metadata, uid: 'uid-2' } })).toBe(
    false
  )
})

test('a runner pod without a name or a UID owns nothing', () => {
  for (const metadata of [{}, { name: '', uid: '' }, { name: 'a', uid: '' }, { name: '', uid: 'u' }, { name: 'a' }]) {
    const owner = { metadata }
    expect(isOwnedBy({ metadata: ownedMetadata('x', owner) }, owner)).toBe(false)
  }
})

const owner = (kind: string, name: string) => ({ apiVersion: 'v1', kind, name, uid: 'any' })

test.each([
  ['no owner', [], true],
  ['a runner pod of this name', [owner('Pod', 'a')], true],
  ['another pod', [owner('Pod', 'b')], false],
  ['something else of this name', [owner('ReplicaSet', 'a')], false],
  ['several', [owner('Job', 'b'), owner('Pod', 'a')], true]
])('what carries the label and has %s may be removed: %j', (_title, ownerReferences, expected) => {
  expect(isLeftOf({ ownerReferences }, 'a')).toBe(expected)
})

test('a build pod has a name of its own for every attempt, and as much as fits of the name of any runner pod', () => {
  const namesFor = (name: string) => [1, 2].map((attempt) => buildPodName({ metadata: { name } }, '0a1b2c3d', attempt))
  expect(namesFor('test')).toEqual(['test-build-0a1b2c3d-1', 'test-build-0a1b2c3d-2'])
  for (const name of namesFor(LONGEST)) expect(name).toMatch(/^abcda+-build-0a1b2c3d-[12]$/)
  for (const name of namesFor(LONGEST)) expect(name).toHaveLength(63)
})
