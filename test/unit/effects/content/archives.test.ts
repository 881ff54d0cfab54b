/** Goal: it is known before the build what ADD makes of a file. Method: archives made here, whole, packed and broken. */
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { type Header, pack } from 'tar-stream'
import { describe, expect, it } from 'vitest'
import { archiveOf } from '../../../../src/effects/content/archives.ts'

async function archive(...entries: readonly Headers[]): Promise<Buffer> {
  const tar = pack()
  for (const entry of entries) {
    if (entry.type === 'directory') tar.entry(entry)
    else tar.entry(entry, 'x'.repeat(entry.size ?? 1))
  }
  tar.finalize()
  return await buffer(tar)
}

type Headers = Pick<Header, 'name'> & Partial<Header>

const directory = (name: string, mode = 0o750, uid = 0): Headers => ({ name, type: 'directory', mode, uid, gid: 0 })
const file = (name: string): Headers => ({ name, mode: 0o600, uid: 5, gid: 6 })

describe('an archive', () => {
  it.each<[string, readonly Headers[], readonly string[]]>([
    ['that begins with a directory of its own', [directory('d/'), file('d/f')], ['d']],
    ['that begins with a directory of somebody', [directory('./'), directory('./d', 0o755, 5)], ['d']],
    ['that begins with a usual directory', [directory('d/', 0o755), directory('d/e')], []],
    ['that begins with a file', [file('f'), directory('d/')], []],
    ['without a parent', [file('f'), directory('a/b/'), directory('a/b/c')], ['a/b']]
  ])('%s', async (_what, entries, orphans) => {
    const bytes = await archive(...entries)
    expect(await archiveOf(bytes)).toEqual({ kind: 'archive', orphans })
    expect(await archiveOf(gzipSync(bytes))).toEqual({ kind: 'archive', orphans })
  })

  it('is read as far as its start goes', async () => {
    const bytes = await archive({ ...file('big'), size: 100_000 }, directory('d/e/'))
    expect(await archiveOf(bytes)).toEqual({ kind: 'archive', orphans: [] })
  })

  it.each(['fd377a585a0000', '28b52ffd00'])('that not every builder reads: %s', async (start) => {
    expect(await archiveOf(Buffer.from(start, 'hex'))).toEqual({ kind: 'unreadable' })
  })
})

describe('a file', () => {
  it.each(['', 'x', 'x'.repeat(2000), '\0'.repeat(1024)])('as it is', async (text) => {
    expect(await archiveOf(Buffer.from(text))).toBe(undefined)
  })

  it('that is packed and no archive', async () => {
    expect(await archiveOf(gzipSync('x'))).toEqual({ kind: 'packed' })
    expect(await archiveOf(gzipSync('x').subarray(0, 5))).toEqual({ kind: 'packed' })
  })

  it('of whatever bytes, cut or changed anywhere, has an answer', async () => {
    const whole = await archive(directory('./'), directory('d/'), { ...file('d/f'), size: 3_000 }, file('last'))
    const packed = gzipSync(whole)
    const bytes = fc.record({
      from: fc.constantFrom(whole, packed),
      end: fc.nat(whole.length),
      at: fc.nat(2_000),
      byte: fc.nat(255)
    })
    await fc.assert(
      fc.asyncProperty(bytes, async ({ from, end, at, byte }) => {
        const changed = Buffer.from(from.subarray(0, end))
        if (at < changed.length) changed[at] = byte
        expect(['unreadable', 'archive', 'packed', undefined]).toContain((await archiveOf(changed))?.kind)
      }),
      { numRuns: 500 }
    )
  })
})
