/** What the commands need of the process they run in, made once by main.ts. */
import type { Environment } from '../effects/local/process.ts'

export interface World {
  /** Writes text or a program's bytes, unchanged. */
  readonly write: (data: string | Uint8Array) => void
  /** Whether a person is looking: colours only then. */
  readonly isTerminal: boolean
  readonly environment: Environment
  readonly workingDirectory: string
  readonly temporaryDirectory: string
  readonly isRoot: boolean
  /** Calls its argument for every SIGINT and SIGTERM; returns how to stop listening. */
  readonly onCancel: (cancel: () => void) => () => void
}

export interface Command {
  /** What it does, in one line. */
  readonly summary: string
  readonly help: string
  /** Resolves with the exit code. Rejects with a UsageError, or a StepError. */
  run(args: readonly string[], world: World): Promise<number>
}

/** The command line is wrong; the message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const EXIT_CODES_HELP = `Exit codes:
  0    the action succeeded
  1    Slipway could not build, pull or run the action; the reason is printed
  2    the command line is wrong
  130  cancelled
  Any other code is the action's own.`
