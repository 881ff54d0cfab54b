/** Reads the archive of one layer into entries, for the comparison. */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import type { Entry, Node } from './tree.ts'

const TYPES: Readonly<Record<string, Node['type']>> = {
  file: 'file',
  'contiguous-file': 'file',
  directory: 'dir',
  symlink: 'link',
  'character-device': 'char',
  'block-device': 'block',
  fifo: 'pipe'
}

const XATTR = 'SCHILY.xattr.'
/** Digits of a content's hash; enough to tell the files of one image apart. */
export const HASH_LENGTH = 16
/** Names in archives may begin with `./` and end with a slash. */
const absolute = (name: string) => `/${name.replace(/^(?:\.?\/+)+|^\.$/, '').replace(/\/+$/, '')}`

/** The day of a password's last change, which is the day of the build: it is compared as little as other times. */
const DATED = /^\/etc\/shadow-?$/
const DAY = /^([^:\n]*:[^:\n]*:)\d+/gm
export const withoutDay = (data: Buffer): Buffer => Buffer.from(data.toString('latin1').replaceAll(DAY, '$1'), 'latin1')

export const hashOf = (data: string | Uint8Array): string =>
  createHash('sha256').update(data).digest('hex').slice(0, HASH_LENGTH)

function unpack(packed: Readable, isGzip: boolean) {
  const tar = extract()
  const unpacked = isGzip ? packed.pipe(createGunzip()) : packed
  unpacked.on('error', (error) => tar.destroy(error))
  unpacked.pipe(tar)
  return tar
}

/** The bytes of a plain file, if the layer has it. */
export async function fileOf(packed: Readable, isGzip: boolean, path: string): Promise<Buffer | undefined> {
  let found: Buffer | undefined
  for await (const entry of unpack(packed, isGzip)) {
    if (absolute(entry.header.name) === path && entry.header.type === 'file') found = await buffer(entry)
    else entry.resume()
  }
  return found
}

export async function readLayer(packed: Readable, isGzip: boolean): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for await (const entry of unpack(packed, isGzip)) {
    entries.push(entryOf(entry.header, await hashOfEntry(entry.header.name, entry)))
  }
  return entries
}

async function hashOfEntry(name: string, entry: AsyncIterable<unknown>): Promise<string> {
  if (DATED.test(absolute(name)))
    return hashOf(withoutDay(Buffer.from(await buffer(entry as AsyncIterable<Uint8Array>))))
  const hash = createHash('sha256')
  for await (const chunk of entry) hash.update(chunk as Uint8Array)
  return hash.digest('hex').slice(0, HASH_LENGTH)
}

function entryOf(header: Header, hash: string): Entry {
  const path = absolute(header.name)
  if (header.type === 'link') return { path, sameAs: absolute(header.linkname ?? '') }
  const type = TYPES[header.type ?? 'file']
  if (type === undefined) throw new Error(`${path} is a ${header.type}, which the comparison does not know`)
  const owner = `${header.uid}:${header.gid}`
  return { path, node: { type, mode: (header.mode ?? 0) & 0o7777, owner, content: contentOf(), xattrs: xattrs() } }

  function contentOf(): string {
    if (type === 'file') return hash
    if (type === 'link') return header.linkname ?? ''
    return type === 'char' || type === 'block' ? `${header.devmajor}:${header.devminor}` : ''
  }

  function xattrs(): Node['xattrs'] {
    const named = Object.entries((header.pax ?? {}) as Record<string, string>).filter(([key]) => key.startsWith(XATTR))
    return Object.fromEntries(
      named.map(([key, value]) => [key.slice(XATTR.length), Buffer.from(value).toString('hex')])
    )
  }
}
