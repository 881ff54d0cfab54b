/** Janitor of script steps: ends the processes of a script in the job container, and removes its files there. */
import { StepError } from '../../../errors.ts'
import { entryName } from '../../../machines/ledger.ts'
import type { Janitor } from '../../../machines/ports.ts'
import { isWithoutShell } from '../api/exec.ts'
import { converse, type ScriptPlace } from './connection.ts'
import { failureOf } from './failures.ts'
import { stopText } from './stop-program.ts'

/** What a script gets between SIGTERM and SIGKILL; fits the time that a cancelled hook has. */
const GRACE_MS = 2_000
const MARK_LENGTH = 32

export interface ScriptJanitorOptions {
  readonly place: () => Promise<ScriptPlace>
  readonly randomHex: (length: number) => string
}

/** The first call asks the processes to end before it kills them; a second one, after another order to stop, kills at once. */
export function createScriptJanitor({ place, randomHex }: ScriptJanitorOptions): Janitor {
  let graceMs = GRACE_MS
  return {
    async cleanUp({ ledger }, signal) {
      const scripts = ledger.filter(({ kind }) => kind === 'process')
      if (scripts.length === 0) return
      // Who does not know where scripts run has started none.
      const where = await place().catch(() => undefined)
      if (where?.isTouched() !== true) return
      const givenMs = graceMs
      graceMs = 0
      const results = await Promise.allSettled(
        scripts.map(({ name }) => stop(where, { id: name, mark: randomHex(MARK_LENGTH), graceMs: givenMs }, signal))
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
  place: ScriptPlace,
  { id, mark, graceMs }: { readonly id: string; readonly mark: string; readonly graceMs: number },
  signal: AbortSignal
): Promise<void> {
  let answer = 'the shell in the job container gave no answer'
  let isStopped = false
  try {
    await converse(
      place,
      {
        text: stopText(id, mark, graceMs),
        mark,
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
    if (failureOf(await place.getPod(signal), place.pod) !== undefined) return
    throw error
  }
  if (!isStopped) throw new Error(answer)
}
