/** Goal: every order that the runner can send is carried out as it is meant, and the runner can take the answer. Method: the recordings, through the hook's own entry. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createReporter } from '../../../src/effects/log/reporter.ts'
import { randomHex, systemClock } from '../../../src/effects/system.ts'
import { runHook } from '../../../src/hooks/hook.ts'
import type { JobRequest, ScriptRequest, StepRequest } from '../../../src/machines/types.ts'
import {
  asWritten,
  type Order,
  RECORDINGS,
  type RecordedMount,
  type RecordingName,
  recordedOrder
} from '../../recordings/index.ts'
import { takeAnswer } from '../../recordings/runner.ts'
import { fakeBackend } from './fakes.ts'

/** Where the recorded runner lives. */
const HOME = '/home/runner'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'slipway-recordings-'))
  await mkdir(join(home, '_work/_temp/_runner_hook_responses'), { recursive: true })
  await mkdir(join(home, '_work/widgets/widgets'), { recursive: true })
})
afterEach(() => rm(home, { recursive: true }))

interface Reached {
  readonly job?: JobRequest
  readonly step?: StepRequest
  readonly script?: ScriptRequest
  /** The job pod that it was carried out in, by the state. */
  readonly jobPod?: string | undefined
}

/** Sends an order as the runner does it; everything succeeds, and what is run exits with `exitCode`. */
async function send(order: Order, exitCode: number) {
  const here = JSON.parse(asWritten(order).replaceAll(HOME, home)) as Order
  await writeFile(here.responseFile, '')
  let reached: Reached = {}
  let log = ''
  const backend = fakeBackend({ run: async () => ({ exitCode }) })
  const code = await runHook({
    stdin: Readable.from([Buffer.from(asWritten(here))]),
    environment: {
      ACTIONS_RUNNER_POD_NAME: 'runner-abc',
      RUNNER_WORKSPACE: join(home, '_work/widgets'),
      RUNNER_TEMP: join(home, '_work/_temp'),
      GITHUB_WORKSPACE: join(home, '_work/widgets/widgets')
    },
    backends: {
      cleanup: async () => backend,
      async jobs() {
        const { createJobPorts } = backend
        return {
          createJobPorts(options, deps) {
            const ports = createJobPorts(options, deps)
            const plan: typeof ports.host.plan = (job, signal) => {
              reached = { job }
              return ports.host.plan(job, signal)
            }
            return { ...ports, host: { ...ports.host, plan } }
          }
        }
      },
      async steps() {
        const { createKubernetesPorts } = backend
        return {
          createKubernetesPorts(options, deps) {
            const ports = createKubernetesPorts(options, deps)
            const resolve: typeof ports.resolver.resolve = (input, signal) => {
              reached = { step: input.request, jobPod: options.jobPod }
              return ports.resolver.resolve(input, signal)
            }
            return { ...ports, resolver: { resolve } }
          }
        }
      },
      ahead: () => Promise.reject(new Error('no build ahead was asked for')),
      scripts: async () => ({
        createScriptPorts: ({ jobPod }, { clock }) => ({
          clock,
          host: {
            async execute(script) {
              reached = { script, jobPod }
              return { exitCode }
            }
          },
          janitor: { cleanUp: async () => {} }
        })
      })
    },
    cancels: { signal: new AbortController().signal, listen: () => () => {} },
    mayRemain: () => {},
    reporter: createReporter((data) => {
      log += data
    }),
    clock: systemClock,
    startAhead: async () => {},
    randomHex
  })
  const answer = await readFile(here.responseFile, 'utf8')
  return { code, log, reached, taken: takeAnswer(order, code, answer), calls: backend.calls }
}

const STATE = { jobPod: 'arc-x7k2p-runner-9q4zt-workflow', storage: 'copy' }
const GUID = '-7a1c-4c0e-9b57-0f5d3c2e8a11'

