/** Goal: no order of the runner, and no text in one, crashes the hook or keeps it busy; it is carried out, or refused in one line. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseCreateOptions } from '../../../src/effects/kubernetes/specs/docker-options/options.ts'
import { environmentSecret } from '../../../src/effects/kubernetes/specs/step-pod.ts'
import { splitWords } from '../../../src/effects/shell-words.ts'
import { maskFor } from '../../../src/hooks/mask.ts'
import { shellWords, undoQuoting } from '../../../src/hooks/requests/arguments.ts'
import { toJobRequest } from '../../../src/hooks/requests/job.ts'
import { parseInput } from '../../../src/hooks/requests/protocol.ts'
import { toScriptRequest } from '../../../src/hooks/requests/script.ts'
import { toStepRequest } from '../../../src/hooks/requests/step.ts'
import { SETTINGS } from '../../../src/hooks/settings/settings.ts'
import { WrongValue } from '../../../src/hooks/settings/values.ts'
import { readState } from '../../../src/hooks/state.ts'
import { RECORDINGS, recordedOrder } from '../../recordings/index.ts'
import { evilJson, evilText, FUZZ_TIMEOUT_MS, mutated, survives } from '../../support/fuzz.ts'
import { PATHS, planJob, siteOf, stepPod } from '../effects/kubernetes/context-fixture.ts'

const OPTION_WORDS = [
  '--cpus',
  '--memory=1g',
  '-e',
  'A=b',
  '--env',
  '-m',
  '--user',
  '1:2',
  '--tmpfs',
  '/x:size=',
  '--add-host',
  'a:b',
  '--health-cmd',
  '--health-interval',
  '1h1m',
  '--name',
  '--label',
  '--privileged',
  '-itd',
  '"',
  "'",
  '\\'
]
const FIELDS = [
  ...['command', 'args', 'state', 'responseFile', 'container', 'services', 'image', 'dockerfile', 'entryPoint'],
  ...['entryPointArgs', 'workingDirectory', 'createOptions', 'environmentVariables', 'portMappings', 'prependPath'],
  ...['userMountVolumes', 'systemMountVolumes', 'sourceVolumePath', 'targetVolumePath', 'readOnly', 'registry'],
  ...['username', 'password', 'serverUrl', 'jobPod', 'storage', 'prepare_job', 'cleanup_job', 'run_script_step']
]
const text = evilText(...OPTION_WORDS, '/__w', '/github/home', 'docker://', '80:80/tcp', 'redis:7@sha256:0')
const mount = { sourceVolumePath: '/home/runner/_work/x', targetVolumePath: '/x', readOnly: true }
const container = {
  image: 'redis',
  dockerfile: '/d/Dockerfile',
  entryPoint: '/x',
  entryPointArgs: ['a', '"b'],
  workingDirectory: '/',
  createOptions: '--cpus 1 -e A=b',
  environmentVariables: { A: 'b', SECRET: 'value-of-it' },
  portMappings: ['80'],
  userMountVolumes: [mount],
  systemMountVolumes: [mount],
  registry: { username: 'u', password: 'p', serverUrl: 'r' }
}
const orders = [
  { command: 'prepare_job', args: { container, services: [container, container] }, state: {}, responseFile: '/r' },
  { command: 'run_container_step', args: container, state: { jobPod: 'job' } },
  {
    command: 'run_script_step',
    args: { ...container, prependPath: ['/x'] },
    state: { jobPod: 'job', storage: 'copy' }
  },
  { command: 'cleanup_job', args: {} },
  ...RECORDINGS.map(({ name }) => recordedOrder(name))
]
const documents = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(...orders).chain((order) => mutated(order, fc.oneof(text, evilJson(...FIELDS))))
  },
  { weight: 2, arbitrary: evilJson(...FIELDS) }
)

/** All that is computed from an order before anything is created. */
function carryOut(stdin: string): void {
  const input = parseInput(stdin)
  readState(input.state)
  // No more than a trace keeps of what failed.
  maskFor(input)(stdin.slice(-64 * 1024))
  const site = siteOf('copy')
  if (input.command === 'prepare_job') {
    const request = toJobRequest(input.args, PATHS)
    JSON.stringify(planJob(site, request, { secret: () => 's', nonce: 'm' }))
  } else if (input.command === 'run_container_step') {
    const request = toStepRequest(input.args, PATHS)
    const run = { nonce: '0', image: 'x', isBuilt: true, request }
    JSON.stringify([environmentSecret(site, run), stepPod(site, run)])
  } else if (input.command === 'run_script_step') toScriptRequest(input.args, 'id')
}

