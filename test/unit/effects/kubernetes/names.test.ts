/** Names that ARC, other hooks and people look for: the runner pod's, cut so that the whole is a DNS label. */
import { describe, expect, test } from 'vitest'
import {
  isBuildPod,
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

describe('a build pod', () => {
  const RUNNERS = ['test', LONGEST, 'ci-build-runner', 'x-build-01234567-1', `${'a'.repeat(50)}-build-`]

  test.each(RUNNERS)('of %s is one, and no other pod of it is', (runnerPod) => {
    for (const attempt of [1, 9, 10])
      expect(isBuildPod(objectName(runnerPod, 'build', `0a1b2c3d-${attempt}`))).toBe(true)
    expect(isBuildPod(objectName(runnerPod, 'step', '0a1b2c3d'))).toBe(false)
    expect(isBuildPod(objectName(runnerPod, 'secret', '0a1b2c3d'))).toBe(false)
    expect(isBuildPod(jobPodName(runnerPod))).toBe(false)
  })

  test.each([
    'x-build-',
    'x-build-1',
    'x-build-0a1b2c3d',
    'x-build-0a1b2c3d-',
    'x-build-0a1b2c3-1',
    'x-build-0a1b2c3d-0'
  ])('is not called %s', (name) => expect(isBuildPod(name)).toBe(false))

  test.each(['X', '0a1b2c3d4', 'g0000000'])('has no suffix like %s', (suffix) => {
    expect(isBuildPod(`x-build-${suffix}-1`)).toBe(false)
    expect(isBuildPod(`x-build-${'0a1b2c3d'}-1\n`)).toBe(false)
  })
})
