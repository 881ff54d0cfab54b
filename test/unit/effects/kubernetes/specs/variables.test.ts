/** Goal: a program has every variable by its own name, also where the API server takes no such name, and runs what docker would run. */
import { spawnSync } from 'node:child_process'
import type { V1Container } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { needsImage, type Program, startOf } from '../../../../../src/effects/kubernetes/specs/variables.ts'
import type { StepRequest } from '../../../../../src/machines/types.ts'
import { planJob, siteOf, stepPod } from '../context-fixture.ts'

/** As a kubelet and a runtime do it: values of variables in commands, image's ENTRYPOINT and CMD where none are given. */
function run({ env = [], command, args }: Partial<V1Container>, image: Program) {
  const values = Object.fromEntries(env.map(({ name, value = '' }) => [name, value]))
  const expanded = (text: string) =>
    text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) =>
      name === undefined ? '$' : (values[name] ?? whole)
    )
  const own = [...(command ?? image.entryPoint), ...(args ?? (command === undefined ? image.args : []))].map(expanded)
  const { stdout } = spawnSync(own[0] ?? '', own.slice(1), { env: { PATH: process.env.PATH, ...values } })
  return stdout.toString()
}

const odd = ['INPUT_GRÖSSE', 'ビルド', 'line\nend', '-ß', 'é é', '$(PATH)ü', 'tab\t']
const values = ['plain', '$(PATH) $$ $X', '', 'a\nb', '--help', '"\'', '=']
const program = ['node', '-e', 'process.stdout.write(JSON.stringify([process.argv.slice(1), process.env]))', '--']
const nothing: Program = { entryPoint: [], args: [] }

describe.each<[string, Program, Program, string[]]>([
  ['an entrypoint of its own', { entryPoint: program, args: ['a', '$(PATH)'] }, nothing, ['a', '$(PATH)']],
  ["the image's ENTRYPOINT and CMD", nothing, { entryPoint: program, args: ['c', '$(PATH)'] }, ['c', '$(PATH)']],
  [
    "the image's ENTRYPOINT and other arguments",
    { entryPoint: [], args: ['b'] },
    { entryPoint: program, args: ['c'] },
    ['b']
  ],
  ["nothing but the image's CMD", nothing, { entryPoint: [], args: [...program, 'c'] }, ['c']]
])('with %s', (_title, own, image, expected) => {
  test.each(odd)('the program has %j, with whatever value, and nothing of ours', (name) => {
    for (const value of values) {
      const variables = [
        { name: 'A', value: 'b' },
        { name, value },
        { name: 'NEXT_GRÖSSE', value: '2' }
      ]
      const [args, env] = JSON.parse(run(startOf(variables, own, image), image))
      expect(args).toEqual(expected)
      expect(env).toMatchObject({ A: 'b', [name]: value, NEXT_GRÖSSE: '2' })
      expect(Object.keys(env).filter((key) => key.startsWith('SLIPWAY'))).toEqual([])
    }
  })
})

test.each(['A', 'a-b', 'a.b', 'a b', '1A', '1', '-', '~', '!"#$%&()*', '_'])('%j is left to Kubernetes', (name) => {
  const variables = [{ name, value: '' }]
  expect(startOf(variables, nothing)).toEqual({ env: variables })
  expect(startOf(variables, { entryPoint: ['e'], args: ['$X'] })).toEqual({
    env: variables,
    command: ['e'],
    args: ['$$X']
  })
  expect(needsImage([name], nothing)).toBe(false)
})

test('where nobody knows what is to be run, it is said in one line, by name', () => {
  const variables = [{ name: 'INPUT_GRÖSSE', value: '' }]
  for (const image of [undefined, nothing]) {
    expect(() => startOf(variables, nothing, image)).toThrow(expect.objectContaining({ code: 'not-supported' }))
    expect(() => startOf(variables, nothing, image)).toThrow("'INPUT_GRÖSSE'")
  }
})

describe('in the pods', () => {
  const env = { 'INPUT_A-B': '1', INPUT_GRÖSSE: 'secret' }

  test('of a step the values stay in the Secret', () => {
    const request: StepRequest = { entryPoint: '/e', args: ['x'], env, workingDirectory: '/', mounts: [] }
    const pod = stepPod(siteOf('copy'), { nonce: '0', image: 'i', isBuilt: false, request })
    const step = pod.spec?.containers.find(({ name }) => name === 'job')
    expect(step?.env?.map(({ name }) => name)).toEqual(['INPUT_A-B', 'SLIPWAY_ENV_0'])
    expect(step?.command).toEqual(['env', '-u', 'SLIPWAY_ENV_0', '--', 'INPUT_GRÖSSE=$(SLIPWAY_ENV_0)', '/e'])
    expect(JSON.stringify(pod)).not.toContain('secret"')
  })

  test('of a job services get them, and the job container keeps them for its scripts', () => {
    const container = { image: 'i', args: [], env, ports: [], volumes: [] }
    const names = { secret: () => '', nonce: '01234567' }
    const service = { ...container, entryPoint: '/s' }
    const { pod } = planJob(siteOf('copy'), { container, services: [service], mounts: [] }, names)
    const [job, other] = pod.spec?.containers ?? []
    expect(job?.env?.map(({ name }) => name)).toEqual(['CI', 'INPUT_A-B', 'GITHUB_ACTIONS'])
    expect(job?.command).toEqual(['tail'])
    expect(JSON.parse(pod.metadata?.annotations?.['slipway/variables'] ?? '')).toEqual(env)
    expect(other?.command?.at(-1)).toBe('/s')
    expect(() => planJob(siteOf('copy'), { container, services: [container], mounts: [] }, names)).toThrow(
      'INPUT_GRÖSSE'
    )
  })
})
