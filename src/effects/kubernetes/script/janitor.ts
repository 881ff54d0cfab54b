/** Janitor of script steps: ends the processes of a script in the job container, and removes its files there. */
import { StepError } from '../../../errors.ts'
import { entryName } from '../../../machines/ledger.ts'
import type { Janitor } from '../../../machines/ports.ts'
import { isWithoutShell } from '../api/exec.ts'
import { converse, type JobContainer } from './connection.ts'
import { failureOf } from './failures.ts'
import { stopText } from './stop-program.ts'

/** What a script gets between SIGTERM and SIGKILL; fits the time that a cancelled hook has. */
const GRACE_MS = 2_000
const NONCE_LENGTH = 32

export interface ScriptJanitorOptions {
  readonly container: () => Promise<JobContainer>
  readonly randomHex: (length: number) => string
}

/** Asks the processes to end before it kills them; in a hurry it kills at once. */
export function createScriptJanitor({ container, randomHex }: ScriptJanitorOptions): Janitor {
  return {
    async cleanUp({ ledger, hurried }, signal) {
      const scripts = ledger.filter(({ kind }) => kind === 'process')
      if (scripts.length === 0) return
      // Without a container that could be found, and typed into, no script was started.
      const where = await container().catch(() => undefined)
      if (where?.isTouched() !== true) return
      const graceMs = hurried ? 0 : GRACE_MS
      const results = await Promise.allSettled(
        scripts.map(({ name }) => stop(where, { id: name, nonce: randomHex(NONCE_LENGTH), graceMs }, signal))
      )
      signal.throwIfAborted()
      const failed = results.flatMap((result, index) => (result.status === 'rejected' ? [{ result, index }] : []))
      if (failed.length === 0) return
      const remaining = failed.map(({ index }) => entryName(scripts[index] ?? { kind: 'process', name: '' }))
      const detail = failed.map(({ result }) => (result.reason as Error).message).join('\n')
      throw new StepError('cleanup-failed', `could not end ${remaining.join(', ')}`, { detail, remaining })
    }
  }
}

async function stop(
  container: JobContainer,
  { id, nonce, graceMs }: { readonly id: string; readonly nonce: string; readonly graceMs: number },
  signal: AbortSignal
): Promise<void> {
  let answer = 'the shell in the job container gave no answer'
  let isStopped = false
  try {
    await converse(
      container,
      {
        text: stopText(id, nonce, graceMs),
        nonce,
        listener: (connection) => ({
          raw() {},
          frame(kind, rest) {
            isStopped = kind === 'stopped'
            answer = `still running in the job container: ${rest}`
            connection.leave()
          }
        })
      },
      signal
    )
  } catch (error) {
    signal.throwIfAborted()
    // Where nothing can run, nothing does.
    if (isWithoutShell(error)) return
    if (failureOf(await container.getPod(signal), container.pod) !== undefined) return
    throw error
  }
  if (!isStopped) throw new Error(answer)
}
