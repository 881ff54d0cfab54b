/** What a command is: one declaration that the parser, --help, docs/cli.md and shell completion all read, and how it is run. */

import type { Environment } from '../effects/local/process.ts'
import type { Write } from './screen.ts'

export interface Option {
  readonly type: 'string' | 'boolean'
  readonly multiple?: true
  /** What stands for the value in help: `DIR`. Completion offers files for FILE, TRACE and the like, directories for DIR. */
  readonly value?: string
  readonly default?: string
  readonly help: string
  /** The only values there are. */
  readonly choices?: readonly string[]
  /** For one program that starts another: in no help. */
  readonly hidden?: true
}

export type Options = Readonly<Record<string, Option>>

export interface Declaration<Declared extends Options = Options> {
  readonly name: string
  /** What it does, in one line. */
  readonly summary: string
  /** Paragraphs for --help. */
  readonly about: string
  /** Names of what has to be given without a flag: `TRACE`. */
  readonly operands?: readonly string[]
  /** The last of them may be given several times. */
  readonly repeats?: true
  /** What may follow behind `--`, and what it does. */
  readonly rest?: { readonly value: string; readonly help: string }
  readonly options: Declared
  /** Command lines, each with what it is for where that is not plain. */
  readonly examples: readonly (readonly [line: string, note?: string])[]
  readonly exitCodes: readonly (readonly [code: number | 'other', meaning: string])[]
}

/** What the commands need of the process they run in, made once by main.ts. */
export interface CliDependencies {
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
  run(args: readonly string[], deps: CliDependencies): Promise<number>
}

/** The command line is wrong; the message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
