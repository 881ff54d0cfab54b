/** The entry point of the command line: finds the command, runs it, and turns how it ended into the exit code. */
import { tmpdir } from 'node:os'
import { ERROR_CODES, StepError } from '../errors.ts'
import { environment } from '../hooks/settings/config.ts'
import { type CliDependencies, UsageError } from './command.ts'
import { COMMANDS } from './commands.ts'
import { programHelp } from './help.ts'
import { createWrite } from './screen.ts'
import { visible } from './visible.ts'

const USAGE_EXIT_CODE = 2
/** By the person, by a supervisor, and by a terminal that is closed. */
const CANCELLING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const isHelp = (argument: string): boolean => argument === '--help' || argument === '-h'

/** The exit code of a command line. */
async function dispatch(args: readonly string[], deps: CliDependencies): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || isHelp(name)) {
    deps.write(programHelp(COMMANDS))
    return name === undefined ? USAGE_EXIT_CODE : 0
  }
  const command = COMMANDS.find(({ declaration }) => declaration.name === name)
  if (command === undefined) {
    throw new UsageError(
      `there is no command ${name}; there are ${COMMANDS.map(({ declaration }) => declaration.name).join(', ')}`
    )
  }
  const dashes = rest.indexOf('--')
  if (rest.slice(0, dashes === -1 ? rest.length : dashes).some(isHelp)) {
    deps.write(command.help)
    return 0
  }
  return command.run(rest, deps)
}

/** What to print for a failure, and the exit code that goes with it. */
function explain(thrown: unknown): { message: string; exitCode: number } {
  if (thrown instanceof StepError) {
    const message = thrown.detail === undefined ? thrown.message : `${thrown.message}\n${thrown.detail}`
    return { message, exitCode: ERROR_CODES[thrown.code].exitCode }
  }
  if (thrown instanceof UsageError) return { message: thrown.message, exitCode: USAGE_EXIT_CODE }
  return {
    message: (thrown instanceof Error && thrown.stack) || String(thrown),
    exitCode: ERROR_CODES.internal.exitCode
  }
}

const deps: CliDependencies = {
  write: createWrite((data) => void process.stdout.write(data), process.stdout.isTTY === true),
  environment,
  workingDirectory: process.cwd(),
  temporaryDirectory: tmpdir(),
  isRoot: process.getuid?.() === 0,
  onCancel(cancel) {
    for (const signal of CANCELLING) process.on(signal, cancel)
    process.stdout.once('error', cancel)
    return () => {
      for (const signal of CANCELLING) process.off(signal, cancel)
      process.stdout.off('error', cancel)
    }
  }
}

// Nobody reads any more, as in `| head`: what runs is cancelled, so that it cleans up, and there is nobody to tell.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

// Should the event loop run empty before the command has ended, that is a failure and not a success.
process.exitCode = ERROR_CODES.internal.exitCode
dispatch(process.argv.slice(2), deps).then(
  (exitCode) => {
    process.exitCode = exitCode
  },
  (thrown: unknown) => {
    const { message, exitCode } = explain(thrown)
    process.stderr.write(`slipway: ${visible(message)}\n`)
    process.exitCode = exitCode
  }
)
