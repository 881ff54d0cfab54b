/** Goal: what the runner's user may not read or change of its own disk is named in one line, and never tried again. */
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pack as tarPack } from 'tar-stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { GONE_MEMBER } from '../../../../src/effects/archive/gone.ts'
import { removeOthers } from '../../../../src/effects/archive/mirror.ts'
import { COMPLETE_MEMBER, pack } from '../../../../src/effects/archive/pack.ts'
import { unpack } from '../../../../src/effects/archive/unpack.ts'
import { readContext } from '../../../../src/effects/content/context.ts'

const NOBODY = 65_534
const isRoot = process.geteuid?.() === 0
let work = ''

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'slipway-rights-'))
  mkdirSync(join(work, 'ws/open'), { recursive: true })
  if (isRoot) for (const path of ['', 'ws', 'ws/open']) chownSync(join(work, path), NOBODY, NOBODY)
})
afterEach(async () => {
  if (isRoot) process.seteuid?.(0)
  await rm(work, { recursive: true })
})

/** As the runner's user, for whom the paths are closed. */
async function asRunner(closed: Readonly<Record<string, number>>, act: () => Promise<unknown>): Promise<unknown> {
  for (const [path, mode] of Object.entries(closed)) chmodSync(join(work, path), mode)
  if (isRoot) process.seteuid?.(NOBODY)
  try {
    return await act()
  } finally {
    if (isRoot) process.seteuid?.(0)
    for (const path of Object.keys(closed)) chmodSync(join(work, path), 0o755)
  }
}

const refusal = (path: string) => ({
  code: 'files-refused',
  retryable: false,
  message: expect.stringMatching(new RegExp(`'${path}' .* the runner's disk \\(E(ACCES|PERM)\\)`))
})

async function sending(root = 'ws') {
  for await (const _ of pack({ root: work, paths: [root] }));
}

async function receiving(members: Readonly<Record<string, string>>) {
  const archive = tarPack()
  for (const [name, content] of Object.entries({ ...members, [COMPLETE_MEMBER]: '' })) archive.entry({ name }, content)
  archive.finalize()
  const { input, done } = unpack({ root: work, isWanted: () => true })
  await Promise.all([done, pipeline(archive, input).catch(() => {})])
}

const building = async () => await readContext({ root: work, path: 'ws' }, 'Dockerfile', new AbortController().signal)

test('a file that only root may read stops what is sent and what is built', async () => {
  writeFileSync(join(work, 'ws/key.pem'), 'secret', { mode: 0o000 })
  await expect(asRunner({}, sending)).rejects.toMatchObject(refusal('ws/key.pem'))
  await expect(asRunner({}, building)).rejects.toMatchObject(refusal('key.pem'))
})

test('so does a directory, also when it is the whole of it', async () => {
  mkdirSync(join(work, 'ws/closed'))
  await expect(asRunner({ 'ws/closed': 0o000 }, sending)).rejects.toMatchObject(refusal('ws/closed'))
  await expect(asRunner({ 'ws/closed': 0o000 }, building)).rejects.toMatchObject(refusal('closed'))
  await expect(asRunner({ ws: 0o111 }, sending)).rejects.toMatchObject(refusal('ws'))
  await expect(asRunner({ ws: 0o111 }, building)).rejects.toMatchObject(refusal('ws'))
})

test('what comes back into a directory of root is refused, whether it is new, changed or gone', async () => {
  mkdirSync(join(work, 'ws/out'))
  writeFileSync(join(work, 'ws/out/f'), '')
  const closed = { 'ws/out': 0o555 }
  const names: readonly Readonly<Record<string, string>>[] = [
    { 'ws/out/new': 'x' },
    { 'ws/out/f': 'changed' },
    { 'ws/out/d/e': 'x' }
  ]
  for (const members of names) {
    await expect(asRunner(closed, () => receiving(members))).rejects.toMatchObject(
      refusal(Object.keys(members)[0] ?? '')
    )
  }
  await expect(asRunner(closed, () => receiving({ [GONE_MEMBER]: 'ws/out/f' }))).rejects.toMatchObject(
    refusal('ws/out/f')
  )
  const mirror = () => removeOthers(work, 'ws', new Set(['ws/out', 'ws/open']))
  await expect(asRunner(closed, mirror)).rejects.toMatchObject(refusal('ws/out/f'))
  await asRunner(closed, () => receiving({ 'ws/open/f': 'x' }))
})
