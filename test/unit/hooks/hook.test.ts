/** Goal: one call of the hook ends with the right exit code and says the right things. Method: a backend of fakes. */
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createReporter } from '../../../src/effects/log/reporter.ts'
import { randomHex, systemClock } from '../../../src/effects/system.ts'
import { StepError } from '../../../src/errors.ts'
import { runHook } from '../../../src/hooks/hook.ts'
import { type FakeBackend, fakeBackend } from './fakes.ts'

const environment = {
  ACTIONS_RUNNER_POD_NAME: 'runner-abc',
  RUNNER_WORKSPACE: '/w/repo',
  RUNNER_TEMP: '/w/_temp',
  GITHUB_WORKSPACE: '/w/repo/repo'
}

/** Calls the hook; `cancels` is how many cancels to stop have been given before it starts. */
async function call(input: unknown, backend: FakeBackend, options: { cancels?: number; environment?: object } = {}) {
  let log = ''
  const remains: string[] = []
  let loaded = false
  const controller = new AbortController()
  const load = async () => {
    loaded = true
    return backend
  }
  const code = await runHook({
    stdin: Readable.from([Buffer.from(JSON.stringify(input))]),
    environment: { ...environment, ...options.environment },
    backends: {
      steps: load,
      jobs: load,
      cleanup: load,
      ahead: () => Promise.reject(new Error('no build ahead was asked for')),
      scripts: async () => {
        throw new Error('no script is run here')
      }
    },
    cancels: {
      signal: controller.signal,
      listen(listener) {
        for (let given = 0; given < (options.cancels ?? 0); given += 1) listener()
        return () => {}
      }
    },
    mayRemain: (what) => remains.push(what),
    reporter: createReporter((data) => {
      log += data
    }),
    clock: systemClock,
    startAhead: async () => {},
    randomHex
  })
  const errors = log.split('\n').filter((line) => line.startsWith('::error::'))
  return { code, log, errors, loaded, remains }
}

const step = (args: object = {}) => ({ command: 'run_container_step', args: { image: 'alpine', ...args } })

describe('run_container_step', () => {
  it('runs the action with its own arguments, brings the workspace back and cleans up', async () => {
    const backend = fakeBackend()
    const { code, log, errors } = await call(step({ entryPointArgs: ['"a', 'b"'] }), backend)
    expect(backend.calls).toEqual(['ports for runner-abc', 'pull alpine', 'run ["a b"]', 'collect', 'clean up step-1'])
    expect(code).toBe(0)
    expect(errors).toEqual([])
    expect(log).toContain('Succeeded with exit code 0 in ')
  })

  it('exits as the action did, without an annotation of its own', async () => {
    const { code, errors } = await call(step(), fakeBackend({ run: async () => ({ exitCode: 42 }) }))
    expect(code).toBe(42)
    expect(errors).toEqual([])
  })

  it('shows a failure as one annotation, with what the operator needs before it', async () => {
    const detail = 'first line\nsecond line'
    const pull = async () => {
      throw new StepError('image-not-found', 'There is no image alpine', { detail })
    }
    const { code, log, errors } = await call(step(), fakeBackend({ pull }))
    expect(code).toBe(1)
    expect(errors).toEqual(['::error::There is no image alpine'])
    expect(log).toMatch(/first line\nsecond line\n::error::There is no image alpine\n$/)
  })

  it('needs no trace', async () => {
    const environment = { ACTIONS_RUNNER_CONTAINER_HOOKS_TRACE_DIRECTORY: 'off' }
    const { code, errors } = await call(step(), fakeBackend(), { environment })
    expect([code, errors]).toEqual([0, []])
  })

  it('warns of what cleanup could not remove, and exits as the action did all the same', async () => {
    const cleanUp = async () => {
      throw new StepError('cluster-forbidden', 'pods must not be deleted', { remaining: ['pod step-1', 'secret s'] })
    }
    const { code, log } = await call(step(), fakeBackend({ cleanUp, run: async () => ({ exitCode: 7 }) }))
    expect(code).toBe(7)
    expect(log).toContain('::warning::Cleanup could not remove: pod step-1, secret s\n')
    expect((await call(step(), fakeBackend())).log).not.toContain('::warning::')
  })

  it('ends as cancelled when it is told to stop, also before the machine starts', async () => {
    const backend = fakeBackend({
      run: (_input, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new StepError('cancelled', 'stopped')))
        })
    })
    const { code, errors } = await call(step(), backend, { cancels: 1 })
    expect(code).toBe(130)
    expect(errors).toEqual([])
  })
})

