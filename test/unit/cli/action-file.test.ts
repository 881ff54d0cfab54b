/** Action metadata, and the arguments and variables that the runner would make of it. */
import { expect, test } from 'vitest'
import { fillIn, parseAction } from '../../../src/cli/action-file.ts'

const parse = (yaml: string) => parseAction(yaml, 'action.yml', '/actions/mine')
const docker = (rest: string) => `name: Mine\n${rest}\nruns:\n  using: docker\n  image: Dockerfile\n`

test('a Dockerfile is taken relative to the action, with .. resolved', () => {
  expect(parse(docker('')).dockerfile).toBe('/actions/mine/Dockerfile')
  const elsewhere = parse('runs: { using: docker, image: ../shared/my.dockerfile }')
  expect(elsewhere.dockerfile).toBe('/actions/shared/my.dockerfile')
  expect(elsewhere.image).toBeUndefined()
})

test('docker:// names a prebuilt image', () => {
  const action = parse('runs: { using: docker, image: "docker://alpine:3", entrypoint: /run.sh, args: [a, 1, true] }')
  expect(action).toMatchObject({ image: 'alpine:3', entryPoint: '/run.sh', args: ['a', '1', 'true'] })
  expect(action.dockerfile).toBeUndefined()
})

test.each([
  ['runs: { using: node20, main: index.js }', 'not-supported', /using is 'node20'/],
  ['runs: { using: docker }', 'invalid-input', /runs\.image is missing/],
  ['name: Mine', 'invalid-input', /action\.yml: runs: /],
  ['runs: { using: docker, image: Dockerfile, args: {} }', 'invalid-input', /runs\.args/],
  ['a: [', 'invalid-input', /action\.yml is not YAML: .+ at line 1, column \d+$/],
  ['['.repeat(50_000), 'invalid-input', /action\.yml has more than 100 levels/],
  [`name: ${'x'.repeat(100_000)}`, 'invalid-input', /action\.yml is larger than/]
])('says what is wrong with %.40s', (yaml, code, message) => {
  expect(() => parse(yaml)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }))
})

test('inputs become variables as the runner names them, with defaults and case-insensitive names', () => {
  const action = parse(docker('inputs:\n  who-to greet: { default: world }\n  Token: { required: true }'))
  const { env, warnings } = fillIn(action, { TOKEN: 't' })
  expect(env).toEqual({ 'INPUT_WHO-TO_GREET': 'world', INPUT_TOKEN: 't' })
  expect(warnings).toEqual([])
})

test('arguments and env take their inputs, unexpanded otherwise', () => {
  const action = parse(
    [
      'inputs: { who: { default: "a $(b) ${{ c" } }',
      'runs:',
      '  using: docker',
      '  image: Dockerfile',
      '  args: ["${{ inputs.who }}", "x${{inputs.WHO}}x", "${{ inputs[\'who\'] }}", "", "${{ inputs.none }}"]',
      '  env: { GREETED: "${{ inputs.who }}!" }'
    ].join('\n')
  )
  const { args, env } = fillIn(action, {})
  expect(args).toEqual(['a $(b) ${{ c', 'xa $(b) ${{ cx', 'a $(b) ${{ c', '', ''])
  expect(env.GREETED).toBe('a $(b) ${{ c!')
})

test('warns of what has no value here, of unknown inputs, missing ones and parts that are not run', () => {
  const action = parse(
    'inputs: { token: { default: "${{ github.token }}" }, must: { required: true } }\nruns: { using: docker, image: Dockerfile, post-entrypoint: /p }'
  )
  const { env, warnings } = fillIn(action, { other: 'x' })
  expect(env).toEqual({ INPUT_TOKEN: '', INPUT_MUST: '', INPUT_OTHER: 'x' })
  expect(warnings).toEqual([
    'post-entrypoint is not run',
    'default of input token: ${{ github.token }} has no value here and is left empty',
    'input must is required; give it with --input must=...',
    'the action has no input other'
  ])
})
