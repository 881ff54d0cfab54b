/** Keeps of a stream of bytes what a bound allows, its start or its end, for short answers and for saying why something failed. */

/** Of all that a program wrote, for its last words. */
export const LAST_WORDS_BYTES_MAX = 64 * 1024

export interface Capture {
  add(chunk: Uint8Array): void
  bytes(): Buffer
  text(): string
}

/** The first `bytesMax` bytes. */
export function keepFirst(bytesMax: number): Capture {
  const kept: Uint8Array[] = []
  let missing = bytesMax
  return captureOf(kept, (chunk) => {
    if (missing <= 0) return
    kept.push(chunk.subarray(0, missing))
    missing -= chunk.length
  })
}

/** The last `bytesMax` bytes. Holds at most one chunk more than twice as many meanwhile, so that not every chunk is copied. */
export function keepLast(bytesMax: number): Capture {
  const kept: Uint8Array[] = []
  let bytes = 0
  const trim = () => {
    const all = Buffer.concat(kept)
    const end = all.subarray(Math.max(0, all.length - bytesMax))
    kept.splice(0, kept.length, end)
    bytes = end.length
  }
  const add = (chunk: Uint8Array) => {
    kept.push(chunk)
    bytes += chunk.length
    if (bytes > 2 * bytesMax) trim()
  }
  return captureOf(kept, add, trim)
}

const NEWLINE = 10

/** As keepLast, from the start of a line, and before them the earlier lines that match `telling`, the last `bytesMax` bytes of those. */
export function keepTelling(telling: RegExp, bytesMax: number): Capture {
  const earlier = keepLast(bytesMax)
  const kept: Uint8Array[] = []
  let bytes = 0
  const trim = () => {
    if (bytes <= bytesMax) return
    const all = Buffer.concat(kept)
    const over = all.length - bytesMax
    // A line that is longer than the bound is cut.
    const start = all.indexOf(NEWLINE, over - 1) + 1 || over
    const dropped = all
      .subarray(0, start)
      .toString('utf8')
      .split(/(?<=\n)/)
    for (const line of dropped) if (telling.test(line)) earlier.add(Buffer.from(line))
    kept.splice(0, kept.length, all.subarray(start))
    bytes = all.length - start
  }
  const add = (chunk: Uint8Array) => {
    kept.push(chunk)
    bytes += chunk.length
    if (bytes > 2 * bytesMax) trim()
  }
  return captureOf(kept, add, trim, earlier.bytes)
}

function captureOf(
  kept: readonly Uint8Array[],
  add: (chunk: Uint8Array) => void,
  trim = () => {},
  earlier = (): Uint8Array => Buffer.alloc(0)
): Capture {
  const bytes = () => {
    trim()
    return Buffer.concat([earlier(), ...kept])
  }
  return { add, bytes, text: () => bytes().toString('utf8') }
}
