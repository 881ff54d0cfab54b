/** Goal: of whatever is written, however it is cut into chunks, exactly what the bound allows is kept. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keepFirst, keepLast } from '../../../src/effects/capture.ts'

const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 })

test('keepFirst keeps the start and keepLast the end, also when they are asked in between', () => {
  fc.assert(
    fc.property(chunks, fc.nat(64), fc.nat(20), (given, bytesMax, askedAt) => {
      const [first, last] = [keepFirst(bytesMax), keepLast(bytesMax)]
      given.forEach((chunk, index) => {
        if (index === askedAt) expect(last.bytes().length).toBeLessThanOrEqual(bytesMax)
        first.add(chunk)
        last.add(chunk)
      })
      const all = Buffer.concat(given)
      expect(first.bytes()).toEqual(all.subarray(0, bytesMax))
      expect(last.bytes()).toEqual(all.subarray(Math.max(0, all.length - bytesMax)))
    })
  )
})

test('what is kept is text', () => {
  const capture = keepLast(3)
  for (const word of ['one ', 'two']) capture.add(Buffer.from(word))
  expect(capture.text()).toBe('two')
})
