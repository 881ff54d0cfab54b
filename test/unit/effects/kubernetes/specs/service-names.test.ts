/** Services get the names of their images (hook-protocol section 5), valid and unique whatever the images are called. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OWN_CONTAINERS } from '../../../../../src/effects/kubernetes/specs/job-pod.ts'
import { isHostName, nameOfImage, serviceNames } from '../../../../../src/effects/kubernetes/specs/service-names.ts'

describe('the name of an image', () => {
  it.each([
    ['postgres', 'postgres'],
    ['postgres:latest', 'postgres'],
    ['public.ecr.aws/localstack/localstack', 'localstack'],
    ['public.ecr.aws/url/with/multiple/slashes/postgres:latest', 'postgres'],
    ['localhost:5000/team/redis', 'redis'],
    [`redis@sha256:${'0'.repeat(64)}`, 'redis'],
    [`redis:7@sha256:${'0'.repeat(64)}`, 'redis'],
    ['team/My_Image.v2:1', 'my-image-v2'],
    [`x/${'a'.repeat(80)}`, 'a'.repeat(59)]
  ])('%s is %s', (image, name) => expect(nameOfImage(image)).toBe(name))

  it.each(['', ':latest', 'localstack/localstack/:latest', '@sha256:0'])('%j has none', (image) => {
    expect(() => nameOfImage(image)).toThrow(expect.objectContaining({ code: 'invalid-input' }))
  })
})

describe('the names of services', () => {
  it.each([
    [
      ['redis', 'postgres'],
      ['redis', 'postgres']
    ],
    [
      ['redis', 'redis:6'],
      ['redis-0', 'redis-1']
    ],
    [
      ['redis', 'postgres', 'redis'],
      ['redis-0', 'postgres', 'redis-1']
    ],
    [['team/job'], ['job-0']],
    [
      ['redis-0', 'redis', 'redis'],
      ['redis-0', 'redis-1', 'redis-2']
    ]
  ])('%j are %j', (images, names) => expect(serviceNames(images, OWN_CONTAINERS)).toEqual(names))

  it('are DNS labels, unique, and none of our own, for any images', () => {
    const part = fc.stringMatching(/^[a-z0-9]([a-z0-9._-]{0,70}[a-z0-9])?$/)
    const image = fc.oneof(part, fc.constantFrom('redis', 'redis-0', 'redis-1', 'job', 'files', 'x/deliver:1'))
    fc.assert(
      fc.property(fc.array(image, { maxLength: 12 }), (images) => {
        const names = serviceNames(images, OWN_CONTAINERS)
        expect(new Set([...names, ...OWN_CONTAINERS]).size).toBe(images.length + OWN_CONTAINERS.length)
        expect(names.filter((name) => !isHostName(name) || name.includes('.'))).toEqual([])
      })
    )
  })
})
