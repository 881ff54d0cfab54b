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

function captureOf(kept: readonly Uint8Array[], add: (chunk: Uint8Array) => void, trim = () => {}): Capture {
  const bytes = () => {
    trim()
    return Buffer.concat(kept)
  }
  return { add, bytes, text: () => bytes().toString('utf8') }
}
