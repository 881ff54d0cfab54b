/** Goal: an image is called the same by everyone who has to find it (ADR 0034). */
import { describe, expect, it } from 'vitest'
import {
  parseReference,
  pullRepository,
  pushReference,
  repositoryOf,
  sharedRepository
} from '../../../../src/effects/registry/reference.ts'

const registry = { pushHost: 'docker-registry:5000', pullHost: 'localhost:30500', plainHttp: true }
const DIGEST = `sha256:${'0'.repeat(64)}`

describe('image references', () => {
  it('have one name to push and one to pull', () => {
    expect(pushReference(registry, 'f00d', 'c0ffee')).toBe('docker-registry:5000/f00d:c0ffee')
    expect(pullRepository(registry, 'f00d')).toBe('localhost:30500/f00d')
  })

  it('begin with the path of the registry, and are one repository where they stay', () => {
    const inPath = { ...registry, path: 'org/ci' }
    expect([repositoryOf(registry, 'f00d'), repositoryOf(inPath, 'f00d')]).toEqual(['f00d', 'org/ci/f00d'])
    expect([sharedRepository(registry), sharedRepository(inPath)]).toEqual(['slipway', 'org/ci'])
  })

  it.each([
    ['docker-registry:5000/f00d:c0ffee', { host: 'docker-registry:5000', repository: 'f00d', version: 'c0ffee' }],
    ['reg/a/b/c:v1.2', { host: 'reg', repository: 'a/b/c', version: 'v1.2' }],
    [`localhost:30500/f00d@${DIGEST}`, { host: 'localhost:30500', repository: 'f00d', version: DIGEST }]
  ])('are taken apart: %s', (reference, parts) => {
    expect(parseReference(reference)).toEqual(parts)
  })

  it.each(['f00d', 'reg:5000/f00d', 'reg:5000/f00d:', 'reg/a:b:c', ''])('must be complete: %s', (reference) => {
    expect(() => parseReference(reference)).toThrow(`'${reference}' is not a complete image reference`)
  })
})
