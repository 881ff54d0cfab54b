/** Goal: one call of the hook ends with the right exit code and says the right things. Method: a backend of fakes. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
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
    mayRemain: () => {},
    reporter: createReporter((data) => {
      log += data
    }),
    clock: systemClock,
    randomHex
  })
  const errors = log.split('\n').filter((line) => line.startsWith('::error::'))
  return { code, log, errors, loaded }
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
    expect(backend.calls).toEqual(['clean up job of runner-abc'])
    expect([code, errors]).toEqual([0, []])
    expect(log).toMatch(/^Cleaned up in \d\.\d s: removed pod runner-abc-workflow$/m)
  })

  it('goes on after the first order to stop, and stops at the second', async () => {
    const aborted: boolean[] = []
    const cleanUpJob: FakeBackend['cleanUpJob'] = async (_options, _deps, signal) => {
      aborted.push(signal.aborted)
      return []
    }
    for (const cancels of [0, 1, 2]) await call({ command: 'cleanup_job' }, fakeBackend({ cleanUpJob }), { cancels })
    expect(aborted).toEqual([false, false, true])
  })

  it('fails with what could not be removed', async () => {
    const cleanUpJob: FakeBackend['cleanUpJob'] = async () => {
      throw new StepError('cleanup-failed', 'Could not remove: pod x')
    }
    const { code, errors } = await call({ command: 'cleanup_job' }, fakeBackend({ cleanUpJob }))
    expect([code, errors]).toEqual([1, ['::error::Could not remove: pod x']])
  })
})

describe('prepare_job', () => {
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
    expect(backend.calls).toEqual(['plan node:22 for 600000 ms', 'place', 'start'])
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
      new Promise<void>((_resolve, reject) => {
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
