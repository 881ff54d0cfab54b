/** What people see of a run: plain lines, groups and annotations in the step log, as the runner's workflow commands. */
import { createForeignOutput } from './foreign-output.ts'
import { createRedaction, type Redaction } from './redaction.ts'
import { inert } from './runner-commands.ts'

/**
 * Everything the effects say goes through here, one whole line at a time (the runner parses line by line). The runner takes no
 * command from any text, and no hidden secret is in it; only `output` passes on bytes as they are.
 */
export interface Reporter extends Redaction {
  line(text: string): void
  /** A line that waits until the program has ended a line of its own, so that it does not stand in the middle of one. */
  aside(text: string): void
  /** Opens a collapsible group; groups do not nest, a second call closes the first. */
  group(title: string): void
  endGroup(): void
  /** One `::error::` annotation. */
  error(message: string): void
  warning(message: string): void
  /** Bytes of any other program's output than the action's: the builder's. */
  foreign(chunk: Uint8Array): void
  /** Bytes of the action's or the script's own output, passed on unchanged: its commands are for the runner. */
  output(chunk: Uint8Array): void
}

/** Escapes the data of a workflow command (actions/toolkit, command.ts: `%`, CR and LF). */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

const NEWLINE = 10

/** A reporter that writes workflow commands; `write` receives whole lines, or the program's bytes unchanged. */
export function createReporter(write: (data: Uint8Array) => void, redaction: Redaction = createRedaction()): Reporter {
  let isGroupOpen = false
  /** Whose line has not ended. */
  let unended: 'program' | 'foreign' | undefined
  const asides: Buffer[] = []
  /** The bytes of a text that is not all our own words. */
  const bytesOf = (text: string) => inert(Buffer.from(redaction.redact(text), 'utf8').toString('latin1')).text
  const lineOf = (bytes: string) => Buffer.from(`${bytes}\n`, 'latin1')
  const endLine = () => {
    // A program that ends without a newline must not swallow the command that follows it.
    if (unended !== undefined) write(lineOf(''))
    unended = undefined
    for (const aside of asides.splice(0)) write(aside)
  }
  const pass = (bytes: Uint8Array, whose: typeof unended) => {
    const lineEnd = asides.length === 0 ? 0 : bytes.indexOf(NEWLINE) + 1
    if (lineEnd > 0) {
      write(bytes.subarray(0, lineEnd))
      unended = undefined
      endLine()
    }
    const rest = bytes.subarray(lineEnd)
    if (rest.length === 0) return
    write(rest)
    unended = rest.at(-1) === NEWLINE ? undefined : whose
  }
  const foreign = createForeignOutput((bytes) => pass(bytes, 'foreign'), redaction.redact)
  const print = (bytes: string) => {
    foreign.flush()
    endLine()
    write(lineOf(bytes))
  }
  const command = (name: string, data: string) => print(`::${name}::${escapeData(bytesOf(data))}`)
  const endGroup = () => {
    foreign.flush()
    if (isGroupOpen) print('::endgroup::')
    isGroupOpen = false
  }
  return {
    ...redaction,
    line: (text) => print(bytesOf(text)),
    aside(text) {
      const line = lineOf(bytesOf(text))
      if (unended === undefined) write(line)
      else asides.push(line)
    },
    group(title) {
      endGroup()
      command('group', title)
      isGroupOpen = true
    },
    endGroup,
    error(message) {
      endGroup()
      command('error', message)
    },
    warning: (message) => command('warning', message),
    foreign(chunk) {
      if (unended === 'program') endLine()
      foreign.add(chunk)
    },
    output(chunk) {
      foreign.flush()
      if (unended === 'foreign') endLine()
      pass(chunk, 'program')
    }
  }
}
