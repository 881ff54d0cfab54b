/** What ADD makes of a file, by its first bytes: for what is decided about a Dockerfile before the build. */
import { constants, gunzipSync } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import type { Archive } from '../dockerfile/constructs.ts'

/** What is looked at of a file, and what may come out of that. */
const START_BYTES = 16 * 1024
const OUTPUT_BYTES_MAX = 32 * 1024 * 1024
/** Directories with a mode or owner of their own whose parents are not in the archive: one or none. */
const ORPHANS_MAX = 16

/** Which its types do not know. */
const OLD_ONES_TOO: object = { allowUnknownFormat: true }

const UNREADABLE = ['fd377a585a00', '28b52ffd']
const GZIP = '1f8b08'
const BZIP2 = '425a68'

/** Undefined for a file that ADD copies as it is. */
export async function archiveOf(content: Uint8Array): Promise<Archive | undefined> {
  const start = Buffer.from(content.subarray(0, START_BYTES))
  const magic = start.toString('hex', 0, 6)
  if (UNREADABLE.some((each) => magic.startsWith(each))) return { kind: 'unreadable' }
  // What is in it is not looked at.
  if (magic.startsWith(BZIP2)) return { kind: 'archive', orphans: [] }
  const isPacked = magic.startsWith(GZIP)
  const headers = await headersIn(isPacked ? unpacked(start) : start)
  if (headers.some(({ name }) => name.split('/').includes('..'))) return { kind: 'unreadable' }
  if (headers.length > 0) return { kind: 'archive', orphans: orphansOf(headers) }
  return isPacked ? { kind: 'packed' } : undefined
}

function unpacked(start: Buffer): Buffer {
  try {
    return gunzipSync(start, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: OUTPUT_BYTES_MAX })
  } catch {
    return Buffer.alloc(0)
  }
}

/** As far as they can be read. */
async function headersIn(bytes: Buffer): Promise<readonly Header[]> {
  const found: Header[] = []
  const reader = extract(OLD_ONES_TOO)
  return await new Promise((resolve) => {
    reader.on('entry', (header, entry, next) => {
      found.push(header)
      entry.on('error', () => {})
      entry.on('end', next)
      entry.resume()
    })
    reader.on('error', () => {})
    reader.on('close', () => resolve(found))
    reader.end(bytes)
  })
}

/** Parents that come late or never get what the first one in them has, where they are made on the way. */
function orphansOf(headers: readonly Header[]): readonly string[] {
  const made = new Set<string>()
  const orphans = new Set<string>()
  for (const { name, type, mode = 0, uid = 0, gid = 0 } of headers) {
    const parts = name.split('/').filter((part) => part !== '' && part !== '.')
    if (parts.length === 0) continue
    const isUsual = (mode & 0o7777) === 0o755 && uid === 0 && gid === 0
    if (type === 'directory' && !isUsual && !made.has(parts.slice(0, -1).join('/'))) orphans.add(parts.join('/'))
    for (let depth = 0; depth <= parts.length; depth += 1) made.add(parts.slice(0, depth).join('/'))
  }
  return [...orphans].slice(0, ORPHANS_MAX)
}
