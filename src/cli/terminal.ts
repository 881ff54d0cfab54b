/** How a run looks on a terminal: the reporter that the local engine talks to, without the runner's workflow commands. */
import type { Reporter } from '../effects/reporter.ts'

const NEWLINE = 10

/** A reporter of plain lines; groups are headed by their title. */
export function createTerminalReporter(write: (data: string | Uint8Array) => void): Reporter {
  let isMidLine = false
  const line = (text: string) => {
    // A program that ends without a newline must not swallow the line that follows it.
    write(isMidLine ? `\n${text}\n` : `${text}\n`)
    isMidLine = false
  }
  return {
    line,
    aside: line,
    group: (title) => line(`--- ${title}`),
    endGroup: () => line('---'),
    error: (message) => line(`error: ${message}`),
    warning: (message) => line(`warning: ${message}`),
    // Nothing on a terminal replaces anything, and the local engine reads no secrets.
    mask: () => {},
    output(chunk) {
      if (chunk.length === 0) return
      write(chunk)
      isMidLine = chunk[chunk.length - 1] !== NEWLINE
    }
  }
}
