/** Packing and unpacking in copy mode: what arrives is what was there, and a hostile archive writes nothing outside. */
import { spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  truncate,
  writeFile
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pack as tarPack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GONE_MEMBER } from '../../../../src/effects/archive/gone.ts'
import { COMPLETE_MEMBER, pack } from '../../../../src/effects/archive/pack.ts'
import { removeStaging } from '../../../../src/effects/archive/staging.ts'
import { unpack } from '../../../../src/effects/archive/unpack.ts'
import { DEPTH_MAX } from '../../../../src/effects/work-tree/directory.ts'

let from = ''
let to = ''

beforeEach(async () => {
  from = await mkdtemp(join(tmpdir(), 'slipway-pack-'))
  to = await mkdtemp(join(tmpdir(), 'slipway-unpack-'))
})
afterEach(async () => {
  await rm(from, { recursive: true, force: true })
  await rm(to, { recursive: true, force: true })
})

type Member = { name: string; type?: 'file' | 'directory' | 'symlink' | 'link'; content?: string; linkname?: string }

function archiveOf(members: readonly Member[], isComplete = true): Readable {
  const archive = tarPack()
  for (const { name, type = 'file', content = '', linkname } of members) {
    const header = { name, type, ...(linkname !== undefined && { linkname }) }
    if (type === 'file') archive.entry(header, content)
    else archive.entry(header)
  }
  if (isComplete) archive.entry({ name: COMPLETE_MEMBER }, '')
  archive.finalize()
  return archive as unknown as Readable
}

async function unpackInto(root: string, stream: Readable, isWanted: (path: string) => boolean = () => true) {
  const unpacking = unpack({ root, isWanted })
  await Promise.all([
    unpacking.done,
    pipeline(stream, unpacking.input).catch((error: Error) => {
      // The rejection that counts is that of `done`.
      return error
    })
  ])
}

test('files, modes, links and empty directories arrive as they were', async () => {
  await mkdir(join(from, 'a/empty'), { recursive: true })
  await writeFile(join(from, 'a/plain'), 'text')
  await writeFile(join(from, 'a/program'), '#!/bin/sh\n')
  await chmod(join(from, 'a/program'), 0o755)
  await writeFile(join(from, 'a/large'), Buffer.alloc(700_000, 7))
  await symlink('../elsewhere', join(from, 'a/link'))
  await unpackInto(to, pack({ root: from, paths: ['a'] }))
  expect((await readdir(join(to, 'a'))).sort()).toEqual(['empty', 'large', 'link', 'plain', 'program'])
  expect(await readFile(join(to, 'a/plain'), 'utf8')).toBe('text')
  expect((await lstat(join(to, 'a/program'))).mode & 0o777).toBe(0o755)
  // Compared here: comparing byte by byte takes seconds.
  expect((await readFile(join(to, 'a/large'))).equals(Buffer.alloc(700_000, 7))).toBe(true)
  expect(await readlink(join(to, 'a/link'))).toBe('../elsewhere')
})

test('what a program removes while it is packed is left out, and a file that shrinks makes it fail', async () => {
  await mkdir(join(from, 'a'))
  for (const name of ['0', '1', '2']) await writeFile(join(from, 'a', name), name)
  await writeFile(join(from, 'a/large'), Buffer.alloc(700_000, 7))
  // Asked about each name right before it is looked at, and after the directory was listed.
  const removing = (path: string) => {
    if (path === 'a/0') rmSync(join(from, 'a/1'))
    return true
  }
  await unpackInto(to, pack({ root: from, paths: ['a'], include: removing }))
  expect((await readdir(join(to, 'a'))).sort()).toEqual(['0', '2', 'large'])

  const shrinking = pack({ root: from, paths: ['a'] })
  // Nobody has read anything yet: the large file is open, and what was read of it waits.
  await vi.waitFor(() => expect(shrinking.readableLength).toBeGreaterThan(100_000), { timeout: 8_000 })
  await truncate(join(from, 'a/large'), 100_000)
  await expect(unpackInto(to, shrinking)).rejects.toThrow()
})

