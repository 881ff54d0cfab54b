/**
 * Goal: whatever the hook is given, it ends with one clear line, a code, and nothing begun. Method: the built bundle as a
 * process, as the runner starts it, in front of an API server that notes every attempt to change something.
 */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ApiServer, startApiServer } from '../support/api-server.ts'
import { removeDirectory } from '../support/removed.ts'
import { commandsIn } from '../support/runner-log.ts'

const BUNDLE = new URL('../../dist/index.js', import.meta.url).pathname
const RUNNER_POD = 'runner-1'
const EXIT_MS_MAX = 20_000

let directory = ''
let responseFile = ''
let api: ApiServer

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-process-'))
  await mkdir(join(directory, 'repo/repo'), { recursive: true })
  await mkdir(join(directory, '_temp'))
  responseFile = join(directory, '_temp/response.json')
  api = await startApiServer(directory, RUNNER_POD)
})
afterAll(async () => {
  await api.close()
  await removeDirectory(directory)
})
beforeEach(() => writeFile(responseFile, ''))
afterEach(() => expect(api.changes).toEqual([]))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

type Child = ReturnType<typeof spawn>

/** Starts the bundle; `feed` gives it its input, or does something else to the process. */
function start(feed: (child: Child) => void, env: Record<string, string | undefined> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [BUNDLE], {
    cwd: join(directory, 'repo/repo'),
    timeout: EXIT_MS_MAX,
    env: {
      HOME: directory,
      KUBECONFIG: api.kubeconfig,
      ACTIONS_RUNNER_POD_NAME: RUNNER_POD,
      RUNNER_WORKSPACE: join(directory, 'repo'),
      RUNNER_TEMP: join(directory, '_temp'),
      GITHUB_WORKSPACE: join(directory, 'repo/repo'),
      ...env
    }
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => (stdout += data))
  child.stderr.on('data', (data) => (stderr += data))
  // A hook that has seen enough closes its end.
  child.stdin.on('error', () => {})
  feed(child)
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
}

const say = (input: unknown) => (child: Child) =>
  child.stdin?.end(typeof input === 'string' ? input : `${JSON.stringify(input)}\n`)

const errorsIn = ({ stdout }: Ended) => stdout.split('\n').filter((line) => line.startsWith('::error::'))

/** One annotation that matches, no crash, no answer to the runner. */
async function expectRefused(ended: Ended, message: RegExp): Promise<void> {
  expect(ended.code, ended.stdout + ended.stderr).toBe(1)
  expect(errorsIn(ended)).toEqual([expect.stringMatching(message)])
  expect(ended.stderr).toBe('')
  expect(ended.stdout).not.toMatch(/^ {4}at /m)
  expect(await readFile(responseFile, 'utf8')).toBe('')
}

const order = (command: string, args: object | null = {}, more: object = {}) => ({
  command,
  responseFile,
  args,
  state: null,
  ...more
})
const job = (container: object | null, services: readonly object[] = []) =>
  order('prepare_job', { container: container && { image: 'node:22', ...container }, services })
const step = (args: object) => order('run_container_step', { image: 'alpine', ...args })
const script = (args: object, state: unknown = { jobPod: 'job-1' }) =>
  order('run_script_step', { entryPoint: 'sh', ...args }, { state })

