/** Goal: a script is told as ended only when its processes are. Method: a shell that says what the test wants. */
import type { Readable, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import type { JobContainer } from '../../../../../src/effects/kubernetes/script/connection.ts'
import { createScriptJanitor } from '../../../../../src/effects/kubernetes/script/janitor.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { StepError } from '../../../../../src/errors.ts'
import { toCleanUp } from '../../../../support/port-inputs.ts'

const never = new AbortController().signal
const NONCE = 'f'.repeat(32)
const SCRIPT = { kind: 'process', name: 'abc' } as const

/** A container whose shell says `words` in a frame, or fails. */
function containerOf(words: string | Error | undefined, parts: Partial<JobContainer> = {}) {
  const typed: string[] = []
  const container: JobContainer = {
    namespace: 'ci',
    pod: 'job',
    reporter: createReporter(() => {}),
    async shell(stdin: Readable, stdout: Writable) {
      typed.push(String(stdin.read()))
      if (words instanceof Error) throw words
      if (words !== undefined) stdout.write(`\x1e${NONCE} ${words}\n`)
      return { exitCode: 0, stderr: '' }
    },
    isTouched: () => true,
    getPod: async () => ({ status: { phase: 'Running' } }),
    ...parts
  }
  return { container, typed }
}

const janitorOf = (container: () => Promise<JobContainer>) =>
  createScriptJanitor({ container, randomHex: (length) => 'f'.repeat(length) })
const cleanUp = (container: JobContainer) => janitorOf(async () => container).cleanUp(toCleanUp([SCRIPT]), never)

test('is ended when the shell says so', async () => {
  const { container, typed } = containerOf('stopped')
  await cleanUp(container)
  expect(typed).toHaveLength(1)
  expect(typed[0]).toContain('abc')
})

test.each<readonly [string, string | Error | undefined, string]>([
  ['some of its processes are left', 'remaining 12 13 ', 'still running in the job container: 12 13'],
  ['the shell says nothing', undefined, 'gave no answer'],
  ['the connection is lost', new StepError('cluster-unreachable', 'the connection was lost'), 'the connection was lost']
])('is not ended when %s', async (_title, words, detail) => {
  await expect(cleanUp(containerOf(words).container)).rejects.toMatchObject({
    code: 'cleanup-failed',
    message: 'could not end process abc',
    remaining: ['process abc'],
    detail: expect.stringContaining(detail)
  })
})

test('has nothing left where its pod is gone', async () => {
  const lost = new StepError('cluster-unreachable', 'the connection was lost')
  await cleanUp(containerOf(lost, { getPod: async () => undefined }).container)
})

test('was not begun where no shell was opened, or nobody knows where scripts run', async () => {
  const { container, typed } = containerOf('remaining 1', { isTouched: () => false })
  await cleanUp(container)
  await janitorOf(async () => {
    throw new Error('there is no job pod')
  }).cleanUp(toCleanUp([SCRIPT]), never)
  expect(typed).toEqual([])
})

test('other things than scripts are no concern of it', async () => {
  const { container, typed } = containerOf('stopped')
  await janitorOf(async () => container).cleanUp(toCleanUp([{ kind: 'pod', name: 'a' }]), never)
  expect(typed).toEqual([])
})
