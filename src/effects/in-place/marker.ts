/** Parts a container's log in what a build has written and what the action has, by a marker that the supervisor writes in between. */

/** Once on stdout and once on stderr: whatever order a runtime writes the two in, nothing of the build comes after both. */
const MARKERS = 2

export interface MarkedLog {
  write(chunk: Buffer): void
  /** Whether nothing of the build comes any more. */
  isPast(): boolean
}

/** `marker`: a line, drawn at random. Each part is passed on as it comes. */
export function partAt(
  marker: string,
  before: (chunk: Buffer) => void,
  after: (chunk: Buffer) => void = () => {}
): MarkedLog {
  const line = Buffer.from(`${marker}\n`)
  let left = MARKERS
  let rest: Buffer = Buffer.alloc(0)
  const pass = (chunk: Buffer) => {
    if (chunk.length > 0) (left > 0 ? before : after)(chunk)
  }
  return {
    isPast: () => left === 0,
    write(chunk) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      for (let at = rest.indexOf(line); left > 0 && at >= 0; at = rest.indexOf(line)) {
        pass(rest.subarray(0, at))
        rest = rest.subarray(at + line.length)
        left -= 1
      }
      const held = left === 0 ? 0 : beginningAtEnd(rest, line)
      pass(rest.subarray(0, rest.length - held))
      rest = rest.subarray(rest.length - held)
    }
  }
}

/** How many of the last bytes may be the beginning of the line. */
function beginningAtEnd(bytes: Buffer, line: Buffer): number {
  for (let length = Math.min(bytes.length, line.length - 1); length > 0; length -= 1) {
    if (bytes.subarray(bytes.length - length).equals(line.subarray(0, length))) return length
  }
  return 0
}