test('whenever its reader goes away, nothing is thrown into the process and no file stays open', async () => {
  const thrown: unknown[] = []
  const note = (error: unknown) => void thrown.push(error)
  process.on('uncaughtException', note).on('unhandledRejection', note)
  await mkdir(join(from, 'deep/deeper'), { recursive: true })
  for (let index = 0; index < 40; index += 1) await writeFile(join(from, `deep/deeper/${index}`), Buffer.alloc(40_000))
  await writeFile(join(from, 'deep/large'), Buffer.alloc(3_000_000))
  const openFiles = async () => (await readdir('/proc/self/fd')).length
  const before = await openFiles()
  for (let turn = 0; turn < 60; turn += 1) {
    const stream = pack({ root: from, paths: [''], seal: () => {} })
    stream.on('error', () => {})
    if (turn % 3 > 0) await new Promise((resolve) => stream.once('readable', resolve))
    if (turn % 3 > 1) for (let read = 0; read < turn; read += 1) stream.read()
    for (let wait = 0; wait < turn % 7; wait += 1) await new Promise((resolve) => setImmediate(resolve))
    stream.destroy()
  }
  await vi.waitFor(async () => expect(await openFiles()).toBeLessThanOrEqual(before))
  process.off('uncaughtException', note).off('unhandledRejection', note)
  expect(thrown).toEqual([])
})

test('only the paths that were asked for are packed, with their parents', async () => {
  await mkdir(join(from, 'repo/repo/deep'), { recursive: true })
  await mkdir(join(from, '_temp'), { recursive: true })
  await writeFile(join(from, 'repo/repo/deep/kept'), '')
  await writeFile(join(from, 'repo/left-out'), '')
  await writeFile(join(from, '_temp/hidden'), '')
  await unpackInto(to, pack({ root: from, paths: ['repo/repo', '_temp'], include: (path) => path !== '_temp/hidden' }))
  expect((await readdir(to, { recursive: true })).sort()).toEqual([
    '_temp',
    'repo',
    'repo/repo',
    'repo/repo/deep',
    'repo/repo/deep/kept'
  ])
})

test('an archive that was cut short is refused', async () => {
  await expect(unpackInto(to, archiveOf([{ name: 'a', content: 'x' }], false))).rejects.toThrow('cut short')
})

test.each(['../outside', '/outside', 'a/../../outside'])('a member called %s is refused', async (name) => {
  await expect(unpackInto(to, archiveOf([{ name, content: 'x' }]))).rejects.toThrow('not asked for')
})

test('a member outside of what was asked for is refused', async () => {
  const archive = archiveOf([{ name: 'b/x', content: 'x' }])
  await expect(unpackInto(to, archive, (path) => path === 'a' || path.startsWith('a/'))).rejects.toThrow(
    'not asked for'
  )
})

test('nothing is written through a link that an earlier member made', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'slipway-outside-'))
  const archive = archiveOf([
    { name: 'way-out', type: 'symlink', linkname: outside },
    { name: 'way-out/file', content: 'x' }
  ])
  await unpackInto(to, archive)
  expect(await readdir(outside)).toEqual([])
  expect((await lstat(join(to, 'way-out'))).isDirectory()).toBe(true)
  await rm(outside, { recursive: true })
})

test('nothing is written through a link that stands in the place of a file', async () => {
  const outside = join(from, 'precious')
  await writeFile(outside, 'precious')
  await symlink(outside, join(to, 'file'))
  await unpackInto(to, archiveOf([{ name: 'file', content: 'new' }]))
  expect(await readFile(outside, 'utf8')).toBe('precious')
  expect(await readFile(join(to, 'file'), 'utf8')).toBe('new')
})

test('a directory may become a file, and a file a directory', async () => {
  await mkdir(join(to, 'a/b'), { recursive: true })
  await writeFile(join(to, 'c'), 'file')
  await unpackInto(
    to,
    archiveOf([
      { name: 'a', content: 'now a file' },
      { name: 'c', type: 'directory' },
      { name: 'c/d', content: 'below' }
    ])
  )
  expect(await readFile(join(to, 'a'), 'utf8')).toBe('now a file')
  expect(await readFile(join(to, 'c/d'), 'utf8')).toBe('below')
})