describe('the recordings', () => {
  // Members in the order of the runner's own classes: its serializer goes by them, and leaves no null out.
  const ORDER = ['command', 'responseFile', 'args', 'state']
  const CONTAINER = [
    ...['image', 'dockerfile', 'entryPointArgs', 'entryPoint', 'workingDirectory', 'createOptions', 'registry'],
    ...['environmentVariables', 'portMappings', 'systemMountVolumes', 'userMountVolumes']
  ]
  const MOUNT = ['userProvidedValue', 'sourceVolumePath', 'targetVolumePath', 'readOnly']
  const SCRIPT = ['entryPointArgs', 'entryPoint', 'environmentVariables', 'prependPath', 'workingDirectory']

  const expectContainer = (container: Readonly<Record<string, unknown>>) => {
    expect(Object.keys(container)).toEqual(CONTAINER)
    const mounts = [container.systemMountVolumes, container.userMountVolumes] as (readonly RecordedMount[])[]
    for (const mount of mounts.flat()) expect(Object.keys(mount)).toEqual(MOUNT)
    if (container.registry !== null) {
      expect(Object.keys(container.registry as object)).toEqual(['username', 'password', 'serverUrl'])
    }
  }

  test.each(RECORDINGS)('$name has the form in which the runner writes it: $when', ({ name }) => {
    const order = recordedOrder(name)
    const { command, args } = order
    expect(Object.keys(order)).toEqual(ORDER)
    expect(order.responseFile).toMatch(/^\/home\/runner\/_work\/_temp\/_runner_hook_responses\/[0-9a-f-]{36}\.json$/)
    if (command === 'cleanup_job') expect(args).toEqual({})
    if (command === 'run_script_step') expect(Object.keys(args)).toEqual(SCRIPT)
    if (command === 'run_container_step') expectContainer(args)
    if (command === 'prepare_job') {
      expect(Object.keys(args)).toEqual(['container', 'services'])
      const { container, services } = args as { container: Record<string, unknown> | null; services: [] }
      for (const one of [...(container ? [container] : []), ...services]) expectContainer(one)
    }
  })

  test('are of every command', () => {
    const commands = new Set(RECORDINGS.map(({ name }) => recordedOrder(name).command))
    expect([...commands].sort()).toEqual(['cleanup_job', 'prepare_job', 'run_container_step', 'run_script_step'])
  })
})

describe('prepare_job', () => {
  const answer = { state: { jobPod: 'job-1', storage: 'copy' }, isAlpine: true }

  test('a job container', async () => {
    const { code, reached, taken } = await send(recordedOrder('prepare-job'), 0)
    expect(code).toBe(0)
    const at = (path: string) => join(home, path)
    expect(reached.job).toEqual({
      container: {
        image: 'node:22-bookworm',
        args: [],
        env: { HOME: '/github/home' },
        workingDirectory: '/__w/widgets/widgets',
        ports: [],
        volumes: []
      },
      services: [],
      mounts: [
        { source: at('_work'), target: '/__w', readOnly: false },
        { source: at('_work/_temp/_github_home'), target: '/github/home', readOnly: false },
        { source: at('_work/_temp/_github_workflow'), target: '/github/workflow', readOnly: false },
        { source: at('externals'), target: '/__e', readOnly: true }
      ]
    })
    expect(taken).toEqual({ ...answer, services: [] })
  })

  test('everything that a workflow can say of a job container and its services', async () => {
    const { code, reached, taken } = await send(recordedOrder('prepare-job-everything'), 0)
    expect(code).toBe(0)
    expect(reached.job).toMatchObject({
      container: {
        image: 'registry.example/octo/ci:1',
        env: { EMPTY: '', HOME: '/github/home', http_proxy: 'http://proxy.example:3128' },
        createOptions: '--cpus 1 --hostname builder -e "GREETING=two words"',
        ports: ['8080', '9090:90/tcp'],
        volumes: [
          { source: 'cache', target: '/var/cache', readOnly: false },
          { source: '', target: '/scratch', readOnly: false },
          { source: join(home, '_work/widgets/widgets/data'), target: '/data', readOnly: true },
          { source: '', target: '/logs', readOnly: true }
        ],
        credentials: { username: 'octocat', password: 'correct horse', server: 'registry.example' }
      },
      services: [
        {
          image: 'redis:7',
          entryPoint: 'docker-entrypoint.sh',
          args: ['redis-server', '--appendonly', 'yes'],
          createOptions: '--health-cmd "redis-cli ping" --health-interval 5s'
        },
        { credentials: { username: 'octocat', password: 'token-of-the-job', server: 'ghcr.io' }, ports: ['5432/tcp'] }
      ]
    })
    expect(taken).toEqual({
      ...answer,
      services: [
        { id: '', network: '', ports: { '6379': '6379', '6380': '6380' } },
        { id: '', network: '', ports: { '5432': '5432' } }
      ]
    })
  })

  test('services alone: an answer that the runner can take, without Alpine', async () => {
    const { code, taken } = await send(recordedOrder('prepare-job-services-only'), 0)
    expect(code).toBe(0)
    expect(taken).toEqual({ state: answer.state, services: [{ id: '', network: '', ports: { '6379': '6379' } }] })
  })
})

