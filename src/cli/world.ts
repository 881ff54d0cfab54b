/** What the commands need of the process they run in, made once by main.ts. */

import type { Environment } from '../effects/local/process.ts'
import type { Declaration } from './command-line.ts'
import type { Write } from './screen.ts'

export interface World {
  readonly write: Write
  readonly environment: Environment
  readonly workingDirectory: string
  readonly temporaryDirectory: string
  readonly isRoot: boolean
  /** Calls its argument for every SIGINT and SIGTERM; returns how to stop listening. */
  readonly onCancel: (cancel: () => void) => () => void
}

export interface Command {
  readonly declaration: Declaration
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
