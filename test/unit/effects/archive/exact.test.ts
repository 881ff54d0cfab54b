/** Goal: whatever a file is called, whenever it was changed and whatever it holds, it is the same on the other side. The other side is GNU tar. */
import { spawn, spawnSync } from 'node:child_process'
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { COMPLETE_MEMBER, pack } from '../../../../src/effects/archive/pack.ts'
import { unpack } from '../../../../src/effects/archive/unpack.ts'
import { readContext } from '../../../../src/effects/content/context.ts'
import type { ContentEntry } from '../../../../src/effects/content/hash.ts'
import { TAR_CREATE } from '../../../../src/effects/kubernetes/files/sources.ts'
import { bytesOf, nameOf } from '../../../../src/effects/work-tree/file-name.ts'

let from = ''
let to = ''
let back = ''
beforeEach(async () => {
  const make = (name: string) => mkdtemp(join(tmpdir(), `slipway-${name}-`))
  ;[from, to, back] = [await make('from'), await make('to'), await make('back')]
})
afterEach(async () => {
  await Promise.all([from, to, back].map((path) => rm(path, { recursive: true, force: true })))
})

const at = (directory: string, name: string | Buffer) =>
  Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name)])

/** As the pod does. */
async function extractWithTar(directory: string, seal?: (sent: readonly ContentEntry[]) => void): Promise<void> {
  const tar = spawn('tar', ['--extract', '--preserve-permissions', '--numeric-owner', '--file=-', '-C', directory])
  const ended = new Promise<number | null>((resolve) => tar.once('close', resolve))
  let said = ''
  tar.stderr.on('data', (chunk) => {
    said += chunk
  })
  await pipeline(pack({ root: from, paths: [''], ...(seal && { seal }) }), tar.stdin)
  // It warns of times to come.
  expect([await ended, said.replace(/^.* in the future\n/gm, '')]).toEqual([0, ''])
}

async function bringBack(directory: string): Promise<void> {
  await writeFile(join(directory, COMPLETE_MEMBER), '')
  const names = `{ find . -mindepth 1 ! -name ${COMPLETE_MEMBER} -printf '%P\\0' | sort -z; printf '${COMPLETE_MEMBER}\\0'; }`
  const script = `cd ${directory} && ${names} | ${TAR_CREATE} --no-recursion --null --files-from=-`
  const tar = spawn('sh', ['-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, LC_ALL: 'C' }
  })
  const { input, done } = unpack({ root: back, isWanted: () => true })
  tar.stdout.pipe(input)
  await done
}

/** Paths as bytes, with what they are. */
function listing(directory: string): string[] {
  const format = '%P %y %m %s %T@ %l\\0'
  const { stdout } = spawnSync('find', [directory, '-mindepth', '1', '!', '-name', '.complete', '-printf', format], {
    encoding: 'latin1'
  })
  return stdout.split('\0').toSorted()
}

const latin1 = Buffer.from('caf\xe9.txt', 'latin1')

describe('names', () => {
  test.each([
    ['UTF-8', Buffer.from('grün ビルド 🚢')],
    ['Latin-1', latin1],
    ['nothing but one byte', Buffer.from([0xff])],
    ['the bytes of a surrogate', Buffer.from([0xed, 0xb3, 0xa9])],
    ['a character that was cut', Buffer.from([0x61, 0xf0, 0x9f, 0x9a])],
    ['of 255 bytes', Buffer.alloc(255, 0xe9)],
    ['with a line end and what shells read', Buffer.from('a\n$(b) *?[c]\\ \'"')],
    ['that begins with a dash', Buffer.from('--checkpoint')]
  ])('%s arrive and come back, as those of files, directories and in links', async (_title, name) => {
    await mkdir(at(from, Buffer.concat([name.subarray(0, 250), Buffer.from('.d')])))
    await writeFile(Buffer.concat([at(from, Buffer.concat([name.subarray(0, 250), Buffer.from('.d/')])), name]), 'deep')
    await writeFile(at(from, name), 'content')
    await symlink(name, at(from, 'link'))
    await extractWithTar(to)
    expect(listing(to)).toEqual(listing(from))
    await bringBack(to)
    const withoutTimes = (lines: string[]) => lines.map((line) => line.replace(/ \d+\.\d+ /g, ' '))
    expect(withoutTimes(listing(back))).toEqual(withoutTimes(listing(from)))
  })

  test('are bytes for bytes, and no two the same text', () => {
    const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array))
    fc.assert(fc.property(bytes, (name) => bytesOf(nameOf(name)).equals(name)))
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => nameOf(bytesOf(text)) === text))
  })

  test('count in what an image is made from', async () => {
    const hashed = async () => {
      const entries = await readContext({ root: from, path: '' }, 'Dockerfile', new AbortController().signal)
      return entries.map(({ path }) => path).toSorted()
    }
    await writeFile(at(from, latin1), 'a')
    await writeFile(at(from, Buffer.from('caf\xea.txt', 'latin1')), 'b')
    expect(await hashed()).toEqual(['caf\udce9.txt', 'caf\udcea.txt'])
  })
})

