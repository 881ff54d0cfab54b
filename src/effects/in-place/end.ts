/** How an action ended, from its log, where a process of ours stays before it and says so: sooner than the kubelet, which looks once a second. */

/** Once on stdout and once on stderr: whatever order a runtime writes the two in, nothing of the action comes after both. */
const TIMES = 2
/** From there on it may have been killed, and only the kubelet knows why. */
const SIGNALS_FROM = 128
const NEWLINE = 0x0a
const CODE = /^ (\d{1,3})\n/
const CODE_BYTES_MAX = ' 255\n'.length

/** What the line begins with in a container of this marker, for whoever writes it and whoever reads it. */
export const endWords = (marker: string): string => marker.replace(/built/, 'ended')

export interface LogWithEnd {
  write(chunk: Buffer): void
  /** Passes on what was held back, when no more comes. */
  finish(): void
  /** Undefined as long as the action may say more, and where only the kubelet knows how it ended. */
  exitCode(): number | undefined
}

/**
 * Passes a log on as it comes, without the lines that say how the action ended and the empty line before each. An empty line is held back
 * until it is known what comes after it.
 */
export function untilEnd(words: string, pass: (chunk: Buffer) => void): LogWithEnd {
  const pattern = Buffer.from(words)
  let rest: Buffer = Buffer.alloc(0)
  let last = NEWLINE
  let left = TIMES
  let code: number | undefined
  const give = (bytes: Buffer) => {
    if (bytes.length === 0) return
    last = bytes.at(-1) ?? last
    pass(bytes)
  }
  /** Where the empty line begins that ends at `at`; `at` where there is none. */
  const emptyLineBefore = (at: number) => {
    const before = at >= 2 ? rest[at - 2] : last
    return at >= 1 && rest[at - 1] === NEWLINE && before === NEWLINE ? at - 1 : at
  }
  return {
    exitCode: () => (left === 0 && code !== undefined && code < SIGNALS_FROM ? code : undefined),
    write(chunk) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      let from = 0
      while (left > 0) {
        const at = rest.indexOf(pattern, from)
        const after = at + pattern.length
        const said = at < 0 ? null : CODE.exec(rest.toString('latin1', after, after + CODE_BYTES_MAX))
        if (said === null) {
          const isWhole = at < 0 || rest.length >= after + CODE_BYTES_MAX
          if (at >= 0 && isWhole) {
            from = after
            continue
          }
          break
        }
        code = Number(said[1])
        left -= 1
        give(rest.subarray(0, emptyLineBefore(at)))
        // It was the end of a line.
        last = NEWLINE
        rest = rest.subarray(after + said[0].length)
        from = 0
      }
      const held = left === 0 ? rest.length : emptyLineBefore(heldFrom(rest, pattern, from))
      give(rest.subarray(0, held))
      rest = rest.subarray(held)
    },
    finish() {
      give(rest)
      rest = Buffer.alloc(0)
    }
  }
}

/** Where the pattern, or a beginning of it, stands from which on more has to be known. */
function heldFrom(bytes: Buffer, pattern: Buffer, from: number): number {
  const at = bytes.indexOf(pattern, from)
  if (at >= 0) return at
  for (let length = Math.min(bytes.length - from, pattern.length - 1); length > 0; length -= 1) {
    if (bytes.subarray(bytes.length - length).equals(pattern.subarray(0, length))) return bytes.length - length
  }
  return bytes.length
}
