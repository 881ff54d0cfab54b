/** Goal: `slipway replay` shows an operator why a run went as it did, and says in one line what is wrong with a file. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { type CliDependencies, UsageError } from '../../../src/cli/command.ts'
import { replay } from '../../../src/cli/replay.ts'

const traces = fileURLToPath(new URL('../../page/traces/', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'slipway-replay-'))
afterAll(() => rmSync(directory, { recursive: true }))

async function run(...args: readonly string[]): Promise<{ readonly shown: string; readonly exitCode: number }> {
  let shown = ''
  const deps: CliDependencies = {
    write: (data) => {
      shown += String(data)
    },
    environment: {},
    workingDirectory: traces,
    temporaryDirectory: directory,
    isRoot: false,
    onCancel: () => () => {}
  }
  const exitCode = await replay.run(args, deps)
  return { shown, exitCode }
}

async function show(...args: readonly string[]): Promise<string> {
  const { shown, exitCode } = await run(...args)
  expect(exitCode).toBe(0)
  return shown
}

/** A trace that was changed, in the directory of the test. */
function changed(name: string, change: (lines: string[]) => string[]): string {
  const file = join(directory, name)
  const lines = readFileSync(join(traces, 'retry.jsonl'), 'utf8').split('\n')
  writeFileSync(file, change(lines).join('\n'))
  return file
}

