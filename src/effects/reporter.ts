/** What people see of a run: plain lines, groups and annotations in the step log, as the runner's workflow commands. */

/** Everything the effects say goes through here, one whole line at a time (the runner parses line by line). */
export interface Reporter {
  line(text: string): void
  /** A line that waits until the program has ended a line of its own, so that it does not stand in the middle of one. */
  aside(text: string): void
  /** Opens a collapsible group; groups do not nest, a second call closes the first. */
  group(title: string): void
  endGroup(): void
  /** One `::error::` annotation. */
  error(message: string): void
  warning(message: string): void
  /** Has the runner replace a secret by `***` in everything that is said from here on. */
  mask(secret: string): void
  /** Bytes of the action's or the builder's own output, passed on unchanged. */
  output(chunk: Uint8Array): void
}

/** Escapes the data of a workflow command (actions/toolkit, command.ts: `%`, CR and LF). */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

const NEWLINE = 10

/** A reporter that writes workflow commands; `write` receives whole lines, or the program's bytes unchanged. */
export function createReporter(write: (data: string | Uint8Array) => void): Reporter {
  let isGroupOpen = false
  let isMidLine = false
  const asides: string[] = []
  const print = (text: string) => {
    // A program that ends without a newline must not swallow the command that follows it.
    if (isMidLine) write('\n')
    isMidLine = false
    for (const line of [...asides.splice(0), text]) write(`${line}\n`)
  }
  const pass = (bytes: Uint8Array) => {
    if (bytes.length === 0) return
    write(bytes)
    isMidLine = bytes[bytes.length - 1] !== NEWLINE
  }
  const endGroup = () => {
    if (isGroupOpen) print('::endgroup::')
    isGroupOpen = false
  }
  return {
    line: print,
    aside(text) {
      if (isMidLine) asides.push(text)
      else print(text)
    },
    group(title) {
      endGroup()
      print(`::group::${title}`)
      isGroupOpen = true
    },
    endGroup,
    error(message) {
      endGroup()
      print(`::error::${escapeData(message)}`)
    },
    warning: (message) => print(`::warning::${escapeData(message)}`),
    mask: (secret) => print(`::add-mask::${escapeData(secret)}`),
    output(chunk) {
      const lineEnd = asides.length === 0 ? 0 : chunk.indexOf(NEWLINE) + 1
      pass(chunk.subarray(0, lineEnd))
      const last = lineEnd > 0 ? asides.pop() : undefined
      if (last !== undefined) print(last)
      pass(chunk.subarray(lineEnd))
    }
  }
}
