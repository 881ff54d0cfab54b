/** How a run looks on a terminal: the reporter that the local engine talks to, without the runner's workflow commands. */
import { StringDecoder } from 'node:string_decoder'
import { createRedaction } from '../effects/log/redaction.ts'
import type { Reporter } from '../effects/log/reporter.ts'
import { type Line, type Write, writeLine } from './screen.ts'

export interface TerminalReporter extends Reporter {
  /** A line with a colour. */
  show(line: Line): void
}

const NEWLINE = 10

/** A reporter of plain lines; groups are headed by their title. */
export function createTerminalReporter(write: Write): TerminalReporter {
  // The local engine reads no secrets, so a builder has none to write.
  const redaction = createRedaction()
  const decoder = new StringDecoder('utf8')
  /** A carriage return at the end of what a builder has written so far: a newline may follow. */
  let held = ''
  let isMidLine = false
  const add = (text: string) => {
    if (text === '') return
    // Programs that draw a line again and again write a newline nowhere.
    write(text.replace(/\r\n?/g, '\n'))
    isMidLine = !/[\r\n]$/.test(text)
  }
  const flush = () => {
    add(held + decoder.end())
    held = ''
  }
  const show = (line: Line) => {
    flush()
    // A program that ends without a newline must not swallow the line that follows it.
    if (isMidLine) write('\n')
    isMidLine = false
    writeLine(write, { ...line, text: redaction.redact(line.text) })
  }
  const line = (text: string) => show({ text })
  return {
    ...redaction,
    show,
    line,
    aside: line,
    group: (title) => line(`--- ${title}`),
    endGroup: () => line('---'),
    error: (message) => line(`error: ${message}`),
    warning: (message) => line(`warning: ${message}`),
    foreign(chunk) {
      const text = held + decoder.write(chunk)
      held = text.endsWith('\r') ? '\r' : ''
      add(text.slice(0, text.length - held.length))
    },
    output(chunk) {
      flush()
      if (chunk.length === 0) return
      write(chunk)
      isMidLine = chunk[chunk.length - 1] !== NEWLINE
    }
  }
}
