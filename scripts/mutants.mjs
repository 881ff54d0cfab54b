// npm run mutants: changes the product's logic in one place at a time, and asks whether a test that needs no cluster notices.
//
//   npm run mutants                               every mutant: takes hours
//   npm run mutants -- --sample 300 --seed 1      a third of them from each room
//   npm run mutants -- src/hooks                  a room, or any files or folders; --sample works as well
//   npm run mutants -- --known                    the kept mutants of test/mutants/known.json
//
// StrykerJS makes the mutants and runs the tests. Scores of rooms go to docs/testing.md, the mutants that nobody noticed to coverage/mutants-<room>.txt.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { Stryker } from '@stryker-mutator/core'
import { Instrumenter } from '@stryker-mutator/instrumenter'
import { checkKnown, temporaryDirectory } from './mutants-known.mjs'
import { isSurvivor, keyOf, NOT_CHOSEN } from './mutants-plugins.mjs'
import { scoreRow, tableOf, withRows } from './mutants-report.mjs'
import { root } from './prepare.mjs'

/**
 * The rooms, and the folders of tests that are asked about each: what is only noticed far away is not tested. Stryker runs tests in threads,
 * where Node 20 does not survive the simulator.
 */
const TESTS_OF = {
  'src/machines': ['model', 'unit/machines'],
  'src/hooks': ['unit/hooks'],
  'src/effects': ['unit/effects', 'unit/hooks']
}
const ROOMS = Object.keys(TESTS_OF)
/** Another way to run actions, for developers; not a part of the hook. */
const NOT_MUTATED = ['src/effects/local/']
const PAGE = 'docs/testing.md'
/** A mutant may take so much longer than the tests took without it; more is one that hangs. */
const TIMEOUT = { timeoutMS: 45_000, timeoutFactor: 4 }

const { values: options, positionals } = parseArgs({
  options: {
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    concurrency: { type: 'string', default: '2' },
    known: { type: 'boolean', default: false }
  },
  allowPositionals: true
})

process.chdir(root)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
if (options.known) process.exitCode = checkKnown()
else await tryRooms()

async function tryRooms() {
  const files = sourcesBelow(positionals.length > 0 ? positionals : ROOMS)
  const all = await mutantsOf(files)
  const inRooms = ROOMS.map((room) => ({ room, mutants: all.filter((mutant) => roomOf(mutant) === room) }))
  const chosenRooms = inRooms.filter(({ mutants }) => mutants.length > 0)
  const random = randomOf(Number(options.seed))
  for (const { room, mutants } of chosenRooms) {
    const size = options.sample && Math.ceil(Number(options.sample) / chosenRooms.length)
    const chosen = size === undefined ? mutants : shuffled(mutants, random).slice(0, size)
    console.log(`${room}: ${chosen.length} of ${mutants.length} mutants`)
    const survivors = `coverage/mutants-${basename(room)}.txt`
    const results = await tryAll(room, chosen, survivors)
    const row = scoreRow({ room, mutants: mutants.length, results }, options.sample && options.seed)
    console.log(`\n${tableOf([row])}\n\nNot noticed: ${results.filter(isSurvivor).length}, in ${survivors}\n`)
    const isWhole = positionals.every((path) => ROOMS.includes(path))
    if (isWhole) writeFileSync(PAGE, withRows(readFileSync(PAGE, 'utf8'), [row], ROOMS))
  }
}

async function tryAll(room, chosen, survivors) {
  process.env.SLIPWAY_MUTANTS_TESTS = TESTS_OF[room].join()
  const stryker = new Stryker({
    testRunner: 'vitest',
    vitest: { configFile: 'vitest.mutants.config.ts' },
    coverageAnalysis: 'perTest',
    mutate: [...new Set(chosen.map(({ fileName }) => relative(root, fileName)))],
    checkers: ['sample'],
    mutants: { chosen: chosen.map(keyOf), survivors },
    plugins: [import.meta.resolve('@stryker-mutator/vitest-runner'), import.meta.resolve('./mutants-plugins.mjs')],
    concurrency: Number(options.concurrency),
    ...TIMEOUT,
    dryRunTimeoutMinutes: 20,
    reporters: ['progress-append-only', 'survivors'],
    ignorePatterns: ['coverage', 'docs/machines'],
    // Node runs TypeScript as it is here, and the compiler of this project has no interface that Stryker knows.
    tsconfigFile: 'none',
    disableTypeChecks: false,
    // Outside of the project, whose own checks would look at the copy in it.
    tempDirName: temporaryDirectory(),
    cleanTempDir: 'always'
  })
  const results = await stryker.runMutationTest()
  return results.filter(({ status }) => status !== NOT_CHOSEN)
}

function roomOf({ fileName }) {
  return ROOMS.find((room) => relative(root, fileName).startsWith(`${room}/`))
}

function sourcesBelow(paths) {
  const files = paths.flatMap((path) =>
    statSync(path).isFile() ? [path] : readdirSync(path, { recursive: true }).map((name) => join(path, name))
  )
  return files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .filter((file) => !NOT_MUTATED.some((folder) => file.startsWith(folder)))
    .sort()
}

/** What Stryker would try in these files. */
async function mutantsOf(files) {
  const quiet = { debug() {}, info() {}, isDebugEnabled: () => false }
  const sources = files.map((file) => ({ name: join(root, file), content: readFileSync(file, 'utf8'), mutate: true }))
  const { mutants } = await new Instrumenter(quiet).instrument(sources, {
    plugins: [],
    excludedMutations: [],
    ignorers: []
  })
  return mutants
}

/** In an order that is the same for the same seed and sources. */
function shuffled(items, random) {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

/** Mulberry32: numbers from 0 to 1 that follow from the seed. */
function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
