/** Goal: not a byte of an action's log is lost or added where the log says how it ended. Method: any logs, cut anywhere, with both last lines. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { endWords, untilEnd } from '../../../../src/effects/in-place/end.ts'

const WORDS = endWords('slipway: built 0123456789abcdef')
const line = (code: number) => `\n${WORDS} ${code}\n`
/** With empty lines and beginnings of the last line among them. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\n', '\n\n', `${WORDS} `, `${WORDS} 1234\n`),
      fc.nat(WORDS.length).map((end) => `\n${WORDS.slice(0, end)}`)
    )
  )
  .map((all) => all.join(''))
const isEnded = (log: string) => new RegExp(`${WORDS} \\d{1,3}\\n`).test(log)

function read(log: string, cuts: readonly number[]) {
  const whole = Buffer.from(log)
  let shown = ''
  const reading = untilEnd(WORDS, (chunk) => {
    shown += chunk.toString('latin1')
  })
  let from = 0
  for (const cut of [...cuts].map((one) => one % (whole.length + 1)).sort((one, other) => one - other)) {
    reading.write(whole.subarray(from, cut))
    from = cut
  }
  reading.write(whole.subarray(from))
  const exitCode = reading.exitCode()
  reading.finish()
  return { exitCode, shown }
}
const bytes = (log: string) => Buffer.from(log).toString('latin1')

test('the words are others than those that end the build', () => {
  expect(WORDS).toBe('slipway: ended 0123456789abcdef')
})

test('the action is what comes before, with a line that it left without its end ended, and the code is its own', () => {
  fc.assert(
    fc.property(text, text, fc.array(fc.nat()), fc.nat(127), (log, late, cuts, code) => {
      fc.pre(!isEnded(log) && !isEnded(late) && !isEnded(`${log}${line(code)}${late}`.replace(line(code), '\n')))
      const { exitCode, shown } = read(`${log}${line(code)}${late}${line(code)}`, cuts)
      expect(exitCode).toBe(code)
      const ended = (one: string) => (one === '' || one.endsWith('\n') ? one : `${one}\n`)
      expect(shown).toBe(bytes(ended(`${ended(log)}${late}`)))
    })
  )
})

test('a log without an end is shown whole, and only a kubelet tells how it ended', () => {
  fc.assert(
    fc.property(text, fc.array(fc.nat()), (log, cuts) => {
      fc.pre(!isEnded(log))
      expect(read(log, cuts)).toEqual({ exitCode: undefined, shown: bytes(log) })
    })
  )
})

test.each([
  ['on one of its two ways', line(0)],
  ['by what may have been a signal', line(137).repeat(2)]
])('an action that is said to have ended %s has not said how', (_what, log) => {
  expect(read(`shown\n${log}`, []).exitCode).toBeUndefined()
})

test('a line is passed on as soon as it is there, an empty one with the next', () => {
  let shown = ''
  const reading = untilEnd(WORDS, (chunk) => {
    shown += chunk.toString()
  })
  reading.write(Buffer.from('one\n'))
  expect(shown).toBe('one\n')
  reading.write(Buffer.from('\n'))
  expect(shown).toBe('one\n')
  reading.write(Buffer.from('two'))
  expect(shown).toBe('one\n\ntwo')
})