describe('run_container_step', () => {
  const dockerfile = (path: string) => ({ dockerfile: join(home, path) })
  const CASES: readonly (readonly [RecordingName, () => object, string | undefined])[] = [
    [
      'run-container-step-image',
      () => ({ image: 'debian:bookworm', entryPoint: 'bash', args: ['-c', 'echo hello'] }),
      STATE.jobPod
    ],
    [
      'run-container-step-dockerfile',
      () => ({
        ...dockerfile('_work/_actions/octo/lint/v3/Dockerfile'),
        entryPoint: undefined,
        args: ['src', 'two words', 'say "hi"', '']
      }),
      STATE.jobPod
    ],
    [
      'run-container-step-pre',
      () => ({ ...dockerfile('_work/_actions/octo/lint/v3/Dockerfile'), entryPoint: '/pre.sh', args: [] }),
      STATE.jobPod
    ],
    [
      'run-container-step-post',
      () => ({ ...dockerfile('_work/_actions/octo/lint/v3/Dockerfile'), entryPoint: '/post.sh', args: [] }),
      STATE.jobPod
    ],
    [
      'run-container-step-self',
      () =>
        dockerfile(
          '_work/_actions/octo/widgets/5d0e1f6c3a9b48d7a2f4c6e8b0d1f3a5c7e9b1d3/actions/docker/pack.Dockerfile'
        ),
      STATE.jobPod
    ],
    ['run-container-step-no-job', () => ({ image: 'ghcr.io/octo/lint:v3', args: [] }), undefined]
  ]

  test.each(CASES)('%s', async (name, expected, jobPod) => {
    const order = recordedOrder(name)
    const { code, reached, taken } = await send(order, 0)
    expect(code).toBe(0)
    expect(reached.step).toMatchObject(expected())
    expect(reached.jobPod).toBe(jobPod)
    expect(reached.step?.workingDirectory).toBe('/github/workspace')
    // All five, and no docker behind a socket.
    expect(reached.step?.mounts).toEqual(
      [
        ['_temp', '/github/runner_temp'],
        ['_temp/_github_home', '/github/home'],
        ['_temp/_github_workflow', '/github/workflow'],
        ['_temp/_runner_file_commands', '/github/file_commands'],
        ['widgets/widgets', '/github/workspace']
      ].map(([path = '', target]) => ({ source: join(home, '_work', path), target, readOnly: false }))
    )
    const given = order.args.environmentVariables as Record<string, string>
    expect(reached.step?.env).toEqual(
      JSON.parse(JSON.stringify({ CI: 'true', ...given, GITHUB_ACTIONS: 'true' }).replaceAll(HOME, home))
    )
    // An empty answer: the state stays.
    expect(taken).toEqual({ state: order.state, services: [] })
  })

  test('that fails keeps the state, and its exit code is shown', async () => {
    const { taken } = await send(recordedOrder('run-container-step-image'), 7)
    expect(taken).toEqual({ state: STATE, services: [], failure: 'Process completed with exit code 7.' })
  })
})