describe('cleanup_job', () => {
  it('removes what belongs to the runner pod, without state', async () => {
    const backend = fakeBackend()
    const { code, log, errors } = await call({ command: 'cleanup_job', args: {}, state: null }, backend)
    expect(backend.calls).toEqual([
      'list what is left of runner-abc',
      'remove secret-1 runner-abc-workflow',
      'confirm',
      'remove images of f00d'
    ])
    expect([code, errors]).toEqual([0, []])
    expect(log).toMatch(/^Cleaned up in .*: removed pod runner-abc-workflow, image f00d:1, secret secret-1$/m)
  })

  it('goes on after the first signal to stop, and stops at the second', async () => {
    const codes: number[] = []
    for (const cancels of [0, 1, 2]) {
      codes.push((await call({ command: 'cleanup_job' }, fakeBackend(), { cancels })).code)
    }
    expect(codes).toEqual([0, 0, 130])
  })

  it('fails with what could not be removed', async () => {
    const removeObjects = async () => {
      throw new StepError('cluster-forbidden', 'Pods may not be deleted', { remaining: ['pod x'] })
    }
    const { code, errors, log } = await call({ command: 'cleanup_job' }, fakeBackend({ cleaner: { removeObjects } }))
    expect([code, errors]).toEqual([1, ['::error::Pods may not be deleted']])
    expect(log).toContain('::warning::Cleanup could not remove: pod x')
  })

  it('warns of images that stay, and ends well', async () => {
    const removeImages = async () => {
      throw new StepError('push-denied', 'Images may not be deleted')
    }
    const { code, errors, log } = await call({ command: 'cleanup_job' }, fakeBackend({ cleaner: { removeImages } }))
    expect([code, errors]).toEqual([0, []])
    expect(log).toMatch(/^::warning::Images of this job, .*: Images may not be deleted$/m)
    expect(log).toMatch(/^Cleaned up in .*: removed pod runner-abc-workflow, secret secret-1$/m)
  })
})

describe('a command', () => {
  it('says before anything is made what a forced exit may leave, and how to find it', async () => {
    const { remains } = await call(step(), fakeBackend())
    expect(remains).toEqual([expect.stringContaining('runner-pod=runner-abc')])
    expect((await call(step({ entryPoint: 5 }), fakeBackend())).remains).toEqual([])
  })

  it('that was cancelled ends with a line, which is no error, and a trace that says so', async () => {
    const traces = await mkdtemp(join(tmpdir(), 'slipway-hook-'))
    const createCleanupPorts: FakeBackend['createCleanupPorts'] = () => {
      throw new StepError('cancelled', 'Cancelled before anything was done')
    }
    const environment = { ACTIONS_RUNNER_CONTAINER_HOOKS_TRACE_DIRECTORY: traces }
    const { code, log } = await call(
      { command: 'cleanup_job' },
      { ...fakeBackend(), createCleanupPorts },
      { environment }
    )
    expect([code, log]).toEqual([130, 'Cancelled before anything was done\n'])
    const [name = ''] = await readdir(traces)
    const end = JSON.parse((await readFile(join(traces, name), 'utf8')).trimEnd().split('\n').at(-1) ?? '')
    expect(end).toMatchObject({ outcome: 'cancelled', exitCode: 130 })
    await rm(traces, { recursive: true })
  })
})

