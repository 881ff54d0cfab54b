/**
 * Property: whatever stands below the work directory, whatever an archive holds, and whatever is swapped meanwhile, nothing outside of the
 * work directory is changed, and nothing outside of it is read. A sentinel tree tells: its listing, bytes, modes and times.
 *
 * SLIPWAY_HOSTILE_RUNS=100000 plays many; SLIPWAY_SEED replays the seed that a failure prints.
 */
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { extract, pack as tarPack } from 'tar-stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GONE_MEMBER } from '../../../../src/effects/archive/gone.ts'
import { pack } from '../../../../src/effects/archive/pack.ts'
import { unpack } from '../../../../src/effects/archive/unpack.ts'
import { listContext, readContext } from '../../../../src/effects/content/context.ts'
import { openForEveryUser, putRight } from '../../../../src/effects/work-tree/rights.ts'
import { inTree, readBelow, resolveBelow } from '../../../../src/effects/work-tree/tree.ts'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
const RUNS = Number(process.env.SLIPWAY_HOSTILE_RUNS ?? 100)
const PARAMETERS = { numRuns: RUNS }
const TIMEOUT_MS = 60_000 + RUNS * 100
const SECRET = 'what only the runner may read'
const never = new AbortController().signal

let base = ''
let outside = ''
let work = ''
/** Where what is replaced goes, at once and whole. */
let trash = ''
let replaced = 0
let before: readonly string[] = []
/** What of the outside was read. */
const leaks: string[] = []

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'slipway-hostile-'))
  outside = join(base, 'outside')
  work = join(base, '_work')
  trash = join(base, 'trash')
})
afterAll(async () => await rm(base, { recursive: true, force: true }))

/** Made anew for every case, so that a case that fails is shrunk to what it needs. */
function layOutside(): void {
  rmSync(outside, { recursive: true, force: true })
  mkdirSync(join(outside, 'a/b'), { recursive: true })
  for (const path of ['a/b/x', 'a/x', 'x', 'Dockerfile', '.dockerignore'])
    writeFileSync(join(outside, path), SECRET, { mode: 0o640 })
  for (const path of ['a/b/x', 'a/b', 'a', '']) utimesSync(join(outside, path), 1_000, 1_000)
  before = describeTree(outside)
}

/** Everything about everything below a directory. */
function describeTree(path: string, name = ''): string[] {
  const stats = lstatSync(path)
  const line = [name, stats.mode.toString(8), stats.mtimeMs, stats.ino, stats.size].join(' ')
  if (stats.isSymbolicLink()) return [`${line} -> ${readlinkSync(path)}`]
  if (stats.isFile()) return [`${line} ${readFileSync(path, 'utf8')}`]
  return [
    line,
    ...readdirSync(path)
      .sort()
      .flatMap((child) => describeTree(join(path, child), `${name}/${child}`))
  ]
}

// Few names and shallow paths, so that members, links and swaps meet. The last one was predictable once.
const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('a', 'b', 'x') },
  { weight: 2, arbitrary: fc.constantFrom('_temp', '_runner_file_commands', 'Dockerfile', '.dockerignore') },
  { weight: 1, arbitrary: fc.constantFrom('x.slipway-partial', 'a.slipway-partial') }
)
const path = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'a', 'a/x', 'a/x', 'a/b', 'a/b/x', 'x') },
  { weight: 1, arbitrary: fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')) }
)
const target = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('<outside>', '<outside>/a', '<outside>/a/b', '<outside>/x', '<outside>/a/x')
  },
  { weight: 2, arbitrary: fc.constantFrom('../outside', '../../outside', '../../../outside/a', '../outside/x') },
  { weight: 1, arbitrary: fc.constantFrom('/nothing', '.', '..', '', '<work>', '<work>/a') },
  { weight: 2, arbitrary: path },
  { weight: 1, arbitrary: path.map((where) => `../${where}`) }
)
const realTarget = (text: string) => text.replace('<outside>', outside).replace('<work>', work) || '.'

/** One thing that stands somewhere. */
type Thing = { readonly at: string; readonly target: string | undefined; readonly isDirectory: boolean }
const thing: fc.Arbitrary<Thing> = fc.record({
  at: path,
  target: fc.option(target, { nil: undefined, freq: 1 }),
  isDirectory: fc.boolean()
})

/** Without following a link: the code under test renames things in threads of its own, and this must not do itself what it forbids. */
function place({ at, target, isDirectory }: Thing): void {
  const parts = at.split('/')
  let directory = openSync(work, O_DIRECTORY)
  const here = (name: string) => `/proc/self/fd/${directory}/${name}`
  try {
    for (const part of parts.slice(0, -1)) {
      if (lstatSync(here(part), { throwIfNoEntry: false }) === undefined) mkdirSync(here(part))
      const next = openSync(here(part), O_DIRECTORY | O_NOFOLLOW)
      closeSync(directory)
      directory = next
    }
    const path = here(parts.at(-1) ?? '')
    replaced += 1
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) renameSync(path, join(trash, String(replaced)))
    if (target !== undefined) symlinkSync(realTarget(target), path)
    else if (isDirectory) mkdirSync(path)
    else {
      const file = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
      writeSync(file, 'inside')
      closeSync(file)
    }
  } catch {
    // Something else is in the way: that is a tree as well.
  } finally {
    closeSync(directory)
  }
}