describe('an order that says something wrong', () => {
  // What can be seen in the order itself: the cluster is not asked, and the one line is all there is.
  it.each<[string, () => unknown, RegExp]>([
    ['an empty input', () => '', /^::error::The input is empty/],
    ['blank lines', () => '\n\n', /^::error::The input is empty/],
    ['no JSON', () => 'command=cleanup_job', /^::error::The input is not JSON/],
    ['half a document', () => '{"command":"cleanup_job","args":', /^::error::The input is not JSON/],
    [
      'two documents',
      () => `${JSON.stringify(order('cleanup_job'))}\n${JSON.stringify(order('cleanup_job'))}\n`,
      /^::error::The input is not JSON/
    ],
    ['a list', () => [], /command must be one of/],
    ['an unknown command', () => order('fly'), /command must be one of prepare_job.*but is 'fly'$/],
    ['no command', () => ({ args: {} }), /command must be one of.*but is missing$/],
    ['no args', () => ({ command: 'prepare_job' }), /args must be an object, but is missing;/],
    ['args of another type', () => ({ ...step({}), args: [] }), /args must be an object, but is an array;/],
    ['a container without an image', () => job({ image: null }), /args\.container\.image is missing; give/],
    ['a service without an image', () => job({}, [{}]), /args\.services\[0\]\.image is missing; give/],
    ['a step with nothing to run', () => step({ image: null }), /args\.image and args\.dockerfile are both missing;/],
    ['a number as image', () => step({ image: 5 }), /args\.image must be a string, but is a number;/],
    [
      'a variable with = in its name',
      () => script({ environmentVariables: { 'A=B': 'c' } }),
      /A=B cannot be a variable: /
    ],
    ['a variable without a name', () => step({ environmentVariables: { '': 'c' } }), /cannot be a variable: /],
    ['a list as environment', () => step({ environmentVariables: [] }), /must be an object, but is an array;/],
    [
      'a number among the arguments',
      () => script({ entryPointArgs: ['-e', 5] }),
      /entryPointArgs\[1\] must be a string/
    ],
    ['a number as prependPath', () => script({ prependPath: 5 }), /prependPath must be an array, but is a number;/],
    ['a quote that is not closed', () => script({ entryPointArgs: ['-c', '"exit'] }), /that is not closed; check/],
    ['a script without a program', () => script({ entryPoint: '' }), /args\.entryPoint is empty; it must name/],
    [
      'a relative Dockerfile',
      () => step({ image: null, dockerfile: 'Dockerfile' }),
      /must be an absolute path, but is/
    ],
    [
      'a relative target of a mount',
      () => job({ userMountVolumes: [{ sourceVolumePath: '/x', targetVolumePath: 'x' }] }),
      /args\.container\.userMountVolumes\[0\]\.targetVolumePath must be an absolute path/
    ],
    [
      'a mount without a target',
      () => job({ userMountVolumes: [{ sourceVolumePath: '/x' }] }),
      /userMountVolumes\[0\]\.targetVolumePath must be a string, but is missing/
    ],
    [
      'a named volume of a container action',
      () => step({ userMountVolumes: [{ sourceVolumePath: 'cache', targetVolumePath: '/x' }] }),
      /sourceVolumePath must be an absolute path; named and anonymous volumes are not supported/
    ],
    ['a text as state', () => script({}, 'job-1'), /state must be an object, but is a string;/],
    [
      'the state of another version',
      () => script({}, { pod: 'job-1' }),
      /state\.jobPod must be the name.*one hook for/
    ],
    ['a number as response file', () => order('cleanup_job', {}, { responseFile: 5 }), /responseFile must be a string/],
    [
      'a response file in no directory',
      () => ({ ...job({}), responseFile: join(directory, 'none/response.json') }),
      /the response file .*none\/response\.json cannot be written \(ENOENT\); check/
    ],
    [
      'a response file that is a directory',
      () => ({ ...job({}), responseFile: directory }),
      /the response file .* cannot be written \(EISDIR\); check/
    ],
    ['more than fits', () => step({ image: 'x'.repeat(17 * 1024 * 1024) }), /larger than 16 MiB; make/]
  ])('%s', async (_title, input, message) => {
    const ended = await start(say(input()))
    await expectRefused(ended, message)
    expect(ended.stdout.trimEnd()).toBe(errorsIn(ended)[0])
  })

  it.each([
    ['missing', { ACTIONS_RUNNER_POD_NAME: undefined }, /ACTIONS_RUNNER_POD_NAME is not set; set it in the runner pod/],
    ['empty', { ACTIONS_RUNNER_POD_NAME: '' }, /ACTIONS_RUNNER_POD_NAME is not set; set it in the runner pod/],
    ['no path', { RUNNER_TEMP: '_temp' }, /RUNNER_TEMP must be an absolute path, but is '_temp'; correct it/]
  ])('a variable that is %s', async (_title, env, message) => {
    await expectRefused(await start(say(order('cleanup_job')), env), message)
  })
})

describe('an order that turns out to be wrong beside the cluster', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['no job container', () => job(null, [{ image: 'redis' }]), /a job container is required.*add container:/],
    ['a port too many', () => job({}, [{ image: 'redis', portMappings: ['1:2:3'] }]), /the port '1:2:3' is not one/],
    ['a port too high', () => job({ portMappings: ['65536'] }), /the port '65536' is not one of.*correct it/],
    [
      'a service without a name',
      () => job({}, [{ image: ':latest' }]),
      /':latest' is not the name of an image; correct/
    ],
    ['an option without sense', () => job({ createOptions: '--memory lots' }), /--memory must be a size/],
    [
      'a mount from outside of the work directory',
      () => job({ userMountVolumes: [{ sourceVolumePath: '/etc', targetVolumePath: '/x' }] }),
      /the volume \/etc:\/x cannot be mounted/
    ],
    [
      'a mount of a container action from outside of the work directory',
      () => step({ userMountVolumes: [{ sourceVolumePath: '/etc', targetVolumePath: '/x' }] }),
      /\/etc cannot be used in a container: only what lies below/
    ],
    [
      'a Dockerfile that is not there',
      () => step({ image: null, dockerfile: join(directory, 'repo/repo/Dockerfile') }),
      /There is no Dockerfile at/
    ],
    ['a job pod that is gone', () => ({ ...step({}), state: { jobPod: 'job-9' } }), /the job pod job-9 is gone/]
  ])('%s', async (_title, input, message) => {
    await expectRefused(await start(say(input())), message)
  })

  it.each([
    ['is not there', undefined, /the pod template \/no\/such\/file\.yaml cannot be read \(ENOENT\); correct/],
    ['is empty', '', /the pod template .* must hold one PodTemplateSpec/],
    ['is no YAML', 'spec: [', /the pod template .* is not YAML/],
    ['is a list', '- spec', /the pod template .* must hold one PodTemplateSpec/],
    ['has a wrong type', 'spec: {containers: {name: x}}', /the pod template .* is wrong at spec\.containers: /],
    [
      'makes two containers of one name',
      'spec: {containers: [{name: job, image: x}]}',
      /the pod template .* makes two containers called job; rename/
    ],
    [
      'makes two volumes of one name',
      'spec: {volumes: [{name: work, emptyDir: {}}]}',
      /the pod template .* makes two volumes called work; rename/
    ]
  ])('a template that %s', async (_title, yaml, message) => {
    const file = yaml === undefined ? '/no/such/file.yaml' : join(directory, 'template.yaml')
    if (yaml !== undefined) await writeFile(file, yaml)
    const env = { ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE: file }
    for (const input of [job({}), step({})]) await expectRefused(await start(say(input), env), message)
  })

  it.each([
    [
      'there is no runner pod',
      { ACTIONS_RUNNER_POD_NAME: 'runner-9' },
      /there is no pod runner-9 in namespace ci: set/
    ],
    [
      'there is no kubeconfig',
      { KUBECONFIG: '/no/such/file' },
      /the kubeconfig cannot be read: ENOENT.*correct KUBECONFIG/
    ]
  ])('%s', async (_title, env, message) => {
    await expectRefused(await start(say(step({})), env), message)
    await expectRefused(await start(say(script({})), env), message)
  })
})