test('the list of what is gone removes that, and leads nowhere outside', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'slipway-outside-'))
  await writeFile(join(outside, 'x'), '')
  for (const name of ['kept/gone/below', 'kept/stays']) await mkdir(join(to, name), { recursive: true })
  await symlink(outside, join(to, 'link'))
  const gone = ['kept/gone', 'kept/gone/below', '../outside', `${outside}/x`, 'link/x', 'kept/../../b', '..', '.', '']
  await unpackInto(to, archiveOf([{ name: GONE_MEMBER, content: gone.join('\0') }]))
  expect((await readdir(to)).sort()).toEqual(['kept', 'link'])
  expect(await readdir(join(to, 'kept'))).toEqual(['stays'])
  expect(await readdir(outside)).toEqual(['x'])
  await rm(outside, { recursive: true })
})

test('a connection that is cut in the middle of a file leaves the old file, and nothing of the new one', async () => {
  await writeFile(join(to, 'a'), 'old')
  const unpacking = unpack({ root: to, isWanted: () => true })
  const chunks: Buffer[] = []
  for await (const chunk of archiveOf([{ name: 'a', content: 'new'.repeat(100_000) }])) chunks.push(chunk)
  unpacking.input.write(Buffer.concat(chunks).subarray(0, 200_000))
  await vi.waitFor(async () => expect(await readdir(to)).toHaveLength(2))
  unpacking.input.destroy(new Error('the connection was lost'))
  await expect(unpacking.done).rejects.toThrow('the connection was lost')
  expect(await readdir(to)).toEqual(['a'])
  expect(await readFile(join(to, 'a'), 'utf8')).toBe('old')
})

describe('what comes back is bounded', () => {
  const refused = (members: readonly Member[], bytesMax?: number) => {
    const unpacking = unpack({ root: to, isWanted: () => true, bytesMax })
    pipeline(archiveOf(members), unpacking.input).catch(() => {})
    return expect(unpacking.done).rejects.toMatchObject({ code: 'files-refused' })
  }

  test('in bytes, over all files together', async () => {
    const members = [0, 1, 2].map((index) => ({ name: `f${index}`, content: 'x'.repeat(1_000) }))
    await unpackInto(to, archiveOf(members))
    await refused(members, 2_999)
  })

  test('in depth and in the length of a path', async () => {
    const deep = (levels: number) => [{ name: `${'d/'.repeat(levels)}f`, content: '' }]
    await unpackInto(to, archiveOf(deep(DEPTH_MAX - 1)))
    await refused(deep(DEPTH_MAX))
    await refused([{ name: `${'d'.repeat(200)}/`.repeat(21), content: '' }])
  })

  test('a disk that does not take a file says which and why, once', async () => {
    await refused([{ name: `a/${'n'.repeat(300)}`, content: '' }])
    await expect(unpackInto(to, archiveOf([{ name: `a/${'n'.repeat(300)}` }]))).rejects.toThrow(
      /'a\/n+' .*ENAMETOOLONG/
    )
  })
})

test('what a killed unpacking has left is removed, and nothing else that looks like it', async () => {
  for (const name of ['.slipway-0123456789abcdef', '.slipway-mine', 'repo']) await mkdir(join(to, name))
  await writeFile(join(to, '.slipway-0123456789abcdef/f'), '')
  await removeStaging(to)
  expect((await readdir(to)).sort()).toEqual(['.slipway-mine', 'repo'])
})

test('where only plain files are wanted, nothing else is taken, and what has to stay a directory stays one', async () => {
  await mkdir(join(to, 'commands'))
  await writeFile(join(to, 'commands/output'), '')
  const leftOut: string[] = []
  const { input, done } = unpack({
    root: to,
    isWanted: () => true,
    plainFilesIn: ['commands'],
    staysDirectory: (path) => path === 'commands' || path === 'mount',
    onLeftOut: (path) => leftOut.push(path)
  })
  await mkdir(join(to, 'mount'))
  const archive = archiveOf([
    { name: GONE_MEMBER, content: 'mount' },
    { name: 'commands/output', type: 'symlink', linkname: '/etc/passwd' },
    { name: 'commands/directory', type: 'directory' },
    { name: 'commands/new', content: 'a=1' },
    { name: 'commands', type: 'symlink', linkname: '/etc' },
    { name: 'mount', content: 'now a file' }
  ])
  await Promise.all([pipeline(archive, input), done])
  expect(leftOut).toEqual(['commands/output', 'commands/directory', 'commands', 'mount'])
  expect((await readdir(join(to, 'commands'))).sort()).toEqual(['new', 'output'])
  expect(await readFile(join(to, 'commands/output'), 'utf8')).toBe('')
  expect((await lstat(join(to, 'mount'))).isDirectory()).toBe(true)
})

