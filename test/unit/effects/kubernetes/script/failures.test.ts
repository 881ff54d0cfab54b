/** What is said when the job container cannot be reached: by the pod's own state, looked at only then. */
import type { V1ContainerState, V1Pod } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { ExecRefused } from '../../../../../src/effects/kubernetes/api/exec.ts'
import type { JobContainer } from '../../../../../src/effects/kubernetes/script/connection.ts'
import { createScriptHost } from '../../../../../src/effects/kubernetes/script/host.ts'
import { createScriptJanitor } from '../../../../../src/effects/kubernetes/script/janitor.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { randomHex } from '../../../../../src/effects/system.ts'
import { type ErrorCode, StepError } from '../../../../../src/errors.ts'
import { toCleanUp } from '../../../../support/port-inputs.ts'

const endless = new AbortController().signal
const refused = new ExecRefused('the API server answered exec with status 500', 500)
/** Something else than the shell was not there for a moment. */
const passing = new ExecRefused('failed to create shim task: open /run/containerd/x: no such file or directory', 500)
const running: V1Pod = { status: { phase: 'Running', containerStatuses: [status({ running: {} })] } }

function status(state: V1ContainerState) {
  return { name: 'job', image: 'debian', imageID: '', ready: true, restartCount: 0, state }
}
const ended = (state: V1ContainerState['terminated'] & object): V1Pod => ({
  status: { phase: 'Failed', containerStatuses: [status({ terminated: state })] }
})

function containerOf(shell: JobContainer['shell'], pod: V1Pod | undefined | Error, isTouched = true) {
  let looks = 0
  const container: JobContainer = {
    namespace: 'here',
    pod: 'runner-workflow',
    reporter: createReporter(() => {}),
    shell,
    isTouched: () => isTouched,
    async getPod() {
      looks += 1
      if (pod instanceof Error) throw pod
      return pod
    }
  }
  return { container, looks: () => looks }
}

const rejecting = (error: unknown) => async () => {
  throw error
}

const execute = (container: JobContainer) =>
  createScriptHost({
    variables: async () => ({}),
    container: async () => container,
    isCopied: async () => false,
    paths: { runnerWorkspace: '/w/repo', runnerTemp: '/w/_temp', githubWorkspace: '/w/repo/repo' },
    hashFiles: [],
    copyInAction: () => Promise.reject(new Error('no action is missing')),
    copyOutArtifacts: () => Promise.reject(new Error('nothing is copied here')),
    randomHex
  }).execute({ id: 'a', entryPoint: 'sh', args: [], env: {}, prependPath: [], workingDirectory: '/' }, endless)

describe('a script whose container cannot be reached', () => {
  test.each<readonly [string, unknown, V1Pod | undefined | Error, ErrorCode, string]>([
    ['because the pod is gone', refused, undefined, 'run-lost', 'runner-workflow is gone'],
    [
      'because it ran out of memory',
      refused,
      ended({ exitCode: 137, reason: 'OOMKilled' }),
      'out-of-memory',
      'OOMKilled'
    ],
    ['because it ended', refused, ended({ exitCode: 3, reason: 'Error' }), 'run-lost', 'exit code 3'],
    [
      'because the pod was evicted',
      refused,
      { status: { phase: 'Failed', reason: 'Evicted', message: 'low on memory' } },
      'evicted',
      'low on memory'
    ],
    [
      'because the pod is being deleted',
      refused,
      { metadata: { deletionTimestamp: new Date(0) }, status: { phase: 'Running' } },
      'run-lost',
      'deleted'
    ],
    ['because of a file of the runtime', passing, running, 'cluster-unreachable', '/run/containerd/x'],
    ['though it is there', refused, running, 'cluster-unreachable', 'status 500'],
    [
      'and neither can the API server',
      refused,
      new StepError('cluster-unreachable', 'no answer'),
      'cluster-unreachable',
      'no answer'
    ],
    ['because that is forbidden', new ExecRefused('status 403', 403), running, 'cluster-forbidden', 'pods/exec'],
    [
      'because the image has no shell',
      new ExecRefused('OCI runtime exec failed: exec: "sh": executable file not found in $PATH: unknown'),
      running,
      'start-failed',
      'has no `sh`'
    ],
    [
      'because the connection was lost',
      new StepError('cluster-unreachable', 'the connection was lost'),
      running,
      'cluster-unreachable',
      'the connection was lost'
    ]
  ])('%s says why', async (_title, error, pod, code, words) => {
    const { container } = containerOf(rejecting(error), pod)
    await expect(execute(container)).rejects.toMatchObject({ code, message: expect.stringContaining(words) })
  })

  test('because nobody answers is not asked about either', async () => {
    const { container, looks } = containerOf(rejecting(new ExecRefused('connect ECONNREFUSED')), undefined)
    await expect(execute(container)).rejects.toMatchObject({ code: 'cluster-unreachable' })
    expect(looks()).toBe(0)
  })

  test.each([126, 127])('because the runtime reports a missing shell as exit code %i says so', async (exitCode) => {
    const { container } = containerOf(async () => ({ exitCode, stderr: 'not found' }), running)
    await expect(execute(container)).rejects.toMatchObject({ code: 'start-failed' })
  })

  test('because its shell was killed is reached again', async () => {
    const { container } = containerOf(async () => ({ exitCode: 137, stderr: '' }), running)
    await expect(execute(container)).rejects.toMatchObject({ code: 'cluster-unreachable' })
  })
})

describe('ending a script', () => {
  const cleanUp = (container: JobContainer) =>
    createScriptJanitor({ container: async () => container, randomHex }).cleanUp(
      toCleanUp([{ kind: 'process', name: 'a' }]),
      endless
    )

  test('that cannot have been started needs no connection', async () => {
    const { container, looks } = containerOf(rejecting(new Error('must not be called')), running, false)
    await cleanUp(container)
    expect(looks()).toBe(0)
  })

  test.each([
    ['whose pod is gone', undefined],
    ['whose container has ended', ended({ exitCode: 1 })]
  ])('%s is done', async (_title, pod) => {
    await cleanUp(containerOf(rejecting(refused), pod).container)
  })

  test.each([refused, passing])('that cannot be reached fails, and says what may still run: %s', async (error) => {
    await expect(cleanUp(containerOf(rejecting(error), running).container)).rejects.toMatchObject({
      code: 'cleanup-failed',
      remaining: ['process a']
    })
  })

  test('without an answer fails', async () => {
    const { container } = containerOf(async () => ({ exitCode: 2, stderr: '' }), running)
    await expect(cleanUp(container)).rejects.toMatchObject({
      code: 'cleanup-failed',
      detail: expect.stringContaining('no answer')
    })
  })
})
