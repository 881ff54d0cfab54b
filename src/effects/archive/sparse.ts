/** Files with holes, as GNU tar sends them in its pax format 1.0 (GNU tar manual, "Storing Sparse Files"), for unpacking. */
import type { Readable } from 'node:stream'
import { StepError } from '../../errors.ts'

const BLOCK_BYTES = 512
/** Pieces of one file; each costs at least a block on the disk it came from. */
const PIECES_MAX = 1_000_000
const NUMBER_DIGITS_MAX = 20

/** A piece of a file's content and where it belongs. */
export interface Piece {
  readonly position: number
  readonly bytes: Buffer
}

export interface SparseFile {
  readonly name: string
  /** With its holes. */
  readonly size: number
}

/** What a member's extended header says of a file with holes; undefined for any other member. */
export function sparseFile(pax: Readonly<Record<string, string>> | null | undefined): SparseFile | undefined {
  if (pax?.['GNU.sparse.major'] !== '1' || pax['GNU.sparse.minor'] !== '0') return undefined
  const [name, size] = [pax['GNU.sparse.name'], Number(pax['GNU.sparse.realsize'])]
  if (name === undefined || !Number.isSafeInteger(size) || size < 0) throw malformed()
  return { name, size }
}

/** The pieces of such a file out of its member's body: a map of them, as numbers on lines, and then their bytes without the holes. */
export async function* piecesOf(body: Readable, { size }: SparseFile): AsyncGenerator<Piece> {
  let waiting = Buffer.alloc(0)
  let used = 0
  const chunks = body[Symbol.asyncIterator]()
  const more = async (): Promise<boolean> => {
    const { value, done } = await chunks.next()
    if (done) return false
    waiting = Buffer.concat([waiting, value as Buffer])
    return true
  }
  const take = (count: number): Buffer => {
    const taken = waiting.subarray(0, count)
    waiting = waiting.subarray(count)
    used += count
    return taken
  }
  const number = async (): Promise<number> => {
    let end = waiting.indexOf('\n')
    while (end < 0 && waiting.length <= NUMBER_DIGITS_MAX && (await more())) end = waiting.indexOf('\n')
    const text = take(end + 1).toString('latin1')
    if (!/^\d{1,16}\n$/.test(text) || !Number.isSafeInteger(Number(text))) throw malformed()
    return Number(text)
  }
  const count = await number()
  if (count > PIECES_MAX) throw malformed()
  const map: { readonly offset: number; readonly length: number }[] = []
  let end = 0
  for (let index = 0; index < count; index += 1) {
    const [offset, length] = [await number(), await number()]
    if (offset < end || offset + length > size) throw malformed()
    end = offset + length
    map.push({ offset, length })
  }
  let padding = (BLOCK_BYTES - (used % BLOCK_BYTES)) % BLOCK_BYTES
  while (padding > 0) {
    if (waiting.length === 0 && !(await more())) throw malformed()
    padding -= take(Math.min(padding, waiting.length)).length
  }
  for (const { offset, length } of map) {
    let done = 0
    while (done < length) {
      if (waiting.length === 0 && !(await more())) throw malformed()
      const bytes = take(Math.min(length - done, waiting.length))
      yield { position: offset + done, bytes }
      done += bytes.length
    }
  }
}

/** The pieces of any other file: one after the other. */
export async function* wholeOf(body: Readable): AsyncGenerator<Piece> {
  let position = 0
  for await (const bytes of body) {
    yield { position, bytes: bytes as Buffer }
    position += (bytes as Buffer).length
  }
}

const malformed = () =>
  new StepError('files-refused', 'a file with holes that comes back is larger than any, or broken')
