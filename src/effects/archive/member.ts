/**
 * One member of a tar archive as bytes, for packing: in POSIX format, with what the old header has no room for in an extended one. Names are
 * whatever bytes they are, times have their nanoseconds, and files with holes are GNU tar's pax format 1.0.
 */
import { bytesOf } from '../work-tree/file-name.ts'

export const BLOCK_BYTES = 512
const NAME_BYTES_MAX = 100
const ID_MAX = 0o7777777
const SIZE_MAX = 0o77777777777
const SECONDS_MAX = 0o77777777777
const NS_PER_SECOND = 1_000_000_000n
const NS_DIGITS = 9

const TYPES = { file: '0', link: '1', symlink: '2', directory: '5' } as const
const EXTENDED = 'x'

export interface Member {
  readonly path: string
  readonly type: keyof typeof TYPES
  readonly mode: number
  readonly uid?: number
  readonly gid?: number
  readonly mtimeNs?: bigint
  /** Of what follows. */
  readonly size?: number
  /** Of a link: what it says, or the first name. */
  readonly target?: string
  /** Size with its holes, of a file whose content is `sparseMap` and then its pieces. */
  readonly sparseSize?: number
}

/** A piece of a file between holes. */
export interface Extent {
  readonly offset: number
  readonly length: number
}

/** All that comes before a member's content. */
export function headerOf(member: Member): Buffer {
  const { path, type, mode, uid = 0, gid = 0, mtimeNs = 0n, size = 0, target = '', sparseSize } = member
  const isDirectory = type === 'directory' && !path.endsWith('/')
  const [name, linkName] = [bytesOf(isDirectory ? `${path}/` : path), bytesOf(target)]
  const seconds = mtimeNs / NS_PER_SECOND
  const isExactInSeconds = seconds * NS_PER_SECOND === mtimeNs && seconds >= 0n && seconds <= SECONDS_MAX
  const records: Buffer[] = []
  const record = (key: string, value: string | Buffer) => void records.push(paxRecord(key, Buffer.from(value)))
  if (sparseSize !== undefined) {
    record('GNU.sparse.major', '1')
    record('GNU.sparse.minor', '0')
    record('GNU.sparse.name', name)
    record('GNU.sparse.realsize', String(sparseSize))
  } else if (!fits(name)) record('path', name)
  if (!fits(linkName)) record('linkpath', linkName)
  if (!isExactInSeconds) record('mtime', secondsText(mtimeNs))
  if (uid > ID_MAX) record('uid', String(uid))
  if (gid > ID_MAX) record('gid', String(gid))
  if (size > SIZE_MAX) record('size', String(size))
  const own = block(TYPES[type], { name, mode, uid, gid, size, seconds: Number(seconds), linkName })
  if (records.length === 0) return own
  const extended = Buffer.concat(records)
  const before = block(EXTENDED, { name: Buffer.from('pax'), mode: 0o600, size: extended.length })
  return Buffer.concat([before, extended, paddingOf(extended.length), own])
}

/** Fills a member's content of this size up to whole blocks. */
export const paddingOf = (size: number): Buffer => Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES)

/** Two empty blocks. */
export const END = Buffer.alloc(2 * BLOCK_BYTES)

/** What comes before the pieces of a file with holes. The last one is where the file ends, however empty it is. */
export function sparseMap(extents: readonly Extent[], size: number): Buffer {
  const all = [...extents, { offset: size, length: 0 }]
  const map = Buffer.from([all.length, ...all.flatMap(({ offset, length }) => [offset, length]), ''].join('\n'))
  return Buffer.concat([map, paddingOf(map.length)])
}

/** Readers take what is not ASCII from an extended header. */
const fits = (name: Buffer): boolean => name.length <= NAME_BYTES_MAX && name.every((byte) => byte < 0x80)

/** `-1.5` for one and a half seconds before 1970. */
function secondsText(ns: bigint): string {
  const [sign, size] = ns < 0n ? ['-', -ns] : ['', ns]
  return `${sign}${size / NS_PER_SECOND}.${String(size % NS_PER_SECOND).padStart(NS_DIGITS, '0')}`
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')])
  let length = rest.length
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

interface Fields {
  readonly name: Buffer
  readonly mode: number
  readonly uid?: number
  readonly gid?: number
  readonly size: number
  readonly seconds?: number
  readonly linkName?: Buffer
}

function block(type: string, { name, mode, uid = 0, gid = 0, size, seconds = 0, linkName }: Fields): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES)
  const octal = (value: number, offset: number, length: number, max: number) =>
    bytes.write(
      Math.min(Math.max(value, 0), max)
        .toString(8)
        .padStart(length - 1, '0'),
      offset
    )
  name.copy(bytes, 0, 0, NAME_BYTES_MAX)
  octal(mode, 100, 8, ID_MAX)
  octal(uid, 108, 8, ID_MAX)
  octal(gid, 116, 8, ID_MAX)
  octal(size, 124, 12, SIZE_MAX)
  octal(seconds, 136, 12, SECONDS_MAX)
  bytes.write(' '.repeat(8), 148)
  bytes.write(type, 156)
  linkName?.copy(bytes, 157, 0, NAME_BYTES_MAX)
  bytes.write('ustar\x0000', 257)
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return bytes
}
