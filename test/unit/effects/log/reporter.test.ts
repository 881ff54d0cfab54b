/** Goal: the step log as the runner parses it has the hook's own commands and nobody else's, and no secret of the hook's. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createReporter, type Reporter } from '../../../../src/effects/log/reporter.ts'
import { commandsIn } from '../../../support/runner-log.ts'

function reporting() {
  const chunks: Uint8Array[] = []
  const reporter = createReporter((data) => chunks.push(data))
  const output = (text: string) => reporter.output(Buffer.from(text))
  const bytes = () => Buffer.concat(chunks)
  return { reporter, output, bytes, log: () => bytes().toString('utf8') }
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

test("a program's own commands are the runner's to carry out", () => {
  const { output, log } = reporting()
  output('::add-mask::x\n##[debug]y\n')
  expect(log()).toBe('::add-mask::x\n##[debug]y\n')
})

/** What somebody could try, and how a line may look that is harmless. */
const COMMANDS = [
  '::error::x',
  '::add-mask::hunter2',
  '::stop-commands::x',
  '::set-output name=x::y',
  ':::error::x',
  ' ::error::x',
  '\t \u00a0::error::x',
  '\u0085::error::x',
  '\u2003\u3000::error::x',
  '\u2028::error::x',
  '\ufeff::error::x',
  '\u200b::error::x',
  '\u202e::error::x',
  '\0::error::x',
  '\u001b::error::x',
  'text\n::error::x',
  'text\r::error::x',
  'text\r\n::error::x',
  'text\u000b::error::x\n\u000c::error::x',
  'text\u2028::error::x\u2029::error::x\u0085::error::x',
  '##[error]x',
  'text ##[add-mask]x',
  '###[error]x',
  '##[##[error]x'
]

/** Every way of the reporter's to say something that is not a program's own output. */
const SAY: Readonly<Record<string, (reporter: Reporter, text: string) => void>> = {
  line: (reporter, text) => reporter.line(text),
  aside: (reporter, text) => reporter.aside(text),
  group: (reporter, text) => reporter.group(text),
  error: (reporter, text) => reporter.error(text),
  warning: (reporter, text) => reporter.warning(text),
  foreign: (reporter, text) => reporter.foreign(Buffer.from(text))
}

const IS_COMMAND = new Set(['group', 'error', 'warning'])

describe.each(Object.entries(SAY))('%s', (name, say) => {
  test.each(COMMANDS)('has no command of %j', (text) => {
    const { reporter, bytes } = reporting()
    say(reporter, text)
    reporter.endGroup()
    const own = commandsIn(bytes()).filter((line) => /^::(group|error|warning|endgroup)::/.test(line))
    expect(commandsIn(bytes())).toEqual(own)
    expect(own.filter((line) => line.startsWith(`::${name}::`))).toHaveLength(IS_COMMAND.has(name) ? 1 : 0)
    expect(own.filter((line) => line.includes('##['))).toEqual([])
  })

  test('has no hidden secret', () => {
    const { reporter, log } = reporting()
    reporter.hide('hunter22\nsecond line\r\n"third" line')
    say(reporter, 'a hunter22 b second line c "third" line d \\"third\\" line')
    reporter.endGroup()
    expect(log()).toContain('a *** b *** c *** d ***')
  })
})

