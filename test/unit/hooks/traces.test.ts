/** Goal: every order leaves a trace that can be replayed, and no secret of the order is in it. Method: planted secrets. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createReporter } from '../../../src/effects/log/reporter.ts'
import { randomHex, systemClock } from '../../../src/effects/system.ts'
import { StepError } from '../../../src/errors.ts'
import { runHook } from '../../../src/hooks/hook.ts'
import { checkTrace } from '../../../src/visualizer/check.ts'
import { currentMachines } from '../../../src/visualizer/graph.ts'
import { toReplay } from '../../../src/visualizer/replay.ts'
import { parseTrace } from '../../../src/visualizer/trace.ts'
import { type FakeBackend, fakeBackend } from './fakes.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-traces-'))
})
afterEach(() => rm(directory, { recursive: true }))

/** The trace of one call of the hook. */
async function traceOf(input: object, backend: FakeBackend, reporter = createReporter(() => {})): Promise<string> {
  await runHook({
    stdin: Readable.from([Buffer.from(JSON.stringify(input))]),
    environment: {
      ACTIONS_RUNNER_POD_NAME: 'runner-abc',
      ACTIONS_RUNNER_CONTAINER_HOOKS_TRACE_DIRECTORY: directory,
      RUNNER_WORKSPACE: '/w/repo',
      RUNNER_TEMP: '/w/_temp',
      GITHUB_WORKSPACE: '/w/repo/repo'
    },
    backends: {
      steps: async () => backend,
      jobs: async () => backend,
      cleanup: async () => backend,
      ahead: () => Promise.reject(new Error('no build ahead was asked for')),
      scripts: async () => ({
        createScriptPorts: (_options, { clock }) => ({
          clock,
          host: {
            async execute() {
              throw new StepError('run-lost', SPOKEN)
            }
          },
          janitor: { async cleanUp() {} }
        })
      })
    },
    cancels: { signal: new AbortController().signal, listen: () => () => {} },
    mayRemain: () => {},
    reporter,
    clock: systemClock,
    startAhead: async () => {},
    randomHex
  })
  const [name = ''] = await readdir(directory)
  const text = await readFile(join(directory, name), 'utf8')
  expect(checkTrace(text, currentMachines().machines)).toMatchObject({ isComplete: true, offences: [] })
  return text
}

const SECRETS = {
  variable: 'ghp_planted0variable',
  lines: '-----BEGIN KEY-----\nplantedKeyLine\n-----END KEY-----',
  quoted: 'planted "with quotes" \\ and more',
  argument: 'planted-argument',
  option: 'so it is=a key',
  password: 'planted-password'
}
/** A failure that repeats everything it was given, as careless tools do. */
const SPOKEN = `cannot use ${Object.values(SECRETS).join(' or ')} or plantedKeyLine`

const fail = async () => {
  throw new StepError('start-failed', SPOKEN, { detail: `log:\n${SPOKEN}` })
}
const container = {
  image: 'alpine',
  environmentVariables: {
    GITHUB_TOKEN: SECRETS.variable,
    DEPLOY_KEY: SECRETS.lines,
    INPUT_TEXT: SECRETS.quoted,
    GITHUB_WORKFLOW: 'cannot use'
  },
  entryPointArgs: [SECRETS.argument],
  createOptions: `--cpus 1 -e "PASS=${SECRETS.option}"`,
  registry: { username: 'me', password: SECRETS.password, serverUrl: '' }
}
const script = {
  entryPoint: 'sh',
  entryPointArgs: container.entryPointArgs,
  environmentVariables: container.environmentVariables
}

describe('the trace of a failing order', () => {
  it.each([
    ['prepare_job', 'job-start', { container: { ...container, image: 'x' }, services: [container] }],
    ['run_container_step', 'container-step', container],
    ['run_script_step', 'script-step', script]
  ])('%s is replayed on its machine, and holds no secret of the order', async (command, machine, args) => {
    const text = await traceOf({ command, args }, fakeBackend({ pull: fail, job: { start: fail } }))
    const { end, ...replay } = toReplay(parseTrace(text), currentMachines().machines)
    expect(replay).toMatchObject({ command, runnerPod: 'runner-abc', machine })
    expect(end).toMatchObject({ outcome: 'failed', failure: { message: expect.stringContaining('cannot use ***') } })
    const planted = command === 'run_script_step' ? ['variable', 'lines', 'quoted', 'argument'] : Object.keys(SECRETS)
    for (const name of planted as (keyof typeof SECRETS)[]) {
      for (const line of SECRETS[name].split('\n')) {
        expect(text).not.toContain(line)
        expect(text).not.toContain(JSON.stringify(line).slice(1, -1))
      }
    }
  })
})

it('the trace of an order holds no secret that the hook has read on the way', async () => {
  const reporter = createReporter(() => {})
  const pull = async () => {
    reporter.hide('registry-password')
    throw new StepError('image-denied', 'refused registry-password', { detail: 'said registry-password' })
  }
  const text = await traceOf(
    { command: 'run_container_step', args: { image: 'alpine' } },
    fakeBackend({ pull }),
    reporter
  )
  expect(text).not.toContain('registry-password')
  expect(text).toContain('refused ***')
})

describe('the trace of cleanup_job', () => {
  it('says what was removed', async () => {
    const text = await traceOf({ command: 'cleanup_job' }, fakeBackend())
    const { steps, ...replay } = toReplay(parseTrace(text), currentMachines().machines)
    expect(steps.map(({ label }) => label)).toEqual(['List', 'Remove', 'Confirm', 'Remove images', 'Succeeded'])
    expect(replay).toMatchObject({
      command: 'cleanup_job',
      machine: 'job-cleanup',
      end: {
        outcome: 'succeeded',
        exitCode: 0,
        removed: ['pod runner-abc-workflow', 'image f00d:1', 'secret secret-1']
      }
    })
  })

  it('says why it failed', async () => {
    const list = async () => {
      throw new StepError('cluster-forbidden', 'Pods may not be listed')
    }
    const text = await traceOf({ command: 'cleanup_job' }, fakeBackend({ cleaner: { list } }))
    expect(toReplay(parseTrace(text), currentMachines().machines)).toMatchObject({
      end: { outcome: 'failed', exitCode: 1, failure: { code: 'cluster-forbidden', stage: 'listing' } }
    })
  })
})
