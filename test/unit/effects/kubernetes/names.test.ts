/** Names that ARC, other hooks and people look for: the runner pod's, cut so that the whole is a DNS label. */
import { describe, expect, test } from 'vitest'
import { jobPodName, objectName, ownedMetadata } from '../../../../src/effects/kubernetes/names.ts'

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
})
