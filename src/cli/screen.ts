/** What the command line writes, for people and for programs: text that no terminal obeys, and colours of our own. */
import { styleText } from 'node:util'
import { visible, visibleLine } from './visible.ts'

export type Colour = 'cyan' | 'green' | 'red' | 'yellow' | 'gray'

/** Seen on a terminal only: a colour, or a line whose place the next one takes. */
export type Style = Colour | 'passing'

/** Writes text, whose control characters are shown and have no effect, or a program's own bytes, unchanged. */
export type Write = (data: string | Uint8Array, style?: Style) => void

export interface Line {
  readonly text: string
  readonly colour?: Colour | undefined
}

/** Writes one line, whatever is in it. */
export const writeLine = (write: Write, { text, colour }: Line): void => write(`${visibleLine(text)}\n`, colour)

/** Writes one JSON document. */
export const writeJson = (write: Write, value: unknown): void =>
  write(`${visible(JSON.stringify(value, undefined, 2))}\n`)

const CLEAR_LINE = '\r\u001b[K'

/** `send` is the stream's own. */
export function createWrite(send: (data: string | Uint8Array) => void, isTerminal: boolean): Write {
  let isPassing = false
  return (data, style) => {
    if (style === 'passing' && !isTerminal) return
    if (isPassing) send(CLEAR_LINE)
    isPassing = style === 'passing'
    if (typeof data !== 'string') send(data)
    else if (style === 'passing') send(visibleLine(data))
    else if (style === undefined || !isTerminal) send(visible(data))
    else {
      const end = data.endsWith('\n') ? '\n' : ''
      send(styleText(style, visible(data.slice(0, data.length - end.length))) + end)
    }
  }
}
