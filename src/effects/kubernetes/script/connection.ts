/** One conversation with a shell in the job container: text and commands go in, output and frames come out; for host and janitor. */
import { PassThrough, type Readable, Writable } from 'node:stream'
import type { V1Pod } from '@kubernetes/client-node'
import type { Reporter } from '../../log/reporter.ts'
import type { ExecResult } from '../api/exec.ts'
import { createFrameReader, type FrameListener } from './frames.ts'

/** Where scripts run. */
export interface JobContainer {
  readonly namespace: string
  /** Name of the job pod. */
  readonly pod: string
  readonly reporter: Reporter
  /** Runs `sh` in the job container, to its end; as `exec` does. */
  shell(stdin: Readable, stdout: Writable, signal: AbortSignal): Promise<ExecResult>
  /** Whether a shell was opened, or may have been. */
  isTouched(): boolean
  /** Looks at the job pod; undefined when there is none. */
  getPod(signal: AbortSignal): Promise<V1Pod | undefined>
}

export interface Connection {
  /** Types a line. */
  type(line: string): void
  /** Says that no more lines will come. */
  hangUp(): void
  /** Everything is known: do not wait for the shell to end. */
  leave(): void
}

/**
 * Types `text` into a new shell and listens until the shell ends or the listener leaves. Rejects as `exec` does. A shell that
 * ended without being told to is for the listener to judge by the frames it has seen.
 */
export async function converse(
  container: JobContainer,
  talk: { readonly text: string; readonly nonce: string; readonly listener: (connection: Connection) => FrameListener },
  signal: AbortSignal
): Promise<ExecResult | 'left'> {
  const stdin = new PassThrough()
  const leaving = new AbortController()
  const connection: Connection = {
    type: (line) => void stdin.write(line),
    hangUp: () => void stdin.end(),
    leave: () => leaving.abort()
  }
  const reader = createFrameReader(talk.nonce, talk.listener(connection))
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        reader.add(chunk)
        done()
      } catch (error) {
        done(error as Error)
      }
    }
  })
  stdin.write(talk.text)
  try {
    return await container.shell(stdin, stdout, AbortSignal.any([signal, leaving.signal]))
  } catch (error) {
    if (!signal.aborted && leaving.signal.aborted) return 'left'
    throw error
  }
}