describe('slipway replay', () => {
  test('shows stages, times and the end of a run that succeeded', async () => {
    const shown = await show('success.jsonl')
    expect(shown).toMatch(/^ +0\.00 s > Resolve \(\d+ ms\)$/m)
    expect(shown).toMatch(/> Build \(\d+\.\d\d s\)$/m)
    expect(shown).toMatch(/✓ Succeeded$/m)
    expect(shown).toMatch(/^ {2}Build +\d+\.\d\d s {2}[ #]+$/m)
    expect(shown).toMatch(/^run_container_step for runner-abc: succeeded with exit code 0 after \d/m)
  })

  test('shows attempts and waits', async () => {
    const shown = await show('retry.jsonl')
    expect(shown).toContain('✗ attempt 1 failed: registry-unreachable: the registry does not answer')
    expect(shown).toMatch(/Push: waits \d\.\d\d s before attempt 2/)
    expect(shown).toMatch(/^ {2}Push .* 3 attempts$/m)
  })

  test('shows the failure with its detail', async () => {
    const shown = await show('build-failure.jsonl')
    expect(shown).toMatch(/^failure: dockerfile-failed in building: /m)
    expect(shown).toContain("  cat: can't open '/compass': No such file or directory")
    expect(shown).toMatch(/^ {2}Build .* failed: dockerfile-failed$/m)
  })

  test('shows where it was cancelled', async () => {
    expect(await show('cancel.jsonl')).toMatch(/- CANCEL: Clean up/)
  })

  test('gives the same as JSON', async () => {
    const { machine, stages, end } = JSON.parse(await show('retry.jsonl', '--json'))
    expect(machine).toBe('container-step')
    expect(stages).toContainEqual(expect.objectContaining({ label: 'Push', attempts: 3 }))
    expect(end).toMatchObject({ outcome: 'succeeded' })
  })

  test('shows what somebody else wrote without effect, each on its own line', async () => {
    const evil = '\u001b[2J\u009b31m\u202e\nimage: forged\r'
    const lines = [
      { type: 'started', command: `run${evil}`, runnerPod: `pod${evil}` },
      { type: 'entered', atMs: 0, state: 'resolving.attempting', from: '', event: 'xstate.init' },
      { type: 'attemptFailed', atMs: 1, stage: evil, attempt: 1, code: evil, message: evil, retrying: false },
      { type: 'entered', atMs: -1e9, state: 'failed', from: 'resolving.attempting', event: evil },
      {
        type: 'ended',
        outcome: evil,
        exitCode: 1,
        image: evil,
        imageSource: 'build',
        failure: { code: evil, stage: evil, message: evil, detail: `one\n${evil}` },
        remaining: [evil],
        removed: [evil]
      }
    ]
    const file = join(directory, 'evil.jsonl')
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    const shown = await show(file)
    expect(shown).toContain('\\u001b[2J\\u009b31m\\u202e')
    expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(shown.split('\n').filter((line) => line.startsWith('image: '))).toHaveLength(1)
    const { end } = JSON.parse(await show(file, '--json'))
    expect(end.failure.message).toBe(evil)
    expect((await show(file, '--json')).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  })

  test.each([
    ['no such file', ['missing.jsonl'], /^missing\.jsonl cannot be read: .+$/],
    ['no trace in it', ['bad.jsonl'], /bad\.jsonl: line 1 is not JSON; .+$/],
    ['no file named', [], /^replay: TRACE is missing; slipway replay --help tells what it takes$/],
    [
      'two files named',
      ['success.jsonl', 'retry.jsonl'],
      /^replay: one TRACE is shown at a time; --check takes several$/
    ],
    ['a file to check that is not there', ['--check', 'missing.jsonl'], /^missing\.jsonl cannot be read: .+$/]
  ])('refuses in one line: %s', async (_title, args, message) => {
    const bad = join(directory, 'bad.jsonl')
    writeFileSync(bad, 'x\n')
    const failure = show(...args.map((name) => (name === 'bad.jsonl' ? bad : name)))
    await expect(failure).rejects.toThrow(UsageError)
    await expect(failure).rejects.toThrow(message)
  })
})

describe('slipway replay --check', () => {
  test('accepts true traces, several at once', async () => {
    expect(await show('--check', 'success.jsonl', 'cancel.jsonl')).toBe(
      [
        'success.jsonl: a path of container-step that keeps its promises\n',
        'cancel.jsonl: a path of container-step that keeps its promises\n'
      ].join('')
    )
  })

  test('says of a trace without an end that it has none', async () => {
    const file = changed('cut.jsonl', (lines) => lines.slice(0, 3))
    expect(await show('--check', file)).toBe(
      `${file}: a path of container-step that keeps its promises; it has no end: the hook was killed, or its trace could not be written on\n`
    )
  })

  test('names each offence with its place in one line, and fails', async () => {
    const file = changed('changed.jsonl', (lines) => lines.toSpliced(4, 1))
    const { shown, exitCode } = await run('--check', 'success.jsonl', file)
    expect(exitCode).toBe(1)
    expect(shown.split('\n').slice(1)).toEqual([
      `${file}:5: no attempt failed before this`,
      `${file}: not a path of container-step of this version, or a promise is broken`,
      ''
    ])
  })

  test('reports what of an older trace is no path any more', async () => {
    const file = changed('older.jsonl', (lines) => lines.map((line) => line.replaceAll('pulling.', 'fetching.')))
    const { shown, exitCode } = await run('--check', file)
    expect(exitCode).toBe(1)
    expect(shown).toMatch(/^\S+older\.jsonl:\d+: container-step has no state fetching\.attempting in this version$/m)
  })

  test('refuses what is no trace with its line, and goes on', async () => {
    const file = changed('broken.jsonl', (lines) => ['x', ...lines])
    const { shown, exitCode } = await run('--check', file, 'success.jsonl')
    expect(exitCode).toBe(1)
    expect(shown).toContain(`${file}:1: line 1 is not JSON`)
    expect(shown).toContain('success.jsonl: a path of container-step')
  })

  test('gives the same as JSON', async () => {
    const file = changed('changed.jsonl', (lines) => lines.toSpliced(4, 1))
    expect(JSON.parse((await run('--check', '--json', file)).shown)).toEqual([
      {
        trace: file,
        command: 'run_container_step',
        machine: 'container-step',
        isComplete: true,
        offences: [{ line: 5, says: 'no attempt failed before this' }]
      }
    ])
  })
})
