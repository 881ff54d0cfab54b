/** The linter's settings find what they are there for: each fault, planted in a project of its own, is told by its rule's name. */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { removeDirectory } from '../support/removed.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')

/** Files below src: the text of each, and the rules that it breaks. */
const PLANTED: Readonly<Record<string, readonly [text: string, ...rules: readonly string[]]>> = {
  'right.ts': ['export const work = async (): Promise<void> => {}\n'],
  'floating.ts': ['const work = async () => {}\n\nexport function start() {\n  work()\n}\n', 'noFloatingPromises'],
  'floating-import.ts': [
    "import { work } from './right.ts'\n\nexport function start() {\n  work()\n}\n",
    'noFloatingPromises'
  ],
  'misused.ts': [
    "import { work } from './right.ts'\n\nexport const start = (list: string[]) => list.forEach(async () => work())\n",
    'noMisusedPromises'
  ],
  'awaited.ts': ['export async function start() {\n  await 1\n}\n', 'useAwaitThenable'],
  'import.ts': ["import { join } from 'node:path'\n\nexport const start = 1\n", 'noUnusedImports'],
  'variable.ts': ['const unused = 1\n\nexport const start = 1\n', 'noUnusedVariables'],
  'parameter.ts': ['export const start = (unused: number) => 1\n', 'noUnusedFunctionParameters'],
  'any.ts': ['export const start = (given: any): unknown => given\n', 'noExplicitAny'],
  'undeclared.ts': ["export { start } from 'undeclared'\n", 'noUndeclaredDependencies'],
  'circle.ts': ["import type { Round } from './round.ts'\n\nexport type Circle = Round | 1\n", 'noImportCycles'],
  'round.ts': ["import type { Circle } from './circle.ts'\n\nexport type Round = Circle | 2\n", 'noImportCycles'],
  'equals.ts': ['export const start = (given: unknown) => given == 1\n', 'noDoubleEquals'],
  'switch.ts': [
    "export function start(given: 'a' | 'b') {\n  switch (given) {\n    case 'a':\n      return 1\n  }\n}\n",
    'useExhaustiveSwitchCases'
  ]
}

interface Report {
  readonly diagnostics: readonly {
    readonly severity: string
    readonly category: string
    readonly location: { readonly path: string }
  }[]
}

let directory = ''
let broken: readonly (readonly [file: string, rule: string])[] = []

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-lint-'))
  mkdirSync(join(directory, 'src'))
  for (const name of ['biome.jsonc', 'package.json']) cpSync(join(root, name), join(directory, name))
  for (const [name, [text]] of Object.entries(PLANTED)) writeFileSync(join(directory, 'src', name), text)
  const output = await new Promise<string>((resolve) => {
    // Its exit code is a failure, as it should be.
    execFile(process.execPath, [biome, 'lint', '--reporter=json', '.'], { cwd: directory }, (_, stdout) =>
      resolve(stdout)
    )
  })
  const { diagnostics } = JSON.parse(output) as Report
  broken = diagnostics
    .filter(({ severity }) => severity === 'error')
    .map(({ category, location }) => [basename(location.path), basename(category)])
})

afterAll(() => removeDirectory(directory))

test.each(Object.entries(PLANTED))('%s breaks the rules it is made to break, and no other', (name, [, ...rules]) => {
  expect(broken.filter(([file]) => file === name).map(([, rule]) => rule)).toEqual(rules)
})