test('a second name of a file costs nothing, and is one of a file that came before or of none', async () => {
  const link = (name: string, linkname: string): Member => ({ name, type: 'link', linkname })
  await unpackInto(
    to,
    archiveOf([{ name: 'a/one', content: 'x'.repeat(10_000) }, link('b/two', 'a/one'), link('a/three', 'b/two')])
  )
  const [one, two, three] = await Promise.all(['a/one', 'b/two', 'a/three'].map((path) => lstat(join(to, path))))
  expect([two?.ino, three?.ino]).toEqual([one?.ino, one?.ino])
  await symlink('/etc/passwd', join(to, 'link'))
  for (const target of ['link', 'a/missing', '../outside', '/etc/passwd', '']) {
    await expect(unpackInto(to, archiveOf([link('c', target)])), target).rejects.toThrow('second name')
  }
  const archive = archiveOf([{ name: 's', type: 'symlink', linkname: '/etc/passwd' }, link('d', 's')])
  await expect(unpackInto(to, archive)).rejects.toThrow('replaced')
  expect((await readdir(to)).sort()).toEqual(['a', 'b', 'link', 's'])
})

describe('a file with holes, as GNU tar sends it', () => {
  const tar = async (name: string): Promise<Readable> => {
    const args = ['--create', '--file=-', '--sparse', '--format=posix', '-C', from, name, COMPLETE_MEMBER]
    await writeFile(join(from, COMPLETE_MEMBER), '')
    return spawn('tar', args, { stdio: ['ignore', 'pipe', 'inherit'] }).stdout
  }

  test.each<readonly [string, readonly (readonly [position: number, text: string])[], number]>([
    ['nothing but a hole', [], 200_000_000],
    [
      'a hole in the middle',
      [
        [0, 'start'],
        [90_000_000, 'end']
      ],
      90_000_003
    ],
    ['a hole at the end', [[4_096 * 3, 'x'.repeat(5_000)]], 50_000_000],
    ['many holes', Array.from({ length: 50 }, (_, index) => [index * 1_000_000, `piece ${index}`] as const), 60_000_000]
  ])('%s takes no more room than there', async (_title, pieces, size) => {
    const name = `${'long-name-'.repeat(15)}sparse`
    const file = await open(join(from, name), 'w')
    for (const [position, text] of pieces) await file.write(text, position)
    await file.truncate(size)
    await file.close()
    await unpackInto(to, await tar(name))
    const [there, here] = [await lstat(join(from, name)), await lstat(join(to, name))]
    expect(here.size).toBe(size)
    expect(here.blocks).toBeLessThanOrEqual(there.blocks + 16)
    // Compared outside of this process: two buffers of this size are a lot.
    expect(spawnSync('cmp', [join(from, name), join(to, name)]).status).toBe(0)
    expect(here.mtimeMs).toBeCloseTo(there.mtimeMs, 2)
  })

  test.each([
    ['pieces that overlap', '2\n0\n512\n100\n512\n'],
    ['a piece behind the end', '1\n5000\n512\n'],
    ['a number that is none', 'x\n'],
    ['a number that never ends', '1'.repeat(600)],
    ['a map that never ends', '999999999\n'],
    ['no map', '']
  ])('with %s is refused', async (_title, map) => {
    const archive = tarPack()
    const pax = {
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.name': 'f',
      'GNU.sparse.realsize': '1024'
    }
    archive.entry({ name: 'GNUSparseFile.0/f', pax }, map.padEnd(512, '\0'))
    archive.entry({ name: COMPLETE_MEMBER }, '')
    archive.finalize()
    await expect(unpackInto(to, archive as unknown as Readable)).rejects.toThrow('holes')
    expect(await readdir(to)).toEqual([])
  })
})
