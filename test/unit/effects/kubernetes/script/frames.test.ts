/** Telling a script's output from frames, however the bytes are cut. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFrameReader } from '../../../../../src/effects/kubernetes/script/frames.ts'

const MARK = 'abc123'
const frame = (words: string) => Buffer.from(`\x1e${MARK} ${words}\n`)

/** Everything a reader tells, with neighbouring raw bytes joined. */
function read(chunks: readonly Uint8Array[]): readonly (string | Buffer)[] {
  const seen: (string | Buffer)[] = []
  const reader = createFrameReader(MARK, {
    raw(bytes) {
      const last = seen.at(-1)
      if (typeof last === 'object') seen[seen.length - 1] = Buffer.concat([last, bytes])
      else seen.push(Buffer.from(bytes))
    },
    frame: (kind, rest) => seen.push(`${kind}|${rest}`)
  })
  for (const chunk of chunks) reader.add(chunk)
  return seen
}

/** Output that is full of what might be the beginning of a frame. */
const output = fc
  .array(fc.constantFrom('\x1e', `\x1e${MARK}`, `\x1e${MARK.slice(0, 3)}`, MARK, 'x', '\n', ' '), { maxLength: 8 })
  .map((parts) => parts.join('').replaceAll(`\x1e${MARK} `, '-'))

describe('frames', () => {
  test('are found between bytes, wherever the stream is cut', () => {
    fc.assert(
      fc.property(output, output, fc.array(fc.nat(80)), (before, after, cuts) => {
        // One byte that begins nothing keeps the output from completing a frame together with what follows.
        const whole = Buffer.concat([
          Buffer.from(`${before}.`),
          frame('exit 5'),
          Buffer.from(`${after}.`),
          frame('done')
        ])
        const points = [...new Set([0, ...cuts.filter((cut) => cut < whole.length)])].toSorted(
          (one, other) => one - other
        )
        const chunks = points.map((point, index) => whole.subarray(point, points[index + 1]))
        expect(read(chunks)).toEqual([Buffer.from(`${before}.`), 'exit|5', Buffer.from(`${after}.`), 'done|'])
      })
    )
  })

  test('keep the spaces of their last words', () => {
    expect(read([frame('file /a  b c')])).toEqual(['file|/a  b c'])
  })

  test('with another nonce are output', () => {
    const forged = Buffer.from('\x1eother exit 0\n')
    expect(read([forged])).toEqual([forged])
  })

  test('do not hold back what cannot be the beginning of one', () => {
    expect(read([Buffer.from(`text\x1e${MARK}x`)])).toEqual([Buffer.from(`text\x1e${MARK}x`)])
    expect(read([Buffer.from(`text\x1e${MARK}`)])).toEqual([Buffer.from('text')])
  })

  test('without an end are an error', () => {
    expect(() => read([Buffer.from(`\x1e${MARK} ${'x'.repeat(70_000)}`)])).toThrow('no end')
  })
})
