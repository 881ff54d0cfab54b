/** Runs the engine's programs for the local backend: own process group, bounded capture, live output, and a sure end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { StepError } from '../../errors.ts'
import type { Clock } from '../../machines/ports.ts'
import { keepFirst, keepLast, LAST_WORDS_BYTES_MAX } from '../capture.ts'

/** Kept of what a program wrote to stdout, for answers such as an image id; a program that writes more has its start kept. */
const STDOUT_BYTES_MAX = 1024 * 1024
/** How long a program may take to stop by itself after SIGTERM; it must fit into the shortest cleanup budget. */
const STOP_GRACE_MS = 1_000

export type Environment = Readonly<Record<string, string | undefined>>

export interface CommandOptions {
  readonly signal: AbortSignal
  /** Added to the environment the programs run in. */
  readonly env?: Environment
  /** Receives stdout and stderr as they come. */
  readonly onOutput?: (chunk: Uint8Array) => void
}

export interface CommandResult {
  /** The program's exit code; 128 + n when signal n ended it, as shells say it. */
  readonly exitCode: number
  readonly stdout: string
  /** The last of stdout and stderr together, in the order they came. */
  readonly tail: string
}

export interface ProcessRunner {
  /** Resolves whatever the exit code is. Rejects with `engine-missing` if the program is not there, `cancelled` when aborted. */
  run(program: string, args: readonly string[], options: CommandOptions): Promise<CommandResult>
  /** Resolves when no program is running any more, the aborted ones included. */
  idle(): Promise<void>
}

/** Signals the whole group; one that has ended already is fine. */
function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Ends the whole group: asks first, then kills what is left of it. */
async function stop(child: ChildProcess, closed: Promise<void>, clock: Clock): Promise<void> {
  const waiting = new AbortController()
  signalGroup(child, 'SIGTERM')
  const graceOver = clock.sleep(STOP_GRACE_MS, waiting.signal).then(
    () => signalGroup(child, 'SIGKILL'),
    () => undefined
  )
  await closed
  waiting.abort()
  await graceOver
  // Members of the group that had let go of the output may still be there.
  signalGroup(child, 'SIGKILL')
}

/** `environment` is what every program inherits. */
export function createProcessRunner(environment: Environment, clock: Clock): ProcessRunner {
  const ended = new Set<Promise<void>>()

  function run(program: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
    const { signal, env, onOutput } = options
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(new StepError('cancelled', `${program} was not started: the step is being cancelled`))
        return
      }
      const child = spawn(program, args, {
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...environment, ...env }
      })
      const stdout = keepFirst(STDOUT_BYTES_MAX)
      const tail = keepLast(LAST_WORDS_BYTES_MAX)
      const hear = (chunk: Buffer) => {
        tail.add(chunk)
        if (!signal.aborted) onOutput?.(chunk)
      }
      child.stdout.on('data', (chunk: Buffer) => {
        stdout.add(chunk)
        hear(chunk)
      })
      child.stderr.on('data', hear)
      const closed = new Promise<void>((done) => {
        child.once('close', () => done())
        child.once('error', () => done())
      })
      track(closed)
      const onAbort = () => {
        track(stop(child, closed, clock))
        reject(new StepError('cancelled', `${program} was stopped: the step is being cancelled`))
      }
      signal.addEventListener('abort', onAbort, { once: true })
      void closed.then(() => signal.removeEventListener('abort', onAbort))
      child.once('error', (cause) => {
        reject(new StepError('engine-missing', `${program} cannot be started: ${cause.message}`, { cause }))
      })
      child.once('close', (code, killedBy) => {
        const exitCode = code ?? 128 + (killedBy === null ? 0 : constants.signals[killedBy])
        resolve({ exitCode, stdout: stdout.text(), tail: tail.text() })
      })
    })
  }

  function track(end: Promise<void>): void {
    ended.add(end)
    void end.finally(() => ended.delete(end))
  }

  return {
    run,
    async idle() {
      while (ended.size > 0) await Promise.all(ended)
    }
  }
}
