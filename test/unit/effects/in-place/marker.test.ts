/** Goal: not a byte of a build is taken for the action's, nor the other way round. Method: any logs, cut anywhere, with both markers. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { partAt } from '../../../../src/effects/in-place/marker.ts'

const MARKER = 'slipway: built 0123456789abcdef'
const LINE = `${MARKER}\n`
/** With beginnings of the marker among them. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.nat(LINE.length - 1).map((end) => LINE.slice(0, end))
    )
  )
  .map((all) => all.join(''))

/** Cut at the given places. */
function* piecesOf(whole: Buffer, cuts: readonly number[]) {
  let from = 0
  for (const cut of [...cuts].map((one) => one % (whole.length + 1)).sort((one, other) => one - other)) {
    yield whole.subarray(from, cut)
    from = cut
  }
  yield whole.subarray(from)
}

test('the build is what comes before both markers, the action all that comes after', () => {
  fc.assert(
    fc.property(text, text, text, fc.array(fc.nat()), (build, late, action, cuts) => {
      // A marker is drawn at random, so that no build writes it.
      fc.pre(![build, late].some((one) => one.includes(LINE)))
      let [before, after] = ['', '']
      const log = partAt(
        MARKER,
        (chunk) => {
          before += chunk.toString('latin1')
        },
        (chunk) => {
          after += chunk.toString('latin1')
        }
      )
      const whole = Buffer.from(`${build}${LINE}${late}${LINE}${action}`)
      for (const piece of piecesOf(whole, cuts)) log.write(piece)
      expect(log.isPast()).toBe(true)
      expect(before).toBe(Buffer.from(build + late).toString('latin1'))
      expect(after).toBe(Buffer.from(action).toString('latin1'))
    })
  )
})

test('one marker alone is not the end of the build', () => {
  let before = ''
  const log = partAt(MARKER, (chunk) => {
    before += chunk.toString()
  })
  log.write(Buffer.from(`built\n${LINE}late\nslip`))
  expect([log.isPast(), before]).toEqual([false, 'built\nlate\n'])
})
