/** The step log as the runner parses it, line by line. */
import { expect, test } from 'vitest'
import { createReporter } from '../../../src/effects/reporter.ts'

function reporting() {
  const chunks: Buffer[] = []
  const reporter = createReporter((data) => chunks.push(Buffer.from(data)))
  const output = (text: string) => reporter.output(Buffer.from(text))
  return { reporter, output, log: () => Buffer.concat(chunks).toString('utf8') }
}

test('a line never continues one of the program', () => {
  const { reporter, output, log } = reporting()
  output('half')
  reporter.error('50%\nbroken')
  expect(log()).toBe('half\n::error::50%25%0Abroken\n')
})

test('an aside is said at once between lines', () => {
  const { reporter, output, log } = reporting()
  reporter.aside('one')
  output('line\n')
  reporter.aside('two')
  expect(log()).toBe('one\nline\ntwo\n')
})

test('asides in the middle of a line wait for its end', () => {
  const { reporter, output, log } = reporting()
  output('ha')
  reporter.aside('one')
  reporter.aside('two')
  output('l')
  output('f\nnext\nha')
  reporter.aside('three')
  output('')
  expect(log()).toBe('half\none\ntwo\nnext\nha')
  output('lf\n')
  expect(log()).toBe('half\none\ntwo\nnext\nhalf\nthree\n')
})

test('an aside that still waits is said before the next line', () => {
  const { reporter, output, log } = reporting()
  output('half')
  reporter.aside('one')
  reporter.line('two')
  expect(log()).toBe('half\none\ntwo\n')
})
