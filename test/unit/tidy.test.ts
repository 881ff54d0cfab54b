/** Architecture and style as tests: every rule holds for all of src, and every rule can fail. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { circlesOf, FLOORS, importsOf, roomOf, roomsOf, roomsTable, type Source } from '../support/rooms.ts'
import { offences, RULES } from '../support/tidy.ts'

const root = new URL('../../', import.meta.url)
const sources: readonly Source[] = readdirSync(new URL('src', root), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `src/${name.replaceAll('\\', '/')}`)
  .map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }))

describe('all of src', () => {
  test('is what the rules look at', () => {
    const paths = sources.map((source) => source.path)
    expect(paths).toContain('src/machines/container-step.ts')
    expect(paths).toContain('src/effects/run/wire.ts')
  })

  test('is in rooms that all have modules', () => {
    const rooms = sources.map(({ path }) => roomOf(path))
    expect(new Set(rooms)).toEqual(new Set(FLOORS.flat()))
  })

  test('has no circle of imports, types included', () => expect(circlesOf(sources)).toEqual([]))

  for (const [title, rule] of Object.entries(RULES)) {
    test(title, () => expect(offences(rule, sources)).toEqual([]))
  }
})

const opening = '/** Computes something, for somebody. */\n'
const lines = (count: number) => 'work()\n'.repeat(count)

/** One source for each offence, and the words for it. */
const OFFENDERS: readonly (readonly [path: string, text: string, offence: string])[] = [
  ['src/machines/a.ts', "import { createServer } from 'node:http'", 'imports node:http'],
  [
    'src/machines/a.ts',
    "import type { Reporter } from '../effects/log/reporter.ts'",
    'imports src/effects/log/reporter.ts'
  ],
  ['src/errors.ts', "import { assign } from 'xstate'", 'imports xstate'],
  [
    'src/effects/local/a.ts',
    "import {\n  config,\n  other\n} from '../../hooks/settings/config.ts'",
    'imports src/hooks/settings/config.ts'
  ],
  ['src/effects/a.ts', "export * from '../cli/main.ts'", 'imports src/cli/main.ts'],
  ['src/hooks/a.ts', "await import('../cli/main.ts')", 'imports src/cli/main.ts'],
  ['src/visualizer/a.ts', "import '../effects/run/wire.ts'", 'imports src/effects/run/wire.ts'],
  ['src/utils/a.ts', '', 'is in no known folder'],
  [
    'src/effects/kubernetes/pods/a.ts',
    "import type { Site } from '../context/site.ts'",
    'imports src/effects/kubernetes/context/site.ts'
  ],
  ['src/effects/kubernetes/job/a.ts', "import '../script/host.ts'", 'imports src/effects/kubernetes/script/host.ts'],
  ['src/effects/kubernetes/job/a.ts', "import '../../local/docker.ts'", 'imports src/effects/local/docker.ts'],
  ['src/effects/local/a.ts', "import '../kubernetes/names.ts'", 'imports src/effects/kubernetes/names.ts'],
  ['src/effects/a.ts', "import './work-tree/tree.ts'", 'imports src/effects/work-tree/tree.ts'],
  ['src/hooks/requests/a.ts', "import '../context.ts'", 'imports src/hooks/context.ts'],
  ['src/effects/a.ts', 'const at = new Date()', 'uses Date'],
  ['src/effects/a.ts', 'const at = performance.now()', 'uses performance.now'],
  ['src/effects/a.ts', 'const chance = Math.random()', 'uses Math.random'],
  ['src/effects/a.ts', 'const text = `${setTimeout(work, 1)}`', 'uses setTimeout'],
  ['src/effects/system.ts', 'const home = process.env.HOME', 'uses process.env'],
  ['src/hooks/settings/config.ts', 'const at = Date.now()', 'uses Date'],
  ['src/effects/a.ts', "process.stdout.write('x')", 'uses process.stdout'],
  ['src/hooks/a.ts', "process.stderr.write('x')", 'uses process.stderr'],
  ['src/cli/main.ts', "console.log('x')", 'uses console'],
  ['src/effects/kubernetes/container-step/build.ts', 'site.reporter.output(chunk)', 'passes bytes on as they are'],
  ['src/effects/a.ts', "import { setTimeout as delay } from 'node:timers/promises'", 'imports node:timers/promises'],
  ['src/effects/a.ts', "import { createHash, randomUUID } from 'node:crypto'", 'imports randomness'],
  ['src/effects/kubernetes/a.ts', "import { rm } from 'node:fs/promises'", 'imports node:fs/promises'],
  ['src/effects/archive/a.ts', "import {\n  readFile,\n  rm\n} from 'node:fs/promises'", 'imports node:fs/promises'],
  ['src/effects/a.ts', "import {\n  backOffMs,\n  JOB_BUDGETS\n} from '../machines/stages.ts'", 'imports JOB_BUDGETS'],
  ['src/hooks/a.ts', "import fs from 'fs'", 'imports fs'],
  ['src/effects/content/resolver.ts', "const { stat } = await import('node:fs/promises')", 'imports node:fs/promises'],
  ['src/hooks/requests/a.ts', 'const home = `${runnerTemp}/_github_home`', 'spells _github_home'],
  ['src/effects/a.ts', "const work = '/__w'", 'spells /__w'],
  ['src/effects/a.ts', lines(250), 'has 251 lines'],
  ['src/effects/a.ts', `export async function big() {\n${lines(69)}}\n`, 'big has 71 lines'],
  ['src/effects/a.ts', `const big = (count: number) => {\n${lines(69)}}\n`, 'big has 71 lines']
]