describe('words of others', () => {
  const EVIL = [
    'x\n::add-mask::y\r::stop-commands::z\r\n\u00a0\u2003::error file=a::b\n##[error]c\n\ufeff::warning::d',
    '::error::e',
    '##[add-mask]f'
  ]
  const expectOnly = ({ stdout, stderr }: Ended) => {
    const commands = commandsIn(Buffer.from(stdout + stderr))
    expect(commands.length).toBeGreaterThan(0)
    for (const command of commands) expect(command).toMatch(/^::(error|warning)::(?!.*##\[)/)
  }

  it.each(EVIL)('in an order are no commands: %j', async (evil) => {
    for (const input of [
      { command: evil },
      job({ image: evil, createOptions: `--${evil} "${evil}" --memory '${evil}'` }),
      job({ createOptions: `'${evil.replaceAll("'", '')}' --name '${evil}'`, portMappings: [evil] }),
      step({ image: null, dockerfile: evil }),
      step({ userMountVolumes: [{ sourceVolumePath: evil, targetVolumePath: '/x' }] }),
      script({ entryPointArgs: ['"', evil] }),
      script({}, { jobPod: evil })
    ]) {
      const ended = await start(say(input))
      expect(ended.code).toBe(1)
      expectOnly(ended)
    }
  })

  it.each(EVIL)('in an answer of the API server are no commands: %j', async (evil) => {
    const server = createServer((_request, response) => {
      response.writeHead(403).end(JSON.stringify({ message: `admission says ${evil}` }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const config = JSON.parse(await readFile(api.kubeconfig, 'utf8'))
    config.clusters[0].cluster.server = `http://127.0.0.1:${port}`
    const kubeconfig = join(directory, 'evil.kubeconfig')
    await writeFile(kubeconfig, JSON.stringify(config))
    try {
      for (const input of [job({}), step({}), order('cleanup_job')]) {
        const ended = await start(say(input), { KUBECONFIG: kubeconfig })
        expect(ended.code).toBe(1)
        expect(ended.stdout).toContain('admission says')
        expectOnly(ended)
      }
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  })
})

describe('the process', () => {
  it('told to stop before it knows what to do says so and exits with 130', async () => {
    const startedAt = performance.now()
    // The signal must not come before the hook listens to it: node needs its time to start.
    const ended = await start((child) => setTimeout(() => child.kill('SIGINT'), 1_500))
    expect(ended).toEqual({ code: 130, stdout: 'Cancelled before there was anything to do\n', stderr: '' })
    expect(performance.now() - startedAt).toBeLessThan(7_000)
  })

  it('whose output nobody reads any more ends with its code all the same', async () => {
    const { code } = await start((child) => {
      child.stdout?.destroy()
      child.stderr?.destroy()
      say(order('fly'))(child)
    })
    expect(code).toBe(1)
  })

  it('builds nothing ahead for a job pod that is gone, and ends by itself', async () => {
    const action = join(directory, '_actions/owner/ahead/v1')
    await mkdir(action, { recursive: true })
    await writeFile(join(action, 'action.yml'), 'runs: {using: docker, image: Dockerfile}\n')
    await writeFile(join(action, 'Dockerfile'), 'FROM scratch\n')
    const prefix = 'ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY'
    const registry = { [`${prefix}_HOST`]: 'registry', [`${prefix}_PORT`]: '5000', [`${prefix}_NODE_PORT`]: '30500' }
    const ended = await start(say({ command: 'build_ahead' }), registry)
    expect([ended.code, ended.stderr]).toEqual([0, ''])
    expect(ended.stdout).toContain('the job pod runner-1-workflow is gone')
  })

  it('cleans up a job of which nothing is left, without args and state', async () => {
    const ended = await start(say({ command: 'cleanup_job' }))
    expect([ended.code, errorsIn(ended), ended.stderr]).toEqual([0, [], ''])
  })
})
