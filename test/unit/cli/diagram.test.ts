/** Goal: `slipway diagram` gives reviewers the machines as text and what a change does to them; the page has tests of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type CliDependencies, UsageError } from '../../../src/cli/command.ts'
import { diagram } from '../../../src/cli/diagram.ts'
import { currentMachines } from '../../../src/visualizer/graph.ts'

const directory = mkdtempSync(join(tmpdir(), 'slipway-diagram-'))
afterAll(() => rmSync(directory, { recursive: true }))

async function show(...args: readonly string[]): Promise<string> {
  let shown = ''
  const deps: CliDependencies = {
    write: (data) => {
      shown += String(data)
    },
    environment: {},
    workingDirectory: directory,
    temporaryDirectory: directory,
    isRoot: false,
    onCancel: () => () => {}
  }
  expect(await diagram.run(args, deps)).toBe(0)
  return shown
}

const set = currentMachines()
const [containerStep] = set.machines
const older = { ...set, machines: set.machines.map((graph) => ({ ...graph, states: graph.states.slice(1) })) }
writeFileSync(join(directory, 'same.json'), JSON.stringify(set))
writeFileSync(join(directory, 'old.json'), JSON.stringify(older))
writeFileSync(join(directory, 'bad.json'), '{}')

describe('slipway diagram', () => {
  test('shows all machines as Mermaid text, or one of them', async () => {
    expect((await show()).match(/^stateDiagram-v2$/gm)).toHaveLength(set.machines.length)
    const one = await show('--machine', 'script-step')
    expect(one.match(/^stateDiagram-v2$/gm)).toHaveLength(1)
    expect(one).toContain('state "Execute" as script_step_executing')
  })

  test('writes as JSON what it compares with later', async () => {
    writeFileSync(join(directory, 'written.json'), await show('--json'))
    expect(await show('--compare', 'written.json')).toBe('The state machines are unchanged.\n')
  })

  test('compares with an older version, in text, Markdown and JSON', async () => {
    expect(await show('--compare', 'old.json')).toContain('container-step: 1 state added\n  + Resolve (resolving)\n')
    expect(await show('--compare', 'old.json', '--markdown')).toContain('| added | state | Resolve (resolving) |  |')
    const changes = JSON.parse(await show('--compare', 'old.json', '--json'))
    expect(changes).toHaveLength(set.machines.length)
    expect(changes[0].states).toMatchObject([{ kind: 'added', id: containerStep?.states[0]?.id }])
  })

  test('compares one machine without calling the others removed', async () => {
    const shown = await show('--compare', 'old.json', '--machine', 'job-start')
    expect(shown).toBe('job-start: 1 state added\n  + Plan (resolving)\n')
  })

  test.each([
    [
      'an unknown machine',
      ['--machine', 'x'],
      'there is no machine x; there are container-step, job-start, script-step, job-cleanup, ahead-build'
    ],
    ['two formats', ['--json', '--markdown'], 'diagram: --markdown, --json and --html exclude each other'],
    ['no such file', ['--compare', 'missing.json'], 'missing.json cannot be read: '],
    ['another file', ['--compare', 'bad.json'], 'bad.json: this is not of the format slipway-machines-1']
  ])('refuses %s', async (_title, args, message) => {
    const failure = show(...args)
    await expect(failure).rejects.toThrow(UsageError)
    await expect(failure).rejects.toThrow(message)
  })
})
