/** Tells a script's own output from what the session says about it, for the host of scripts. */

const START = 0x1e
const NEWLINE = 0x0a
/** A frame is a few words and at most one path. */
const FRAME_BYTES_MAX = 64 * 1024

export interface FrameReader {
  add(chunk: Uint8Array): void
}

export interface FrameListener {
  /** Bytes between frames, passed on as soon as they cannot be the beginning of one. */
  raw(bytes: Buffer): void
  /** Words of a frame. */
  frame(kind: string, rest: string): void
}

/** Frames are `\x1e`, the nonce, a space, the words, and a newline. Throws on one that is longer than any can be. */
export function createFrameReader(nonce: string, listener: FrameListener): FrameReader {
  const prefix = Buffer.concat([Buffer.of(START), Buffer.from(`${nonce} `)])
  let pending: Buffer = Buffer.alloc(0)

  const emit = (bytes: Buffer) => {
    if (bytes.length > 0) listener.raw(bytes)
  }
  /** Where an incomplete prefix at the end of the data begins. */
  const heldFrom = (data: Buffer): number => {
    const start = data.lastIndexOf(START)
    const isPrefix = start >= 0 && prefix.subarray(0, data.length - start).equals(data.subarray(start))
    return isPrefix ? start : data.length
  }

  return {
    add(chunk) {
      let data = Buffer.concat([pending, chunk])
      for (;;) {
        const start = data.indexOf(prefix)
        if (start < 0) break
        const end = data.indexOf(NEWLINE, start)
        if (end < 0) {
          emit(data.subarray(0, start))
          pending = data.subarray(start)
          if (pending.length > FRAME_BYTES_MAX) throw new Error('a frame of the script session has no end')
          return
        }
        emit(data.subarray(0, start))
        const words = data.subarray(start + prefix.length, end).toString('utf8')
        const [kind = ''] = words.split(' ', 1)
        listener.frame(kind, words.slice(kind.length + 1))
        data = data.subarray(end + 1)
      }
      const held = heldFrom(data)
      emit(data.subarray(0, held))
      pending = data.subarray(held)
    }
  }
}
