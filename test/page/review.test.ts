/** What CONTRIBUTING.md tells the author of a pull request to run, run: the comment in Markdown, and the page. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'slipway-review-'))
afterAll(() => rmSync(directory, { recursive: true }))

const [, block = ''] =
  /## A change to a machine[\s\S]*?```sh\n([\s\S]*?)```/.exec(readFileSync(`${root}CONTRIBUTING.md`, 'utf8')) ?? []

function run(shell: string): string {
  const { status, stdout, stderr } = spawnSync('bash', ['-euc', shell], { cwd: root, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  return stdout
}

test('compares with the version before, for a comment and as a page', () => {
  // A clean clone has one branch, and it may have another name.
  const commands = block.replaceAll('main:', 'HEAD:').replaceAll(/\b(old\.json|changes\.html)/g, `${directory}/$1`)
  const shown = run(commands)
  expect(shown).toContain('### State machines\n')
  expect(shown).toContain('changes.html: open it in a browser')
  expect(readFileSync(join(directory, 'changes.html'), 'utf8')).toMatch(/^<!doctype html>/i)
})

test('the program that docs/cli.md starts tells its commands', () => {
  expect(run('node dist/slipway.js --help')).toContain('slipway diagram')
})

test('shows what a change adds, removes and changes', () => {
  const old = JSON.parse(readFileSync(`${root}docs/machines/machines.json`, 'utf8'))
  const [machine] = old.machines
  const [first, second] = machine.states
  first.purpose = 'Something else.'
  machine.states = machine.states.filter((state: object) => state !== second)
  machine.states.push({ ...second, id: `${machine.id}.waiting`, label: 'Wait' })
  const text = JSON.stringify(old).replaceAll("'", "'\\''")
  const shown = run(
    `echo '${text}' > ${directory}/old.json; node dist/slipway.js diagram --compare ${directory}/old.json --markdown`
  )
  expect(shown).toContain(`**${machine.id}**: 1 state added, 1 state removed, 1 state changed`)
  expect(shown).toContain('| removed | state | Wait (waiting) |')
  expect(shown).toContain('purpose: Something else. → ')
})