const member = fc.record({
  // A name that leads out ends the archive, so few do.
  name: fc.oneof(
    { weight: 60, arbitrary: path },
    { weight: 1, arbitrary: target },
    { weight: 1, arbitrary: fc.string() }
  ),
  type: fc.constantFrom('file', 'file', 'directory', 'symlink', 'symlink', 'link', 'fifo'),
  target,
  mode: fc.integer({ min: 0, max: 0o7777 })
})
const archive = fc.record({
  gone: fc.array(fc.oneof(path, target), { maxLength: 4 }),
  members: fc.array(member, { minLength: 2, maxLength: 10 })
})

function streamOf({ gone, members }: typeof archive extends fc.Arbitrary<infer A> ? A : never): Readable {
  const tar = tarPack()
  tar.entry({ name: GONE_MEMBER }, gone.map(realTarget).join('\0'))
  for (const { name, type, target, mode } of members) {
    const header = { name: realTarget(name), mode, mtime: new Date(5_000) }
    if (type === 'file') tar.entry(header, 'from the archive')
    else tar.entry({ ...header, type: type as 'symlink', linkname: realTarget(target), size: 0 })
  }
  tar.entry({ name: '.complete' }, '')
  tar.finalize()
  return tar as unknown as Readable
}

/** Swaps things while `action` goes on, between its calls to the file system. */
async function whileSwapping(swaps: readonly Thing[], action: () => Promise<unknown>): Promise<void> {
  let isDone = false
  const done = action()
    .catch(() => {})
    .finally(() => {
      isDone = true
    })
  for (let turn = 0; swaps.length > 0 && !isDone && turn < 200; turn += 1) {
    place(swaps[turn % swaps.length] as Thing)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await done
}

/** All names and contents in a tar stream. */
async function textOf(stream: Readable): Promise<string> {
  const found: string[] = []
  const input = extract()
  input.on('entry', (header, body, next) => {
    found.push(header.name)
    body.on('data', (chunk) => found.push(String(chunk)))
    body.on('end', next)
    body.resume()
  })
  await pipeline(stream, input).catch(() => {})
  return found.join('\n')
}

const trees = fc.record({ things: fc.array(thing, { maxLength: 8 }), swaps: fc.array(thing, { maxLength: 4 }) })

async function inWorkTree<Case extends { readonly things: readonly Thing[]; readonly swaps: readonly Thing[] }>(
  arbitrary: fc.Arbitrary<Case>,
  action: (one: Case) => Promise<unknown>
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(arbitrary, async (one) => {
      layOutside()
      leaks.splice(0)
      for (const directory of [work, trash]) {
        rmSync(directory, { recursive: true, force: true })
        mkdirSync(directory)
      }
      for (const each of one.things) place(each)
      await whileSwapping(one.swaps, () => action(one))
      expect(describeTree(outside)).toEqual(before)
      expect(leaks).toEqual([])
    }),
    PARAMETERS
  )
}

test('unpacking any archive over any tree changes nothing outside', { timeout: TIMEOUT_MS }, async () => {
  const cases = fc.record({
    things: fc.array(thing, { maxLength: 8 }),
    swaps: fc.array(thing, { maxLength: 4 }),
    archive
  })
  await inWorkTree(cases, async ({ archive }) => {
    const { input, done } = unpack({ root: work, isWanted: () => true })
    await Promise.all([pipeline(streamOf(archive), input).catch(() => {}), done])
  })
})

test('packing any tree sends nothing from outside', { timeout: TIMEOUT_MS }, async () => {
  await inWorkTree(
    fc.record({ things: fc.array(thing, { maxLength: 8 }), swaps: fc.array(thing, { maxLength: 4 }), path }),
    async ({ path }) => {
      const sent = await textOf(pack({ root: work, paths: [path, ''] }))
      if (sent.includes(SECRET)) leaks.push(path)
    }
  )
})

test('reading, listing and hashing a context reads nothing from outside', { timeout: TIMEOUT_MS }, async () => {
  await inWorkTree(
    fc.record({ things: fc.array(thing, { maxLength: 8 }), swaps: fc.array(thing, { maxLength: 4 }), path }),
    async ({ path }) => {
      const place = { root: work, path }
      const read = await inTree(work, async (tree) => {
        const real = await resolveBelow(tree, work, path).catch(() => undefined)
        return real === undefined ? undefined : await readBelow(tree, real, 1_000)
      })
      if (read?.toString('utf8') === SECRET) leaks.push(path)
      await listContext(place, 'Dockerfile', never)
      await readContext(place, 'Dockerfile', never)
    }
  )
})

test('opening directories for every user and checking file commands changes nothing outside', {
  timeout: TIMEOUT_MS
}, async () => {
  await inWorkTree(trees, async ({ things }) => {
    await openForEveryUser(
      work,
      things.map(({ at }) => join(work, at))
    )
    await openForEveryUser(work, [join(work, '_temp/_runner_file_commands')])
    await putRight(work, () => {})
  })
})

test('the property notices: the same walk with paths changes something outside', async () => {
  layOutside()
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work)
  symlinkSync(outside, join(work, 'a'))
  writeFileSync(join(work, 'a/new'), '')
  expect(describeTree(outside)).not.toEqual(before)
})
