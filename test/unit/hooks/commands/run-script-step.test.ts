/** run_script_step from the runner's input to the exit code, with ports that only note what they are asked. */
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { ScriptOptions } from '../../../../src/effects/kubernetes/script/backend.ts'
import { createReporter } from '../../../../src/effects/log/reporter.ts'
import { randomHex, systemClock } from '../../../../src/effects/system.ts'
import { StepError } from '../../../../src/errors.ts'
import { runHook } from '../../../../src/hooks/hook.ts'
import type { ScriptHost } from '../../../../src/machines/ports.ts'

const environment = {
  ACTIONS_RUNNER_POD_NAME: 'runner-abc',
  ACTIONS_RUNNER_CONTAINER_HOOKS_HASHFILES: 'package-lock.json, *.sum',
  RUNNER_WORKSPACE: '/runner/_work/repo',
  RUNNER_TEMP: '/runner/_work/_temp',
  GITHUB_WORKSPACE: '/runner/_work/repo/repo'
}

const noOther = async () => {
  throw new Error('a script needs no other backend')
}

/** Calls the hook with a host that answers with `execute`. */
async function call(execute: ScriptHost['execute'], state: object | null = { jobPod: 'job-1' }) {
  let log = ''
  const removed: string[] = []
  const asked: ScriptOptions[] = []
  const args = { entryPoint: 'sh', entryPointArgs: ['-e', '/__w/_temp/a.sh'], environmentVariables: {} }
  const code = await runHook({
    stdin: Readable.from([Buffer.from(JSON.stringify({ command: 'run_script_step', args, state }))]),
    environment,
    backends: {
      steps: noOther,
      jobs: noOther,
      cleanup: noOther,
      ahead: () => Promise.reject(new Error('no build ahead was asked for')),
      scripts: async () => ({
        createScriptPorts(options, { clock }) {
          asked.push(options)
          return {
            clock,
            host: { execute },
            janitor: {
              async cleanUp({ ledger }) {
                removed.push(...ledger.map(({ kind }) => kind))
              }
            }
          }
        }
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
  return { code, log, removed, options: asked[0] }
}

describe('run_script_step', () => {
  test.each([0, 1, 42])('says nothing of its own and exits with the script’s code %i', async (exitCode) => {
    const { code, log, removed } = await call(async () => ({ exitCode }))
    expect([code, log, removed]).toEqual([exitCode, '', []])
  })

  test('hands over where the job runs, from the state and the settings', async () => {
    const { options } = await call(async () => ({ exitCode: 0 }))
    expect(options).toMatchObject({
      jobPod: 'job-1',
      runnerPod: 'runner-abc',
      hashFiles: ['package-lock.json', '*.sum']
    })
  })

  test('works without a state', async () => {
    const { code, options } = await call(async () => ({ exitCode: 0 }), null)
    expect([code, options?.jobPod]).toEqual([0, undefined])
  })

  test('takes from the state which pod, and nothing else', async () => {
    const { options } = await call(async () => ({ exitCode: 0 }), {
      jobPod: 'job-1',
      storage: 'copy',
      namespace: 'other',
      runnerPod: 'other',
      paths: {}
    })
    const without = await call(async () => ({ exitCode: 0 }))
    expect(options).toEqual(without.options)
  })

  test.each([
    '',
    '.',
    '..',
    '../secrets/x',
    'a/b',
    'a?x=y',
    'a#b',
    '%2e%2e',
    'a%2fb',
    'A',
    'a b',
    'a\n',
    'a\\b',
    'ä',
    'a..b',
    `a${'a'.repeat(253)}`,
    ['job-1'],
    5,
    null
  ])('refuses a state whose job pod is called %j', async (jobPod) => {
    const { code, log, options } = await call(async () => ({ exitCode: 0 }), { jobPod })
    expect([code, options]).toEqual([1, undefined])
    expect(log).toMatch(/^::error::state\.jobPod must be the name of the job pod[^\n]*\n$/)
  })

  test('tells of a connection that was lost, and goes on', async () => {
    let calls = 0
    const { code, log } = await call(async () => {
      calls += 1
      if (calls === 1) throw new StepError('cluster-unreachable', 'the connection was lost')
      return { exitCode: 3 }
    })
    expect(code).toBe(3)
    expect(log).toMatch(/^[^\n]*the connection was lost; attempt 2[^\n]*\n$/)
  })

  test('shows one annotation for a failure that is not the script’s, and ends its processes', async () => {
    const { code, log, removed } = await call(async () => {
      throw new StepError('out-of-memory', 'the container ran out of memory')
    })
    expect(code).toBe(137)
    expect(log).toBe('::error::the container ran out of memory\n')
    expect(removed).toEqual(['process'])
  })
})
