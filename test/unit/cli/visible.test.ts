/** Goal: nothing that somebody else wrote moves a cursor, changes a colour, hides or makes up a line on an administrator's terminal. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createWrite, type Style, writeJson, writeLine } from '../../../src/cli/screen.ts'
import { createTerminalReporter } from '../../../src/cli/terminal.ts'
import { visible, visibleLine } from '../../../src/cli/visible.ts'

const units = (...codes: readonly number[]) => codes.map((code) => String.fromCodePoint(code))
const range = (from: number, to: number) => units(...Array.from({ length: to - from + 1 }, (_, at) => from + at))

/** What a terminal obeys, or shows as nothing or in another order. */
const INVISIBLE = [
  ...range(0x00, 0x08),
  ...range(0x0b, 0x0c),
  ...range(0x0e, 0x1f),
  ...range(0x7f, 0x9f),
  ...range(0x200b, 0x200f),
  ...range(0x2028, 0x202e),
  ...range(0x2060, 0x206f),
  ...units(0xad, 0x61c, 0x180e, 0x3164, 0xfeff, 0xfff9, 0xe0001, 0xe007f),
  '\ud800',
  '\udfff',
  '\r'
]
const ESCAPES = [
  '\u001b[2J\u001b[H',
  '\u001b]0;title\u0007',
  '\u001b]8;;http://x\u0007',
  '\u009b31m',
  '\u001bP+q\u001b\\',
  '\ufeff',
  'a\rb'
]
const raw = fc.array(fc.oneof(fc.constantFrom(...INVISIBLE, ...ESCAPES), fc.string({ unit: 'binary' })), {
  maxLength: 20
})
const text = raw.map((parts) => parts.join(''))

/** Whether a terminal shows every character of it, and does nothing else. */
const isShown = (shown: string) =>
  ![...shown.replaceAll('\r\n', '\n')].some((character) => INVISIBLE.includes(character))

describe('visible', () => {
  test.each(INVISIBLE.map((character) => [JSON.stringify(character), character]))('shows %s', (_title, character) => {
    expect(visible(`a${character}b`)).toMatch(/^a(\\u[0-9a-f]{4}){1,2}b$/)
  })

  test.each(['plain', 'tab\tnewline\ncr\r\n', 'ünï → ✓ … 漢字 🚀', ''])('leaves %j', (given) => {
    expect(visible(given)).toBe(given)
  })

  test('leaves nothing that a terminal obeys, and one line one line', () => {
    fc.assert(
      fc.property(text, (given) => {
        expect(isShown(visible(given))).toBe(true)
        expect(isShown(visibleLine(given))).toBe(true)
        expect(visibleLine(given)).not.toMatch(/[\n\t]/)
        expect(visible(visibleLine(given))).toBe(visibleLine(given))
      })
    )
  })

  test('in JSON means the same', () => {
    fc.assert(
      fc.property(text, fc.jsonValue(), (key, value) => {
        let shown = ''
        const show = (data: unknown) => {
          shown += String(data)
        }
        writeJson(show, { [key]: value, list: [key] })
        expect(isShown(shown)).toBe(true)
        expect(JSON.parse(shown)).toEqual(JSON.parse(JSON.stringify({ [key]: value, list: [key] })))
      })
    )
  })
})

/** What a line that passes and our colours are made of. */
const OWN_CONTROLS = ['\r\u001b[K', '\u001b[31m', '\u001b[32m', '\u001b[39m']

function onTerminal(isTerminal: boolean) {
  let sent = ''
  const send = (data: string | Uint8Array) => {
    sent += Buffer.from(data).toString()
  }
  const write = createWrite(send, isTerminal)
  return { write, sent: () => sent }
}

describe('what commands write', () => {
  test('is text without effect, except for a program’s own bytes', () => {
    const { write, sent } = onTerminal(true)
    write('a\u001b[31m\n')
    write(Buffer.from('\u001b[32mb\n'))
    expect(sent()).toBe('a\\u001b[31m\n\u001b[32mb\n')
  })

  test('has colours of ours on a terminal only, around text that has none', () => {
    const line = { text: 'a\u001b[0m\nb', colour: 'green' } as const
    const [terminal, pipe] = [onTerminal(true), onTerminal(false)]
    for (const { write } of [terminal, pipe]) writeLine(write, line)
    expect(pipe.sent()).toBe('a\\u001b[0m\\u000ab\n')
    // Node leaves them out where its own standard output is none, as here.
    const shown = 'a\\u001b[0m\\u000ab'
    expect([`${shown}\n`, `\u001b[32m${shown}\u001b[39m\n`]).toContain(terminal.sent())
  })

  test('takes the place of a line that passes, which a pipe never sees', () => {
    const [terminal, pipe] = [onTerminal(true), onTerminal(false)]
    for (const { write } of [terminal, pipe]) {
      write('… one\n\u001b[2J', 'passing')
      write('… two', 'passing')
      write('done\n')
      write('more\n')
    }
    expect(pipe.sent()).toBe('done\nmore\n')
    expect(terminal.sent()).toBe('… one\\u000a\\u001b[2J\r\u001b[K… two\r\u001b[Kdone\nmore\n')
  })

  test('obeys nobody but ourselves, in any style', () => {
    const style = fc.constantFrom<Style | undefined>('green', 'red', 'passing', undefined)
    fc.assert(
      fc.property(fc.array(fc.tuple(text, style), { maxLength: 5 }), (steps) => {
        const { write, sent } = onTerminal(true)
        for (const [given, how] of steps) write(given, how)
        expect(isShown(OWN_CONTROLS.reduce((shown, own) => shown.replaceAll(own, ''), sent()))).toBe(true)
      })
    )
  })
})

describe('a run on a terminal', () => {
  function running() {
    const { write, sent } = onTerminal(false)
    const reporter = createTerminalReporter(write)
    return { reporter, sent, build: (text: string) => reporter.foreign(Buffer.from(text)) }
  }

  test('shows what a builder writes, and what is said, without effect', () => {
    const { reporter, sent, build } = running()
    reporter.group('Build \u001b[2J\nDockerfile')
    build('\u001b[31mred\n1%\r2%\rdone\r\nhalf')
    reporter.endGroup()
    reporter.error('a\u009bb\nc')
    expect(sent().split('\n')).toEqual([
      '--- Build \\u001b[2J\\u000aDockerfile',
      '\\u001b[31mred',
      '1%',
      '2%',
      'done',
      'half',
      '---',
      'error: a\\u009bb\\u000ac',
      ''
    ])
  })

  test('shows characters and line ends that come in pieces', () => {
    const { reporter, sent } = running()
    for (const byte of Buffer.from('é → 🚀\r\n\u009b1m\r')) reporter.foreign(Buffer.of(byte))
    reporter.endGroup()
    expect(sent()).toBe('é → 🚀\n\\u009b1m\n---\n')
  })

  test('passes on the bytes of the action as they are', () => {
    const { reporter, sent } = running()
    reporter.output(Buffer.from('\u001b[32mgreen\r'))
    reporter.line('next')
    expect(sent()).toBe('\u001b[32mgreen\r\nnext\n')
  })
})
