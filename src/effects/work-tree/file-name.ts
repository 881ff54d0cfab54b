/**
 * Names of files as text, whatever bytes they are, for all that lists, sends or receives files. What is UTF-8 is itself; every other byte
 * is a lone surrogate, as in Python's `surrogateescape`, so that no two names are the same text. Printed, it is U+FFFD.
 */
import { isUtf8 } from 'node:buffer'

/** U+DC80 for the byte 0x80. In a pair it is no match. */
const ESCAPED = /([\udc80-\udcff])/u
const ESCAPE = 0xdc00
const CHARACTER_BYTES_MAX = 4

export function nameOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  let name = ''
  for (let at = 0; at < bytes.length; ) {
    let length = 1
    while (length <= CHARACTER_BYTES_MAX && !isUtf8(bytes.subarray(at, at + length))) length += 1
    const isCharacter = length <= CHARACTER_BYTES_MAX
    if (!isCharacter) length = 1
    name += isCharacter ? bytes.toString('utf8', at, at + length) : String.fromCharCode(ESCAPE + (bytes[at] as number))
    at += length
  }
  return name
}

export function bytesOf(name: string): Buffer {
  if (!ESCAPED.test(name)) return Buffer.from(name, 'utf8')
  const parts = name.split(ESCAPED)
  return Buffer.concat(
    parts.map((part, index) => (index % 2 === 0 ? Buffer.from(part, 'utf8') : Buffer.of(part.charCodeAt(0) - ESCAPE)))
  )
}

/** What the file system is asked for: text where it can be. */
export const pathOf = (name: string): string | Buffer => (ESCAPED.test(name) ? bytesOf(name) : name)
