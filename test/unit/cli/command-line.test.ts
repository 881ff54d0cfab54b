/** Goal: what a command declares is what it takes; everything else is one line that says what to do. */
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { type CliDependencies, UsageError } from '../../../src/cli/command.ts'
import { declare } from '../../../src/cli/command-line.ts'
import { COMMANDS } from '../../../src/cli/commands.ts'

let written = ''
const deps: CliDependencies = {
  write: (data) => {
    written += String(data)
  },
  environment: {},
  workingDirectory: '/',
  temporaryDirectory: '/tmp',
  isRoot: false,
  onCancel: () => () => {}
}

let given: object = {}
const fetchIt = declare(
  {
    name: 'fetch',
    summary: 'fetch something',
    about: 'Fetches.',
    operands: ['WHAT'],
    options: {
      from: { type: 'string', value: 'DIR', default: 'here', help: 'where it is' },
      how: { type: 'string', choices: ['fast', 'slowly'], help: 'pace' },
      with: { type: 'string', multiple: true, help: 'tools' },
      json: { type: 'boolean', help: 'as JSON' },
      secretly: { type: 'boolean', hidden: true, help: 'never shown' }
    },
    rest: { value: 'ARG...', help: 'for the tools' },
    examples: [['slipway fetch it', 'and no more']],
    exitCodes: [
      [0, 'fetched'],
      ['other', 'not']
    ]
  },
  async (line) => {
    given = line
    return 0
  }
)

describe('a command line', () => {
  test('gives what was written, and defaults for the rest', async () => {
    expect(await fetchIt.run(['it'], deps)).toBe(0)
    expect(given).toEqual({
      values: { from: 'here', with: [], json: false, secretly: false },
      operands: ['it'],
      rest: undefined
    })
    const args = ['--json', '--with', 'a', '--how=fast', 'it', '--with', 'b', '--', '--json', 'c']
    await fetchIt.run(args, deps)
    expect(given).toMatchObject({
      values: { how: 'fast', with: ['a', 'b'], json: true },
      operands: ['it'],
      rest: ['--json', 'c']
    })
  })

  test.each([
    [[], 'fetch: WHAT is missing; slipway fetch --help tells what it takes'],
    [['a', 'b'], "fetch: 'b' is one too many; slipway fetch --help tells what it takes"],
    [['a', '--no-such'], 'fetch: there is no option --no-such; slipway fetch --help tells what it takes'],
    [['a', '-x'], 'fetch: there is no option -x; slipway fetch --help tells what it takes'],
    [['a', '--from'], 'fetch: --from needs a value; slipway fetch --help tells what it takes'],
    [['a', '--from', '--json'], 'fetch: --from needs a value; slipway fetch --help tells what it takes'],
    [['a', '--json=yes'], 'fetch: --json takes no value; slipway fetch --help tells what it takes'],
    [['a', '--how', 'fat'], "fetch: --how is one of fast, slowly, and not 'fat'"]
  ])('refuses %j', async (args, message) => {
    const failure = (async () => await fetchIt.run(args, deps))()
    await expect(failure).rejects.toThrow(UsageError)
    await expect(failure).rejects.toThrow(message)
  })
})

describe('help', () => {
  test('says how to write it, what it takes, with examples and exit codes', () => {
    expect(fetchIt.help).toBe(`slipway fetch WHAT [--from DIR] [--how VALUE] [--with VALUE]... [--json] [-- ARG...]

Fetches.

  --from DIR     where it is (default: here)
  --how VALUE    pace: fast, slowly
  --with VALUE   tools
  --json         as JSON
  -- ARG...      for the tools

Examples:
  slipway fetch it    and no more

Exit codes:
  0       fetched
  other   not
`)
  })

  test.each(COMMANDS.map(({ declaration, help }) => [declaration.name, declaration, help] as const))(
    'of %s has examples of it and its exit codes, and fits a terminal',
    (name, { examples, exitCodes }, help) => {
      expect(examples.some(([line]) => line.includes(`slipway ${name}`))).toBe(true)
      expect(exitCodes.map(([code]) => code)).toEqual(expect.arrayContaining([0, 2]))
      const tooLong = help.split('\n').filter((line) => line.length > 130)
      expect(tooLong.filter((line) => !examples.some(([example]) => line.includes(example)))).toEqual([])
    }
  )
})

describe('completion in bash', async () => {
  written = ''
  const completion = COMMANDS.find(({ declaration }) => declaration.name === 'completion')
  await completion?.run([], deps)
  const script = written
  const complete = (...words: readonly string[]): readonly string[] => {
    const quoted = ['slipway', ...words].map((word) => `'${word}'`).join(' ')
    const shell = `${script}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _slipway; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr } = spawnSync('bash', ['-c', shell], { encoding: 'utf8' })
    expect(stderr).toBe('')
    return stdout.trim().split('\n')
  }

  test('knows every command', () => {
    expect(complete('')).toEqual([...COMMANDS.map(({ declaration }) => declaration.name), '--help'])
  })

  test('knows options, their values, and files', () => {
    expect(complete('run', '--e')).toEqual(['--engine'])
    expect(complete('run', '--engine', 'po')).toEqual(['podman'])
    expect(complete('replay', 'package-lo')).toEqual(['package-lock.json'])
    expect(complete('run', 'sr')).toEqual(['src'])
  })
})