describe('prepare_job', () => {
  it('that cannot answer fails before anything is made, and its trace says why', async () => {
    const traces = await mkdtemp(join(tmpdir(), 'slipway-hook-'))
    const environment = { ACTIONS_RUNNER_CONTAINER_HOOKS_TRACE_DIRECTORY: traces }
    const backend = fakeBackend()
    const input = { ...job({}), responseFile: join(directory, 'missing/response.json') }
    expect((await call(input, backend, { environment })).code).toBe(1)
    expect(backend.calls).toEqual([])
    const [name = ''] = await readdir(traces)
    const end = JSON.parse((await readFile(join(traces, name), 'utf8')).trimEnd().split('\n').at(-1) ?? '')
    expect(end).toMatchObject({ outcome: 'failed', exitCode: 1, failure: { code: 'invalid-input' } })
    await rm(traces, { recursive: true })
  })

  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'slipway-hook-'))
    await writeFile(join(directory, 'response.json'), '')
  })
  afterEach(async () => await rm(directory, { recursive: true }))

  const job = (args: object) => ({
    command: 'prepare_job',
    responseFile: join(directory, 'response.json'),
    args: { container: { image: 'node:22', portMappings: ['8080:80'] }, ...args },
    state: null
  })
  const response = async () => await readFile(join(directory, 'response.json'), 'utf8')

  it('tells the runner about the job pod, its services in order, and Alpine', async () => {
    const backend = fakeBackend()
    const services = [{ image: 'redis', portMappings: ['6379', '90:91/udp'] }, { image: 'postgres' }]
    const { code, errors } = await call(job({ services }), backend)
    expect([code, errors]).toEqual([0, []])
    expect(backend.calls).toEqual(expect.arrayContaining(['plan node:22 for 600000 ms', 'place', 'start']))
    expect(JSON.parse(await response())).toEqual({
      state: { jobPod: 'job-1', storage: 'copy' },
      context: {
        container: { image: 'node:22', ports: { '80': '8080' } },
        services: [
          { image: 'redis', ports: { '6379': '6379', '91': '90' } },
          { image: 'postgres', ports: {} }
        ]
      },
      isAlpine: true
    })
  })

  it('leaves services out of the answer when there are none', async () => {
    await call(job({}), fakeBackend())
    expect(Object.keys(JSON.parse(await response()).context)).toEqual(['container'])
  })

  it.each([
    ['1200', 1_200_000, false],
    ['0', 600_000, true],
    ['soon', 600_000, true]
  ])('takes a time limit of %s s as %i ms', async (seconds, ms, isWarned) => {
    const backend = fakeBackend()
    const environment = { ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS: seconds }
    const { log } = await call(job({}), backend, { environment })
    expect(backend.calls[0]).toBe(`plan node:22 for ${ms} ms`)
    expect(log.includes('::warning::ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS')).toBe(isWarned)
  })

  it.each(['0', '-5', '1.5', '60s', 'x60', '12345678'])(
    'takes no time limit of %j, and says which one it takes',
    async (limit) => {
      const backend = fakeBackend()
      const environment = { ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS: limit }
      const { log } = await call(job({}), backend, { environment })
      expect(backend.calls[0]).toBe('plan node:22 for 600000 ms')
      expect(log).toMatch(/^::warning::.*PREPARE_JOB_TIMEOUT_SECONDS.*'(.*)': 600 is taken$/m)
    }
  )

  it('says nothing about a time limit that nobody set', async () => {
    const { log } = await call(job({}), fakeBackend())
    expect(log).not.toContain('::warning::')
  })

  it('gives up starting when the time limit is over', async () => {
    const start = () => new Promise<never>(() => {})
    const environment = { ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS: '1' }
    const { code, errors } = await call(job({}), fakeBackend({ job: { start } }), { environment })
    expect([code, errors]).toEqual([1, ['::error::Start took longer than 1 s']])
  })

  it('tries to place the files again, and lets that take longer than starting may', async () => {
    let tries = 0
    const place = async () => {
      tries += 1
      await systemClock.sleep(20, new AbortController().signal)
      if (tries === 1) throw new StepError('cluster-unreachable', 'the connection was cut')
    }
    const environment = { ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS: '1200' }
    const { code } = await call(job({}), fakeBackend({ job: { place } }), { environment })
    expect([code, tries]).toEqual([0, 2])
  })

  it('without a job container tells of services alone', async () => {
    await call(job({ container: null, services: [{ image: 'redis' }] }), fakeBackend())
    expect(JSON.parse(await response()).context).toEqual({ services: [{ image: 'redis', ports: {} }] })
  })

  it('holds the response file no longer than the command lasts', async () => {
    const fail = async () => {
      throw new StepError('start-failed', 'it does not start')
    }
    for (const backend of [fakeBackend(), fakeBackend({ job: { start: fail } })]) {
      await call(job({}), backend)
      const open = await readdir('/proc/self/fd')
      const paths = await Promise.all(open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
      expect(paths.filter((path) => path.startsWith(directory))).toEqual([])
    }
  })

  it('that fails answers nothing, says why once, and leaves nothing behind', async () => {
    const start = async () => {
      throw new StepError('start-failed', 'the service db ended with exit code 1', {
        detail: 'Last lines of db:\nno password'
      })
    }
    const backend = fakeBackend({ job: { start } })
    const { code, log, errors } = await call(job({}), backend)
    expect([code, errors]).toEqual([1, ['::error::the service db ended with exit code 1']])
    expect(log).toContain('no password')
    expect(backend.calls.at(-1)).toBe('clean up job-1')
    expect(await response()).toBe('')
  })

  it('that is cancelled answers nothing and leaves nothing behind', async () => {
    const start = (_request: unknown, signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new StepError('cancelled', 'stopped')))
      })
    const backend = fakeBackend({ job: { start } })
    const { code, errors } = await call(job({}), backend, { cancels: 1 })
    expect([code, errors]).toEqual([130, []])
    expect(await response()).toBe('')
  })
})

describe('any other call', () => {
  it.each([
    ['a wrong field', step({ entryPoint: 5 }), {}, 'args.entryPoint must be a string'],
    ['nothing to run', step({ image: null }), {}, 'args.image and args.dockerfile are both missing'],
    ['a wrong setting', step(), { ACTIONS_RUNNER_POD_NAME: '' }, 'ACTIONS_RUNNER_POD_NAME is not set']
  ])('with %s fails in one line before the cluster is looked at', async (_title, input, variables, expected) => {
    const { code, log, loaded } = await call(input, fakeBackend(), { environment: variables })
    expect([code, loaded]).toEqual([1, false])
    expect(log).toMatch(/^::error::.*\n$/)
    expect(log).toContain(expected)
  })
})
