/** Output of programs that are not the action, such as a builder, line by line without commands and secrets; for the reporter. */
import { SECRET_BYTES_MAX } from './redaction.ts'
import { type Begun, inert, NOTHING } from './runner-commands.ts'

/** A longer line is passed on in pieces. */
const LINE_BYTES_MAX = 4 * SECRET_BYTES_MAX
/** Not passed on of a line that goes on: a secret may have begun there. */
const HELD_BYTES = SECRET_BYTES_MAX - 1

export interface ForeignOutput {
  add(chunk: Uint8Array): void
  /** Passes on what is held; what comes then is on another line. */
  flush(): void
}

/** `write` gets whole lines, and pieces of very long ones. */
export function createForeignOutput(write: (bytes: Buffer) => void, redact: (bytes: string) => string): ForeignOutput {
  let held: string[] = []
  let heldBytes = 0
  let begun: Begun = NOTHING
  const hold = (bytes: string) => {
    held.push(bytes)
    heldBytes += bytes.length
  }
  const take = () => {
    const bytes = held.join('')
    held = []
    heldBytes = 0
    return redact(bytes)
  }
  const pass = (bytes: string) => {
    const shown = inert(bytes, begun)
    begun = shown.begun
    if (shown.text !== '') write(Buffer.from(shown.text, 'latin1'))
  }
  return {
    add(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
      const end = Math.max(bytes.lastIndexOf('\n'), bytes.lastIndexOf('\r')) + 1
      if (end > 0) {
        hold(bytes.slice(0, end))
        pass(take())
      }
      hold(bytes.slice(end))
      if (heldBytes <= LINE_BYTES_MAX) return
      const piece = take()
      const cut = Math.max(0, piece.length - HELD_BYTES)
      pass(piece.slice(0, cut))
      hold(piece.slice(cut))
    },
    flush() {
      pass(take())
      begun = NOTHING
    }
  }
}
