/** The bundle's own few lines for addresses say what the package says that they stand in for. */
import { createRequire } from 'node:module'
import { isIPv6 } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'

interface Addresses {
  readonly Address4: new (address: string) => { toArray(): readonly number[] }
  readonly Address6: {
    new (address: string): { canonicalForm(): string }
    fromByteArray(bytes: readonly number[]): { canonicalForm(): string }
  }
}

const here = createRequire(import.meta.url)
const ours = here('../../../scripts/plain-address.cjs') as Addresses
// Not a dependency of this project, but of one of its client's.
const theirs = createRequire(here.resolve('socks'))('ip-address') as Addresses

test('an IPv4 address has the same bytes', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      expect(new ours.Address4(address).toArray()).toEqual(new theirs.Address4(address).toArray())
    })
  )
})

test.each(['::', '::1', '1::', 'fe80::1%eth0', '::ffff:10.0.0.1', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7::'])(
  '%s is written out as by the package',
  (address) => {
    expect(new ours.Address6(address).canonicalForm()).toBe(new theirs.Address6(address).canonicalForm())
  }
)

test('every IPv6 address is written out as by the package', () => {
  fc.assert(
    fc.property(fc.ipV6().filter(isIPv6), (address) => {
      expect(new ours.Address6(address).canonicalForm()).toBe(new theirs.Address6(address).canonicalForm())
    })
  )
})

test('sixteen bytes are the same address', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(255), { minLength: 16, maxLength: 16 }), (bytes) => {
      expect(ours.Address6.fromByteArray(bytes).canonicalForm()).toBe(
        theirs.Address6.fromByteArray(bytes).canonicalForm()
      )
    })
  )
})
