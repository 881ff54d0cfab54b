/** Where a file with holes has content, for packing: Node cannot ask the disk, so what is all zeros counts as a hole. */
import type { FileHandle } from 'node:fs/promises'
import { contentOf } from '../work-tree/tree.ts'
import type { Extent } from './member.ts'

/** What a disk allocates at least. */
const GRAIN_BYTES = 4_096
const ZEROS = Buffer.alloc(16 * GRAIN_BYTES)
/** A file of more pieces is sent whole. */
const EXTENTS_MAX = 100_000

/** The pieces of a file up to a size, in their order. */
export async function extentsOf(handle: FileHandle, size: number): Promise<readonly Extent[]> {
  const extents: { offset: number; length: number }[] = []
  let position = 0
  for await (const chunk of contentOf(handle, size)) {
    for (let at = 0; at < chunk.length; at += GRAIN_BYTES) {
      const grain = chunk.subarray(at, at + GRAIN_BYTES)
      if (grain.equals(ZEROS.subarray(0, grain.length))) continue
      const offset = position + at
      const last = extents.at(-1)
      if (last !== undefined && last.offset + last.length === offset) last.length += grain.length
      else extents.push({ offset, length: grain.length })
    }
    position += chunk.length
    if (extents.length > EXTENTS_MAX) return [{ offset: 0, length: size }]
  }
  return extents
}

/** The bytes of one piece. Rejects when the file has become shorter. */
export async function* bytesOfExtent(handle: FileHandle, { offset, length }: Extent): AsyncGenerator<Buffer> {
  let left = length
  for await (const chunk of contentOf(handle, offset + length, offset)) {
    left -= chunk.length
    yield chunk
  }
  if (left > 0) throw new Error('a file became shorter while it was read')
}

/** So many bytes of a hole, in parts. */
export function* zeros(count: number): Generator<Buffer> {
  for (let left = count; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, Math.min(left, ZEROS.length))
}