describe('times', () => {
  test.each([0, 0.000000001, 1.5, 1_700_000_000.125, 4_294_967_296.25, 10_000_000_000, -1.25])(
    '%d seconds arrive to the nanosecond, and come back to the microsecond',
    async (seconds) => {
      await writeFile(join(from, 'f'), '')
      await mkdir(join(from, 'd'))
      for (const name of ['f', 'd']) await utimes(join(from, name), seconds, seconds)
      await extractWithTar(to)
      const ns = async (path: string) => (await stat(path, { bigint: true })).mtimeNs
      for (const name of ['f', 'd']) expect(await ns(join(to, name))).toBe(await ns(join(from, name)))
      await bringBack(to)
      const off = (await ns(join(back, 'f'))) - (await ns(join(from, 'f')))
      expect(Number(off < 0n ? -off : off)).toBeLessThanOrEqual(1_000)
    }
  )

  test('that only touch can set are exact, too', async () => {
    await writeFile(join(from, 'f'), '')
    spawnSync('touch', ['-d', '@1700000000.123456789', join(from, 'f')])
    await extractWithTar(to)
    expect((await stat(join(to, 'f'), { bigint: true })).mtimeNs).toBe(1_700_000_000_123_456_789n)
  })
})

describe('holes', () => {
  const MIB = 1024 * 1024
  test.each<readonly [string, readonly (readonly [position: number, text: string])[], number]>([
    ['nothing but a hole', [], 64 * MIB],
    [
      'content at both ends',
      [
        [0, 'start'],
        [64 * MIB - 3, 'end']
      ],
      64 * MIB
    ],
    ['a hole at the end', [[8_192, 'x'.repeat(5_000)]], 64 * MIB],
    ['an odd size', [[300_000, 'y']], 10 * MIB + 17],
    ['many holes', Array.from({ length: 50 }, (_, index) => [index * MIB, `piece ${index}`] as const), 60 * MIB]
  ])('of a file with %s are not sent, and its hash is that of all of it', async (_title, pieces, size) => {
    const name = `grün ${'long-name-'.repeat(15)}`
    const file = await open(join(from, name), 'w')
    for (const [position, text] of pieces) await file.write(text, position)
    await file.truncate(size)
    await file.close()
    let sent = 0
    for await (const chunk of pack({ root: from, paths: [''] })) sent += (chunk as Buffer).length
    expect(sent).toBeLessThan(MIB)
    let written: readonly ContentEntry[] = []
    await extractWithTar(to, (entries) => {
      written = entries
    })
    expect(spawnSync('cmp', [join(from, name), join(to, name)]).status).toBe(0)
    expect((await lstat(join(to, name))).blocks * 512).toBeLessThan(MIB)
    expect(written).toEqual(await readContext({ root: from, path: '' }, '', new AbortController().signal))
    await rm(join(from, name))
  })

  test('that no disk allocated differently are sent as what they are: zeros in a file without holes', async () => {
    await writeFile(join(from, 'zeros'), Buffer.alloc(MIB))
    await extractWithTar(to)
    expect((await readFile(join(to, 'zeros'))).equals(Buffer.alloc(MIB))).toBe(true)
  })
})

test('second names stay second names, are sent once, and count like files of their own', async () => {
  await mkdir(join(from, 'b'))
  await writeFile(at(from, latin1), Buffer.alloc(1_000_000, 1))
  await link(at(from, latin1), join(from, 'b/two'))
  await link(at(from, latin1), join(from, 'b/three'))
  await writeFile(join(from, 'other'), 'x')
  let sent = 0
  for await (const chunk of pack({ root: from, paths: [''] })) sent += (chunk as Buffer).length
  expect(sent).toBeLessThan(1_100_000)
  let written: readonly ContentEntry[] = []
  await extractWithTar(to, (entries) => {
    written = entries
  })
  const inodes = await Promise.all([at(to, latin1), join(to, 'b/two'), join(to, 'b/three')].map((path) => stat(path)))
  expect(new Set(inodes.map(({ ino }) => ino)).size).toBe(1)
  const read = await readContext({ root: from, path: '' }, '', new AbortController().signal)
  const sorted = (entries: readonly ContentEntry[]) => entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  expect(sorted(written)).toEqual(sorted(read))
})

test('a second name of what was left out is a file', async () => {
  for (const name of ['in', 'out']) await mkdir(join(from, name))
  await writeFile(join(from, 'in/f'), 'x')
  await link(join(from, 'in/f'), join(from, 'out/g'))
  const { input, done } = unpack({ root: to, isWanted: () => true })
  await pipeline(pack({ root: from, paths: ['out'] }), input)
  await done
  expect(await readFile(join(to, 'out/g'), 'utf8')).toBe('x')
  expect(await readdir(to)).toEqual(['out'])
})
