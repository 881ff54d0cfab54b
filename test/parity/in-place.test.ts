/**
 * An action that is built in place sees what it would see in the image that BuildKit makes. All real actions are built in each run, and do
 * what they do in that image; some others by PARITY_SEED, and a probe in their place tells what it sees of itself. PARITY=all builds all,
 * PARITY_SEED=random others, PARITY_ONLY is a pattern for the names of those to be built. What differs stands in known-in-place.ts, Kaniko's exceptions in
 * expected/kaniko.json.
 */
import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canBuildInPlace } from '../cluster/support/images.ts'
import { createRunnerPod, type StorageMode } from '../cluster/support/runner-pod.ts'
import { createTestNamespace, type TestNamespace } from '../cluster/support/test-namespace.ts'
import { idOf, type ParityCase } from './case.ts'
import { CASES } from './cases/index.ts'
import { filesOf, type Outline } from './image/outline.ts'
import type { Node } from './image/tree.ts'
import { isKnown } from './known-in-place.ts'
import { openBench } from './support/bench.ts'
import { type ReferenceBuilder, startReference } from './support/buildkit.ts'
import { readDeviations, readReferences } from './support/expected.ts'
import { type Place, type Ran, runImage, runInPlace } from './support/in-place.ts'
import { toldIn } from './support/probe.ts'
import { sample } from './support/sample.ts'

const REAL = 'Whole actions'
const SAMPLE = 10
const IN_VOLUME = 4
const SEEDS = 2 ** 31

/** The same ones unless others are asked for: what is found by chance is not found by who changes nothing. */
const SEED = '20261129'
const asked = process.env.PARITY_SEED ?? SEED
const seed = asked === 'random' ? randomInt(SEEDS) : Number(asked)
const only = process.env.PARITY_ONLY
const isReal = ({ group }: ParityCase) => group === REAL
const references = readReferences().of
const known = readDeviations()
const isBuilt = (given: ParityCase) => references.get(idOf(given)) !== 'refused' && known[idOf(given)] === undefined
/** What Kaniko is known to make otherwise is not compared here. */
const isRefused = (given: ParityCase) => !isBuilt(given) && known[idOf(given)]?.verdict !== 'different'
const chosen = chooseCases()
const ALL_MODES: readonly (readonly [StorageMode, readonly ParityCase[]])[] = [
  ['copy', chosen],
  ['volume', sample(chosen, only === undefined ? IN_VOLUME : 0, seed)]
]
const MODES = ALL_MODES.filter(([, cases]) => cases.length > 0)

function chooseCases(): readonly ParityCase[] {
  if (only !== undefined) return CASES.filter((given) => new RegExp(only).test(idOf(given)))
  if (process.env.PARITY === 'all') return CASES
  const others = CASES.filter((given) => !isReal(given) && (isBuilt(given) || isRefused(given)))
  return [...CASES.filter(isReal), ...sample(others, SAMPLE, seed)]
}

/** As a layer that does not say it leaves the root directory. */
const ROOT: Node = { type: 'dir', mode: 0o755, owner: '0:0', content: '', xattrs: {} }