describe('run_script_step', () => {
  const script = (number: number) => `/__w/_temp/${String(number).padStart(8, '0')}${GUID}.sh`
  const CASES: readonly (readonly [RecordingName, Partial<ScriptRequest>])[] = [
    ['run-script-step', { entryPoint: 'sh', args: ['-e', script(110)], prependPath: [] }],
    [
      'run-script-step-bash',
      {
        entryPoint: 'bash',
        args: ['--noprofile', '--norc', '-e', '-o', 'pipefail', script(111)],
        prependPath: ['/opt/late/bin', '/opt/early/bin'],
        workingDirectory: '/__w/widgets/widgets/packages/core'
      }
    ],
    ['run-script-step-composite', { prependPath: ['/__w/_actions/octo/setup/v2/bin'] }],
    [
      'run-script-step-javascript',
      { entryPoint: '/__e/node24/bin/node', args: ['/__w/_actions/actions/cache/v5/dist/restore/index.js'] }
    ],
    ['run-script-step-background', { args: ['-e', script(114)] }],
    ['run-script-step-debugger', { args: ['-e', script(115).replace('_temp/', '_temp/dap_repl_')] }]
  ]

  test.each(CASES)('%s', async (name, expected) => {
    const order = recordedOrder(name)
    const { code, reached, taken, log } = await send(order, 0)
    expect([code, log]).toEqual([0, ''])
    expect(reached.script).toMatchObject({ workingDirectory: '/__w/widgets/widgets', ...expected })
    expect(reached.jobPod).toBe(STATE.jobPod)
    const given = order.args.environmentVariables as Record<string, string>
    expect(reached.script?.env).toEqual({ CI: 'true', ...given, GITHUB_ACTIONS: 'true' })
    expect(taken).toEqual({ state: STATE, services: [] })
  })

  test('that fails', async () => {
    const { taken } = await send(recordedOrder('run-script-step'), 3)
    expect(taken.failure).toBe('Process completed with exit code 3.')
  })
})

describe('cleanup_job', () => {
  test.each(['cleanup-job', 'cleanup-job-not-prepared'] as const)('%s', async (name) => {
    const order = recordedOrder(name)
    const { code, calls, taken } = await send(order, 0)
    expect(code).toBe(0)
    expect(calls[0]).toBe('list what is left of runner-abc')
    expect(taken).toEqual({ state: order.state, services: [] })
  })
})

describe('the runner', () => {
  const prepare = recordedOrder('prepare-job')
  const withServices = recordedOrder('prepare-job-everything')
  const step = recordedOrder('run-container-step-image')
  const port = { ports: { '1': '1' } }

  // What no answer of ours may be, by the runner's own code.
  test.each<[string, Order, number, string | undefined, RegExp | undefined]>([
    ['does not read what a hook that failed has written', prepare, 1, '{"isAlpine":true}', /exit code 1\.$/],
    ['wants a file for a job container', prepare, 0, undefined, /could not be read/],
    ['wants a document in it', prepare, 0, '', /could not be read/],
    ['takes no two documents', prepare, 0, '{"isAlpine":true}{"isAlpine":true}', /not one JSON document/],
    ['wants to know whether it is Alpine', prepare, 0, '{"state":{}}', /'isAlpine' is required/],
    ['needs no context', prepare, 0, '{"isAlpine":false}', undefined],
    ['takes no services by name', withServices, 0, '{"isAlpine":true,"context":{"services":{"a":{}}}}', /no list/],
    ['takes no null for them', withServices, 0, '{"isAlpine":true,"context":{"services":null}}', /not set/],
    [
      'takes no more services than it asked for',
      withServices,
      0,
      JSON.stringify({ isAlpine: true, context: { services: [port, port, port] } }),
      /out of range/
    ],
    ['wants ports of each', withServices, 0, '{"isAlpine":true,"context":{"services":[{}]}}', /not set/],
    ['wants an answer for services alone', recordedOrder('prepare-job-services-only'), 0, '', /not set/],
    ['needs no answer of a step', step, 0, undefined, undefined]
  ])('%s', (_what, order, exitCode, text, failure) => {
    const taken = takeAnswer(order, exitCode, text)
    if (failure === undefined) expect(taken.failure).toBeUndefined()
    else expect(taken.failure).toMatch(failure)
  })

  test('keeps a new state of any command, and the old one where there is none', () => {
    expect(takeAnswer(step, 0, '{"state":{"jobPod":"other"}}').state).toEqual({ jobPod: 'other' })
    expect(takeAnswer(step, 0, '{"state":null}').state).toEqual(STATE)
  })
})
