/** Packing and unpacking in copy mode: what arrives is what was there, and a hostile archive writes nothing outside. */
import { rmSync } from 'node:fs'
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
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
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pack as tarPack } from 'tar-stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { COMPLETE_MEMBER, pack } from '../../../../src/effects/archive/pack.ts'
import { GONE_MEMBER, unpack } from '../../../../src/effects/archive/unpack.ts'

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

type Member = { name: string; type?: 'file' | 'directory' | 'symlink'; content?: string; linkname?: string }

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
  const gone: string[] = []
  const unpacking = unpack({ root, isWanted, onGone: async (paths) => void gone.push(...paths) })
  const [written] = await Promise.all([
    unpacking.done,
    pipeline(stream, unpacking.input).catch((error: Error) => {
      // The rejection that counts is that of `done`.
      return error
    })
  ])
  return { written, gone }
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
  // Nobody has read anything yet: the large file's header waits, and its content after it.
  await new Promise((resolve) => setTimeout(resolve, 50))
  await truncate(join(from, 'a/large'), 100_000)
  await expect(unpackInto(to, shrinking)).rejects.toThrow()
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

test('the list of what is gone leads nowhere outside', async () => {
  const content = ['kept/gone', '../outside', '/etc', 'a/../../b', ''].join('\0')
  const { gone } = await unpackInto(to, archiveOf([{ name: GONE_MEMBER, content }]))
  expect(gone).toEqual(['kept/gone'])
})

test('a connection that is cut in the middle of a file leaves the old file, and nothing of the new one', async () => {
  await writeFile(join(to, 'a'), 'old')
  const unpacking = unpack({ root: to, isWanted: () => true, onGone: async () => {} })
  const chunks: Buffer[] = []
  for await (const chunk of archiveOf([{ name: 'a', content: 'new'.repeat(100_000) }])) chunks.push(chunk)
  unpacking.input.write(Buffer.concat(chunks).subarray(0, 200_000))
  await vi.waitFor(async () => expect(await readdir(to)).toHaveLength(2))
  unpacking.input.destroy(new Error('the connection was lost'))
  await expect(unpacking.done).rejects.toThrow('the connection was lost')
  expect(await readdir(to)).toEqual(['a'])
  expect(await readFile(join(to, 'a'), 'utf8')).toBe('old')
})
