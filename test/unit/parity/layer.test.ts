/** The archive of a layer becomes entries. */
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { type Header, pack } from 'tar-stream'
import { expect, test } from 'vitest'
import { hashOf, readLayer } from '../../parity/image/layer.ts'

async function layerOf(headers: readonly (Partial<Header> & { readonly name: string })[], isGzip = false, text = 'x') {
  const tar = pack()
  for (const header of headers) tar.entry(header, header.type === undefined ? text : '')
  tar.finalize()
  const bytes = await buffer(tar)
  return await readLayer(Readable.from([isGzip ? gzipSync(bytes) : bytes]), isGzip)
}

test.each([false, true])('files have mode, owner and a hash; packed: %s', async (isGzip) => {
  expect(await layerOf([{ name: 'd/f', mode: 0o4755, uid: 5, gid: 6 }], isGzip)).toEqual([
    { path: '/d/f', node: { type: 'file', mode: 0o4755, owner: '5:6', content: hashOf('x'), xattrs: {} } }
  ])
})

/** What useradd writes has the day of the build in it; a reference of yesterday would be another image. */
test.each(['etc/shadow', './etc/shadow-', 'etc/passwd'])('%s of two days', async (name) => {
  const [one, other] = await Promise.all(['app:!:20785:0:99999:7:::\n', 'app:!:20786:0:99999:7:::\n'].map(textOf))
  expect(one === other).toBe(name !== 'etc/passwd')

  async function textOf(text: string) {
    const [entry] = await layerOf([{ name }], false, text)
    return entry?.node?.content
  }
})

test.each([
  ['./a/', '/a'],
  ['/a', '/a'],
  ['./', '/'],
  ['.wh.a', '/.wh.a']
])('%s is %s', async (name, path) => {
  const [entry] = await layerOf([{ name, type: 'directory' }])
  expect(entry?.path).toBe(path)
})

test('links, hard links and devices', async () => {
  const entries = await layerOf([
    { name: 'l', type: 'symlink', linkname: '../t' },
    { name: 'h', type: 'link', linkname: './d/f' },
    { name: 'c', type: 'character-device', devmajor: 1, devminor: 3 }
  ])
  expect(entries.map(({ node, sameAs }) => sameAs ?? node?.content)).toEqual(['../t', '/d/f', '1:3'])
})

test('extended attributes are in hexadecimal', async () => {
  const [entry] = await layerOf([{ name: 'f', pax: { 'SCHILY.xattr.user.a': 'b' } }])
  expect(entry?.node?.xattrs).toEqual({ 'user.a': '62' })
})

test('an archive that is cut off is an error', async () => {
  await expect(readLayer(Readable.from([gzipSync(Buffer.alloc(512, 1))]), true)).rejects.toThrow()
})