describe.skipIf(!(await canBuildInPlace())).each(MODES)(`in place, storage mode %s, seed ${seed}`, (mode, cases) => {
  let namespace: TestNamespace
  let place: Place
  let docker: ReferenceBuilder
  beforeAll(async () => {
    const bench = await openBench()
    docker = await startReference(bench)
    namespace = await createTestNamespace()
    const busybox = await bench.images.file('base/busybox:1', '/bin/busybox')
    place = { bench, runner: await createRunnerPod(namespace.name, mode), busybox }
  })
  afterAll(async () => {
    await place?.runner.remove()
    await namespace?.remove()
    await docker?.remove()
    await place?.bench.close()
  })
  const table = (list: readonly ParityCase[]) => list.map((given) => [idOf(given), given] as const)

  describe.concurrent('the action sees what it should:', () => {
    it.each(table(cases.filter(isBuilt)))('%s', async (id, given) => {
      const isProbe = !isReal(given)
      const [here, there] = await Promise.all([
        runInPlace(place, given, isProbe),
        docker.build(given).then(({ name }) => runImage(place, name, isProbe))
      ])
      const outline = references.get(id) as Outline
      const process = isProbe
        ? linesThat(toldBy(here), withGroup(toldBy(there), outline))
        : linesThat(ranAs(here), ranAs(there))
      const different = [...filesThat(here, outline), ...process]
      const unknown = different.filter((line) => !isKnown(line))
      expect(unknown, [id, given.dockerfile, ...unknown].join('\n')).toEqual([])
    })

    it.each(table(cases.filter(isRefused)))('refused: %s', async (id, given) => {
      expect((await runInPlace(place, given, true)).kind, `${id}\n${given.dockerfile}`).toBe('refused')
    })
  })

  function filesThat(here: Ran, { base, files: should }: Outline): readonly string[] {
    // What was refused is compared as such.
    if (here.kind === 'refused' || here.tree === undefined) return []
    const files = filesOf(here.tree, new Map([['/', ROOT], ...place.bench.images.baseTree(base)]))
    const paths = [...new Set([...Object.keys(files), ...Object.keys(should)])].sort()
    const plain = (line: string | undefined) => line?.replace(/ security\.capability=\S+/, '') ?? 'as in the base'
    return paths
      .filter((path) => plain(files[path]) !== plain(should[path]) && !path.endsWith('/Dockerfile'))
      .map((path) => `${path}: ${plain(files[path])}, should be ${plain(should[path])}`)
  }
})

/** Who is nobody is so in other words in place and on a node. */
const NO_USER = /^start-failed: .*(?:unable to find user|no users found)/s

const toldBy = (ran: Ran): readonly string[] => {
  if (ran.kind === 'ran') return toldIn(ran.log)
  const refused = `${ran.code}: ${ran.message}`
  return [NO_USER.test(refused) ? 'start-failed: no such user' : refused]
}

/** What a RUN of such a case makes: in BuildKit's image it belongs to the group that the name has. */
const MADE = '/tmp/out'

/** What docker makes of a USER with a group: a node drops the group, as docs/container-contract.md says. */
function withGroup(told: readonly string[], { config, files }: Outline): readonly string[] {
  const [, written] = /^[^:]+:(.+)$/.exec(String(config.User ?? '')) ?? []
  if (written === undefined) return told
  const [, ofName] = /^file \d+ \d+:(\d+) /.exec(files[MADE] ?? '') ?? []
  const group = /^\d+$/.test(written) ? written : ofName
  if (group === undefined) return told
  const lines = [`rights: Gid:\t${Array(4).fill(group).join('\t')}`, `rights: Groups:\t${group} `]
  return told.map((line) => lines.find((ours) => line.startsWith(ours.split('\t')[0] as string)) ?? line)
}

/** From an image nothing is started where the program is not there; in place it ends with 127, as docs/in-place.md says. */
const NOT_THERE = /^start-failed: .*executable file not found/s

/** What came of an action's own program. */
function ranAs(ran: Ran): readonly string[] {
  const refused = ran.kind === 'refused' ? `${ran.code}: ${ran.message}` : ''
  if (ran.kind === 'refused') return [NOT_THERE.test(refused) ? 'exit code 127' : refused]
  const log = ran.exitCode === 127 ? [] : ran.log.split('\n').map((line) => `log: ${line}`)
  return [`exit code ${ran.exitCode}`, ...log]
}

const linesThat = (ours: readonly string[], theirs: readonly string[]): readonly string[] => [
  ...ours.filter((line) => !theirs.includes(line)),
  ...theirs.filter((line) => !ours.includes(line)).map((line) => `${line}: missing`)
]