describe('other output than the action’s', () => {
  const passed = (text: string | Uint8Array, cuts: readonly number[]) => {
    const { reporter, bytes } = reporting()
    const all = Buffer.from(text)
    const ends = [...new Set(cuts.map((cut) => cut % (all.length + 1)))].sort((a, b) => a - b)
    for (const [index, end] of [...ends, all.length].entries())
      reporter.foreign(all.subarray(ends[index - 1] ?? 0, end))
    reporter.endGroup()
    return bytes()
  }
  const cuts = fc.array(fc.nat(), { maxLength: 8 })
  const words = fc.constantFrom(
    ...[
      '::',
      ':',
      '##[',
      '#',
      '[',
      ' ',
      '\t',
      '\u0085',
      '\u3000',
      '\u2028',
      '\ufeff',
      '\r',
      '\n',
      'text',
      'é',
      '🚀',
      '\u001b[1m'
    ],
    ...COMMANDS
  )
  const text = fc.array(words, { maxLength: 30 }).map((parts) => parts.join(''))

  test('has no command, wherever it is cut', () => {
    fc.assert(
      fc.property(text, cuts, (given, at) => {
        expect(commandsIn(passed(given, at))).toEqual([])
      })
    )
  })

  test('has no command in a line that is longer than any, wherever it is cut', () => {
    const filler = fc.tuple(
      fc.constantFrom(' ', '\u3000', 'x', '#', ':', '\u00a0', 'x\u2028'),
      fc.integer({ min: 40_000, max: 90_000 })
    )
    const long = fc.tuple(filler, text, filler, text).map(([[a, many], one, [b, more], two]) => {
      return a.repeat(many) + one.replaceAll('\n', '') + b.repeat(more) + two
    })
    fc.assert(
      fc.property(long, cuts, (given, at) => {
        expect(commandsIn(passed(given, at))).toEqual([])
        // The pieces it is passed on in are no lines of their own.
        expect(passed(given, at).equals(passed(given, []))).toBe(true)
      }),
      { numRuns: 30 }
    )
  })

  test('has not even a gap where there is no command, and ends as it ended', () => {
    const plain = fc.uint8Array({ maxLength: 200 }).filter((bytes) => !bytes.includes(0x3a) && !bytes.includes(0x23))
    fc.assert(fc.property(plain, cuts, (given, at) => passed(given, at).equals(given)))
    const harmless = 'std::string a;\nx ::error::\n# [x] ## [y]\n\r\n\u2003#[z]\nend'
    expect(passed(harmless, []).toString()).toBe(harmless)
  })

  test('loses a gap at most', () => {
    fc.assert(
      fc.property(text, cuts, (given, at) => {
        const shown = passed(given, at).toString()
        expect(shown.replaceAll('\u200b', '')).toBe(given.replaceAll('\u200b', ''))
      })
    )
  })

  test('is not joined with a line of the program, nor the program with one of its', () => {
    const { reporter, output, log } = reporting()
    output('  ')
    reporter.foreign(Buffer.from('no newline'))
    output('::notice::x\n')
    expect(log()).toBe('  \nno newline\n::notice::x\n')
  })

  test('does not hold back an aside, nor stand before a line that came later', () => {
    const { reporter, log } = reporting()
    reporter.foreign(Buffer.from('one\ntw'))
    reporter.aside('aside')
    reporter.foreign(Buffer.from('o\nthree'))
    reporter.line('line')
    expect(log()).toBe('one\naside\ntwo\nthree\nline\n')
  })

  test('holds back only what a line needs', () => {
    const { reporter, bytes } = reporting()
    for (let count = 0; count < 200_000; count += 1) reporter.foreign(Buffer.from('x'))
    expect(bytes().length).toBeGreaterThan(100_000)
    reporter.endGroup()
    expect(bytes().length).toBe(200_000)
  })

  test('has no hidden secret, wherever it is cut', () => {
    const secret = 'pässword-of-the-registry'
    const around = fc.constantFrom('', 'x', '\n', 'ä', '##', '::', 'x'.repeat(70_000), secret.slice(0, 8))
    fc.assert(
      fc.property(fc.array(around, { minLength: 2, maxLength: 5 }), cuts, (parts, at) => {
        const { reporter, log } = reporting()
        reporter.hide(secret)
        const all = Buffer.from(parts.join(secret))
        const ends = [...new Set(at.map((cut) => cut % (all.length + 1)))].sort((a, b) => a - b)
        for (const [index, end] of [...ends, all.length].entries()) {
          reporter.foreign(all.subarray(ends[index - 1] ?? 0, end))
        }
        reporter.endGroup()
        expect(log()).not.toContain(secret)
        expect(log().split('***')).toHaveLength(parts.length)
      }),
      { numRuns: 50 }
    )
  })
})

describe('anything that is said in any order', () => {
  const said = fc.record({
    way: fc.constantFrom(...Object.keys(SAY)),
    text: fc.constantFrom(...COMMANDS, 'x', ' ', ':', '##')
  })
  const program = fc.constantFrom('half', ' ', 'whole\n', 'one\rtwo').map((text) => ({ way: 'output', text }))

  test('has the commands of the hook only', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(said, program), { maxLength: 20 }), (steps) => {
        const { reporter, output, bytes } = reporting()
        for (const { way, text } of steps) (SAY[way] ?? ((_reporter, words) => output(words)))(reporter, text)
        reporter.endGroup()
        const names = commandsIn(bytes()).map((command) => /^::(\w+)::/.exec(command)?.[1])
        const count = (name: string | undefined) => names.filter((other) => other === name).length
        for (const name of ['group', 'error', 'warning']) {
          expect(count(name)).toBe(steps.filter(({ way }) => way === name).length)
        }
        expect(count('endgroup')).toBe(count('group'))
        expect(names.length).toBe(2 * count('group') + count('error') + count('warning'))
      })
    )
  })
})
