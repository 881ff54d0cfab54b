/** What run_script_step makes of the runner's request. */
import { describe, expect, it, test } from 'vitest'
import { shellWords } from '../../../../src/hooks/requests/arguments.ts'
import { parseInput } from '../../../../src/hooks/requests/protocol.ts'
import { toScriptRequest } from '../../../../src/hooks/requests/script.ts'

/** The request for arguments as the runner serialises them. */
function requestOf(args: object) {
  const document = { command: 'run_script_step', args: { entryPoint: 'sh', entryPointArgs: [], ...args }, state: null }
  const input = parseInput(JSON.stringify(document))
  if (input.command !== 'run_script_step') throw new Error('not a script')
  return toScriptRequest(input.args, 'id')
}

describe('the words of script arguments', () => {
  it.each<readonly [readonly string[], readonly string[]]>([
    [[], []],
    [
      ['-e', '/__w/_temp/a.sh'],
      ['-e', '/__w/_temp/a.sh']
    ],
    [
      ['--noprofile', '--norc', '-e', '-o', 'pipefail', '/x.sh'],
      ['--noprofile', '--norc', '-e', '-o', 'pipefail', '/x.sh']
    ],
    // How the runner splits `"/__w/_actions/an action/main.js"`.
    [['"/__w/_actions/an', 'action/main.js"'], ['/__w/_actions/an action/main.js']],
    [
      ['-c', "'if", '[[', '!', '$NODE_ENV', '=', '"test"', ']];', "then exit 1; fi'"],
      ['-c', 'if [[ ! $NODE_ENV = "test" ]]; then exit 1; fi']
    ],
    [
      ["'$(x)'", '$(y)', '`z`', '*'],
      ['$(x)', '$(y)', '`z`', '*']
    ],
    [
      ['""', "''", ''],
      ['', '']
    ],
    [
      ['a\\ b', '"c\\"d"', '"e\\f"', "'g\\h'", 'i\\\\j'],
      ['a b', 'c"d', 'e\\f', 'g\\h', 'i\\j']
    ],
    [
      ['a"b c"d', "e'f g'h"],
      ['ab cd', 'ef gh']
    ],
    [
      ['  a', '\t', 'b\nc  '],
      ['a', 'b', 'c']
    ],
    [['end\\'], ['end\\']]
  ])('of %j are %j', (fragments, words) => {
    expect(shellWords(fragments)).toEqual(words)
  })

  it.each([["'a"], ['a"'], ['"a\\"']])('are refused when a quote is not closed: %s', (fragment) => {
    expect(() => shellWords([fragment])).toThrow('is not closed')
  })
})

describe('a script request', () => {
  test('has CI and GITHUB_ACTIONS, of which only CI may be set by the step', () => {
    expect(requestOf({ environmentVariables: { A: '' } }).env).toEqual({ A: '', CI: 'true', GITHUB_ACTIONS: 'true' })
    expect(requestOf({ environmentVariables: { CI: 'false', GITHUB_ACTIONS: 'no' } }).env).toEqual({
      CI: 'false',
      GITHUB_ACTIONS: 'true'
    })
  })

  test.each([
    ['/one', ['/one']],
    [
      ['/one', '/two'],
      ['/one', '/two']
    ],
    [null, []],
    [undefined, []]
  ])('takes prependPath as %j', (prependPath, expected) => {
    expect(requestOf({ prependPath }).prependPath).toEqual(expected)
  })

  test('runs in /__w when no directory is given', () => {
    expect(requestOf({ workingDirectory: null }).workingDirectory).toBe('/__w')
    expect(requestOf({ workingDirectory: '/__w/repo/repo' }).workingDirectory).toBe('/__w/repo/repo')
  })

  test('without a program is refused', () => {
    expect(() => requestOf({ entryPoint: '' })).toThrow('args.entryPoint')
  })
})