describe('the rules notice', () => {
  for (const [path, text, offence] of OFFENDERS) {
    test(`${path} that ${offence}`, () => {
      const found = Object.values(RULES).flatMap((rule) => offences(rule, [{ path, text: opening + text }]))
      expect(found).toEqual([`${path}: ${offence}`])
    })
  }

  test('a module that opens with code', () => {
    const found = offences(RULES['modules open with a comment'], [{ path: 'src/effects/a.ts', text: 'work()\n' }])
    expect(found).toEqual([expect.stringContaining('does not open with a comment')])
  })
})

describe('the rules accept', () => {
  test.each([
    ['src/effects/a.ts', "const text = 'new Date()' // setTimeout(work, 1)"],
    ['src/effects/a.ts', 'request.setTimeout(0)'],
    ['src/effects/system.ts', 'export const now = () => Date.now()'],
    ['src/hooks/settings/config.ts', 'export const environment = process.env'],
    ['src/machines/a.ts', "import { assign } from 'xstate'\nimport { StepError } from '../errors.ts'"],
    ['src/effects/archive/a.ts', "import type { Stats } from 'node:fs'"],
    ['src/effects/work-tree/directory.ts', "import { open } from 'node:fs/promises'"],
    ['src/effects/a.ts', '// The runner has _temp/_github_home for /github/home.'],
    ['src/effects/a.ts', lines(249)],
    ['src/effects/a.ts', `function small() {\n${lines(68)}}\n`]
  ])('%s with %j', (path, text) => {
    const found = Object.values(RULES).flatMap((rule) => offences(rule, [{ path, text: opening + text }]))
    expect(found).toEqual([])
  })
})

test('rooms are listed with what they use, and circles with their modules', () => {
  const sourcesOf = (texts: Readonly<Record<string, string>>) =>
    Object.entries(texts).map(([path, text]) => ({ path: `src/${path}`, text }))
  const given = sourcesOf({
    'errors.ts': 'one\n',
    'machines/a.ts': "import type { B } from './b.ts'\nimport '../errors.ts'\n",
    'machines/b.ts': "export type { A } from './a.ts'\nimport '../errors.ts'\n",
    'effects/log/a.ts': "import '../../machines/a.ts'\n"
  })
  expect(roomsOf(given)).toEqual([
    { name: 'errors', modules: 1, lines: 1, arrows: new Map() },
    { name: 'machines', modules: 2, lines: 4, arrows: new Map([['errors', 2]]) },
    { name: 'log', modules: 1, lines: 1, arrows: new Map([['machines', 1]]) }
  ])
  expect(circlesOf(given)).toEqual([['src/machines/a.ts', 'src/machines/b.ts']])
  expect(roomsTable([['now', given]]).split('\n')).toEqual([
    '| Room | now: modules, lines | now: uses |',
    '| --- | --- | --- |',
    '| errors | 1, 1 | - |',
    '| machines | 2, 4 | errors 2 |',
    '| log | 1, 1 | machines 1 |',
    '',
    '- now: 4 modules, 1 circles of imports, of 2 modules.',
    ''
  ])
})

test('imports are found however they are written', () => {
  const text = [
    "import 'one'",
    "import two from 'two'",
    "import {\n  three,\n  type Three\n} from 'three'",
    "import * as four from 'four'",
    "export { five } from 'five'",
    "const six = await import('six')",
    "const text = 'import seven'"
  ].join('\n')
  expect(importsOf({ path: 'a.ts', text })).toEqual(['one', 'two', 'three', 'four', 'five', 'six'])
})