test('stdin', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  await survives(
    documents.map((document) => JSON.stringify(document)),
    carryOut
  )
  await survives(evilText('{"command":"cleanup_job"}', '"', ':', ',', '{', '}', '[', ']'), carryOut)
})

test('options', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  await survives(evilText(...OPTION_WORDS), (given) => {
    expect(typeof JSON.stringify(parseCreateOptions(given))).toBe('string')
  })
  await survives(evilText(...OPTION_WORDS), splitWords)
  const option = fc.tuple(
    fc.constantFrom(...OPTION_WORDS.filter((word) => word.startsWith('--'))),
    evilText('1', 'm', 'h', '=', ':')
  )
  await survives(option, ([name, value]) => parseCreateOptions(`${name} '${value.replaceAll("'", '')}'`))
})

test('arguments', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  const fragments = fc.array(evilText('"', "'", '\\', '\\"', '""', '$', '`'), { maxLength: 5 })
  await survives(fragments, (given) => expect(undoQuoting(given).join('')).toBeTypeOf('string'))
  await survives(fragments, (given) => expect(shellWords(given).join('')).toBeTypeOf('string'))
})

test.each(Object.entries(SETTINGS))('the setting %s', { timeout: FUZZ_TIMEOUT_MS }, async (_name, { parse }) => {
  const values = evilText('a', 'a-', 'a.', '-', 'a/', 'a_', '__', ':1', 'tcp://', 'tcp://[', ',', '0')
  const share = 0.3
  await survives(
    values,
    (given) => {
      try {
        ;(parse as (value: string) => unknown)(given)
      } catch (thrown) {
        if (!(thrown instanceof WrongValue)) throw thrown
      }
    },
    share
  )
})

test.each([
  ['options with many variables', () => parseCreateOptions('-e A=b '.repeat(200_000))],
  ['options with many names', () => parseCreateOptions('--name a '.repeat(200_000))],
  ['options that are unknown', () => parseCreateOptions('--x y '.repeat(200_000))],
  ['a duration without a unit', () => parseCreateOptions(`--health-interval ${'1'.repeat(500_000)}`)],
  ['a duration of many parts', () => parseCreateOptions(`--health-cmd x --health-interval ${'1h'.repeat(200_000)}!`)],
  ['a number that is none', () => parseCreateOptions(`--cpus ${'1'.repeat(500_000)}x`)],
  ['a quote that is not closed', () => parseCreateOptions(`"${' a'.repeat(500_000)}`)],
  ['backslashes', () => undoQuoting(['\\'.repeat(1_000_000), '"'])],
  ['quotes', () => undoQuoting(['"'.repeat(1_000_000)])],
  [
    'many services of one image',
    () =>
      carryOut(
        JSON.stringify({ command: 'prepare_job', args: { container, services: Array(10_000).fill({ image: 'a' }) } })
      )
  ],
  [
    'many ports, mounts and variables',
    () => {
      const many = <T>(item: (index: number) => T) => Array.from({ length: 10_000 }, (_, index) => item(index))
      const environmentVariables = Object.fromEntries(many((index) => [`V${index}`, `value ${index}`]))
      const userMountVolumes = many((index) => ({ ...mount, targetVolumePath: `/x${index}` }))
      const big = {
        ...container,
        environmentVariables,
        userMountVolumes,
        portMappings: many((index) => String(index + 1))
      }
      carryOut(JSON.stringify({ command: 'prepare_job', args: { container: big, services: [big] } }))
    }
  ]
])('%s take no time', { timeout: FUZZ_TIMEOUT_MS }, async (_title, work) => {
  await survives(fc.constant(undefined), work, 0.01)
})
