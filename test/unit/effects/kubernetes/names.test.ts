/** Names that ARC, other hooks and people look for: the runner pod's, and within a DNS label without being anybody else's. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  buildPodName,
  environmentName,
  isLeftOf,
  isObjectName,
  isOwnedBy,
  jobPodName,
  objectName,
  ownedMetadata,
  runnerPodLabel,
  stepPodName
} from '../../../../src/effects/kubernetes/names.ts'

const LONGEST = 'abcd'.padEnd(63, 'a')
const hashOf = (name: string) => createHash('sha256').update(name).digest('hex').slice(0, 10)
/** Two runners of a scale set of 45 characters; the API server cuts what it makes names from to 58. */
const ARC = ['4bq9z', '4bq9y'].map((end) => `${'a'.repeat(45)}-x7k2p-runner-`.slice(0, 58) + end)

test.each([
  ['test', 'test-workflow'],
  [LONGEST.slice(0, 54), `${LONGEST.slice(0, 54)}-workflow`],
  [LONGEST, `${LONGEST.slice(0, 43)}-${hashOf(LONGEST)}-workflow`],
  [
    `${'a'.repeat(42)}--${'b'.repeat(19)}`,
    `${'a'.repeat(42)}-${hashOf(`${'a'.repeat(42)}--${'b'.repeat(19)}`)}-workflow`
  ]
])('the job pod of %s is %s', (runnerPod, name) => expect(jobPodName(runnerPod)).toBe(name))

describe.each(['secret', 'step', 'build'] as const)('a %s', (kind) => {
  test.each(['test', LONGEST])('of %s carries as much of its name as fits', (runnerPod) => {
    const name = objectName(runnerPod, kind, '01234567')
    const tail = `-${kind}-01234567`
    expect(name).toBe(
      runnerPod === 'test' ? `test${tail}` : `${runnerPod.slice(0, 63 - tail.length - 11)}-${hashOf(runnerPod)}${tail}`
    )
  })
})

/** All names that are made for a runner pod, of its kinds of objects and for the label's value. */
const namesFor = (name: string): readonly string[] => {
  const pod = { metadata: { name, uid: 'u' } }
  return [
    jobPodName(name),
    stepPodName(pod, '0a1b2c3d'),
    environmentName(pod, '0a1b2c3d'),
    objectName(name, 'secret', '0a1b2c3d-1'),
    objectName(name, 'image', '0'.repeat(24)),
    ...[1, 2].map((attempt) => buildPodName(pod, '0a1b2c3d', attempt)),
    runnerPodLabel(name)
  ]
}

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const part = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$/)
/** Names of one scale set's runners differ at their ends only, and those are what is cut off. */
const runnerPods = fc
  .tuple(fc.array(part, { minLength: 1, maxLength: 6 }), fc.uniqueArray(part, { minLength: 2, maxLength: 5 }))
  .map(([stem, ends]) => [...new Set(ends.map((end) => [...stem, end].join('-').slice(-253).replace(/^-+/, '')))])

test('of any runner pods, no two share a name, and each is a DNS label that begins as the runner pod does', () => {
  fc.assert(
    fc.property(runnerPods, (pods) => {
      const names = pods.map(namesFor)
      for (const kind of namesFor('').keys()) {
        expect(new Set(names.map((all) => all[kind])).size).toBe(pods.length)
      }
      for (const [index, pod] of pods.entries()) {
        for (const name of names[index] ?? []) {
          expect(name).toMatch(DNS_LABEL)
          expect(name.length).toBeLessThanOrEqual(63)
          expect(name.startsWith(pod.slice(0, 10).replace(/-+$/, ''))).toBe(true)
        }
      }
    })
  )
})

test('a runner pod whose name has dots gets names that objects can have', () => {
  const dotted = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) =>
    parts
      .join('.')
      .slice(-253)
      .replace(/^[-.]+/, '')
  )
  fc.assert(
    fc.property(dotted, (pod) => {
      for (const name of namesFor(pod)) expect(isObjectName(name) && name.length <= 63).toBe(true)
    })
  )
})

test("two runners of one of ARC's scale sets have job pods of their own, however long its name is", () => {
  const [one = '', other = ''] = ARC
  expect([one.length, other.length]).toEqual([63, 63])
  expect(jobPodName(one)).not.toBe(jobPodName(other))
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
  ['its job pod', [owner('Pod', 'a-workflow')], true],
  ['another pod', [owner('Pod', 'b')], false],
  ['something else of this name', [owner('ReplicaSet', 'a')], false],
  ['several', [owner('Job', 'b'), owner('Pod', 'a')], true]
])('what carries the label and has %s may be removed: %j', (_title, ownerReferences, expected) => {
  expect(isLeftOf({ ownerReferences }, 'a')).toBe(expected)
})

test('a build pod has a name of its own for every attempt, and as much as fits of the name of any runner pod', () => {
  const attemptsFor = (name: string) =>
    [1, 2].map((attempt) => buildPodName({ metadata: { name } }, '0a1b2c3d', attempt))
  expect(attemptsFor('test')).toEqual(['test-build-0a1b2c3d-1', 'test-build-0a1b2c3d-2'])
  for (const name of attemptsFor(LONGEST)) expect(name).toMatch(/^abcda+-[0-9a-f]{10}-build-0a1b2c3d-[12]$/)
  for (const name of attemptsFor(LONGEST)) expect(name).toHaveLength(63)
})
