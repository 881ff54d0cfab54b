/** Reads a tar stream, for unpacking: tar-stream's reader, with names that are whatever bytes they are. */
import { extract, type Header } from 'tar-stream'
import { nameOf } from '../work-tree/file-name.ts'

export type TarReader = ReturnType<typeof extract>

/** A member's extended header. */
export type Pax = Readonly<Record<string, string>>

/** What tar-stream 3.2 keeps of an extended header until the member comes; it reads them as UTF-8, whatever it is told of names. */
interface Internals {
  _pax: Pax | null
  _paxGlobal: Pax | null
  _header: Header
  _decodeLongHeader(bytes: Buffer): void
}

const BYTES = 'latin1'

/** Of its headers, each text holds bytes: `textOf` makes a name of it. */
export function tarReader(): TarReader {
  const options: object = { filenameEncoding: BYTES }
  const reader = extract(options)
  const internals = reader as unknown as Internals
  const others = internals._decodeLongHeader
  internals._decodeLongHeader = (bytes) => {
    const { type } = internals._header as { readonly type?: string }
    if (type === 'pax-header') internals._pax = { ...internals._paxGlobal, ...paxOf(bytes) }
    else others.call(reader, bytes)
  }
  return reader
}

export const textOf = (bytes: string): string => nameOf(Buffer.from(bytes, BYTES))

/** Records of the form `<length> <key>=<value>\n`. */
function paxOf(bytes: Buffer): Pax {
  const found: Record<string, string> = Object.create(null)
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(' ', at)
    const length = blank < 0 ? Number.NaN : Number(bytes.toString(BYTES, at, blank))
    const record = bytes.toString(BYTES, blank + 1, at + length - 1)
    const equals = record.indexOf('=')
    if (!Number.isSafeInteger(length) || length <= blank - at || equals < 0)
      throw new Error('an extended header is broken')
    found[record.slice(0, equals)] = record.slice(equals + 1)
    at += length
  }
  return found
}
