// The kept mutants: changes that once nobody noticed, each of a class of its own. They are applied to a copy of the project, one at a
// time, and a test must fail each time.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './prepare.mjs'

const LIST = 'test/mutants/known.json'
const COPIED = [
  'src',
  'test',
  'deploy',
  'docs',
  'examples',
  'scripts',
  'package.json',
  'tsconfig.json',
  'vitest.mutants.config.ts'
]
/** For all tests that have to do with one file. */
const RUN_MS_MAX = 300_000

/** Checks them all; returns the exit code. */
export function checkKnown() {
  const mutants = JSON.parse(readFileSync(join(root, LIST), 'utf8'))
  const copy = mkdtempSync(join(tmpdir(), 'slipway-mutants-'))
  try {
    for (const path of COPIED) cpSync(join(root, path), join(copy, path), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    const failed = failedTests(copy, [...new Set(mutants.map(({ file }) => file))])
    if (failed?.length !== 0) {
      console.error(`tests fail without any mutant:\n${failed?.join('\n') ?? 'they do not run'}`)
      return 1
    }
    const problems = mutants.filter((mutant) => {
      const problem = problemOf(copy, mutant)
      console.log(`${problem === undefined ? 'noticed' : `NOT KEPT: ${problem}`}: ${mutant.change} (${mutant.file})`)
      return problem !== undefined
    })
    console.log(`${mutants.length - problems.length} of ${mutants.length} kept mutants are noticed`)
    return problems.length === 0 ? 0 : 1
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** Why a mutant is not as it should be: unknown when a test notices it. */
function problemOf(copy, { file, search, replace }) {
  const path = join(copy, file)
  const source = readFileSync(path, 'utf8')
  if (source.split(search).length !== 2)
    return `${JSON.stringify(search)} is not there exactly once; describe the change anew`
  writeFileSync(
    path,
    source.replace(search, () => replace)
  )
  try {
    const failed = failedTests(copy, [file])
    if (failed === undefined) return 'the tests do not run with it'
    return failed.length > 0 ? undefined : 'no test notices it'
  } finally {
    writeFileSync(path, source)
  }
}

/** Names of the tests that have to do with these files and fail; undefined when they could not even be run. */
function failedTests(copy, files) {
  const output = join(copy, 'result.json')
  rmSync(output, { force: true })
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const args = ['related', '--run', '--config', 'vitest.mutants.config.ts', '--bail', '1', '--reporter', 'json']
  spawnSync(process.execPath, [vitest, ...args, '--outputFile', output, ...files], {
    cwd: copy,
    stdio: 'ignore',
    timeout: RUN_MS_MAX
  })
  try {
    const { testResults, numPassedTests } = JSON.parse(readFileSync(output, 'utf8'))
    const failed = testResults.filter(({ status }) => status === 'failed')
    const names = failed.flatMap(({ name, assertionResults }) =>
      assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => `${name}: ${fullName}`)
    )
    if (names.length > 0) return names
    return failed.length === 0 && numPassedTests > 0 ? [] : undefined
  } catch {
    return undefined
  }
}
