/** Goal: of whatever is written, however it is cut into chunks, exactly what the bound allows is kept. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keepFirst, keepLast, keepTelling } from '../../../src/effects/capture.ts'

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

const bytesOf = (lines: readonly string[]) => lines.reduce((sum, text) => sum + text.length + 1, 0)

test('keepTelling keeps the end, and telling lines however much comes behind them', () => {
  const line = fc
    .tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', '!'), fc.nat(8))
    .map(([kind, length]) => kind.repeat(length + 1))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 100 }), fc.integer({ min: 1, max: 40 }), (lines, chunkBytes) => {
      const telling = lines.filter((text) => text.startsWith('!')).slice(0, 6)
      const quiet = lines.filter((text) => !text.startsWith('!'))
      const all = Buffer.from([...telling, ...quiet].map((text) => `${text}\n`).join(''))
      const capture = keepTelling(/^!/, 64)
      for (let at = 0; at < all.length; at += chunkBytes) capture.add(all.subarray(at, at + chunkBytes))
      const seen = capture.text().split('\n').slice(0, -1)
      expect(capture.bytes().length).toBeLessThanOrEqual(128)
      expect(seen.slice(0, telling.length)).toEqual(telling)
      const end = seen.slice(telling.length)
      expect(end).toEqual(end.length === 0 ? [] : quiet.slice(-end.length))
      // Less a line that the bound would cut.
      expect(bytesOf(end)).toBeGreaterThanOrEqual(Math.min(64 - 10, bytesOf(quiet)))
    })
  )
})

test('keepTelling is bounded by lines without an end, too', () => {
  const capture = keepTelling(/x/, 8)
  for (let at = 0; at < 100; at += 1) capture.add(Buffer.from('xyz'))
  expect(capture.bytes().length).toBeLessThanOrEqual(16)
})
