/** The end of a stream of bytes, for explaining a failure with what the program said last. */

export interface Tail {
  add(chunk: Uint8Array): void
  text(): string
}

/** Keeps at least the last `bytesMax` bytes, and at most one chunk more than twice that. */
export function createTail(bytesMax: number): Tail {
  let chunks: Uint8Array[] = []
  let bytes = 0
  const trim = () => {
    const all = Buffer.concat(chunks)
    chunks = [all.subarray(Math.max(0, all.length - bytesMax))]
    bytes = chunks[0]?.length ?? 0
  }
  return {
    add(chunk) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > 2 * bytesMax) trim()
    },
    text() {
      trim()
      return Buffer.concat(chunks).toString('utf8')
    }
  }
}
