/** What follows on every command: file commands are put right, and the exit code stays the action's own whatever comes of that. */
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createReporter } from '../../../src/effects/log/reporter.ts'
import { afterStep } from '../../../src/hooks/after-step.ts'
import type { CommandContext } from '../../../src/hooks/context.ts'

let work = ''
let log = ''

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'slipway-after-'))
  log = ''
})
afterEach(async () => await rm(work, { recursive: true, force: true }))

const after = (exitCode: number, runnerWorkspace = join(work, 'repo')) => {
  const reporter = createReporter((text) => {
    log += text
  })
  return afterStep({ config: { paths: { runnerWorkspace } }, reporter } as unknown as CommandContext, exitCode)
}

test.each([0, 5])(
  'a step that ended with %d ends so, and what it left is removed, with ten warnings at the most',
  async (exitCode) => {
    const commands = join(work, '_temp/_runner_file_commands')
    await mkdir(commands, { recursive: true })
    for (let index = 0; index < 12; index += 1) await symlink('/etc/passwd', join(commands, `set_output_${index}`))
    expect(await after(exitCode)).toBe(exitCode)
    expect(await readdir(commands)).toEqual([])
    expect(log.match(/^::warning::/gm)).toHaveLength(10)
  }
)

test.each([
  [0, 1],
  [5, 5]
])(
  'a step that ended with %d ends with %d when that cannot be done, and one line says so',
  async (exitCode, expected) => {
    // A work directory that is none cannot be opened.
    await symlink('/dev/null', join(work, 'none'))
    expect(await after(exitCode, join(work, 'none/repo'))).toBe(expected)
    expect(log.match(/^::error::/gm)).toHaveLength(1)
  }
)

test('without a work directory nothing is done', async () => {
  expect([await after(3, join(work, 'missing/repo')), log]).toEqual([3, ''])
})
