/** One call of the hook in four steps (parse, construct, run, exit code), apart from the process it happens in. */
import { runnerPodLabel } from '../effects/kubernetes/names.ts'
import { ERROR_CODES, toStepError } from '../errors.ts'
import { traceOf } from './command-trace.ts'
import { type Command, type CommandTrace, type HookDependencies, showFailure } from './context.ts'
import { type HookCommand, type HookInput, parseInput, readInput } from './requests/protocol.ts'
import { readConfig } from './settings/config.ts'

/** Each command in a file of its own, loaded when it is called. */
const COMMANDS: { readonly [Name in HookCommand]: () => Promise<{ command: Command<Name> }> } = {
  prepare_job: () => import('./commands/prepare-job.ts'),
  cleanup_job: () => import('./commands/cleanup-job.ts'),
  run_script_step: () => import('./commands/run-script-step.ts'),
  run_container_step: () => import('./commands/run-container-step.ts'),
  build_ahead: () => import('./commands/build-ahead.ts')
}

/** Resolves with the exit code, whatever happened; has shown why when it is not the action's own. */
export async function runHook(dependencies: HookDependencies): Promise<number> {
  let trace: CommandTrace | undefined
  try {
    const input = parseInput(await readInput(dependencies.stdin, dependencies.cancels.signal))
    const config = readConfig(dependencies.environment)
    dependencies.mayRemain(
      `pods and secrets with the label runner-pod=${runnerPodLabel(config.runnerPod)}, until cleanup_job or their owner goes`
    )
    // It runs a machine for each build, and each has a trace.
    if (input.command !== 'build_ahead') trace = traceOf(input, config, dependencies)
    const { command } = await COMMANDS[input.command]()
    return await (command as (input: HookInput, context: object) => Promise<number>)(input, {
      ...dependencies,
      config,
      trace
    })
  } catch (thrown) {
    const error = toStepError(thrown)
    const { exitCode } = ERROR_CODES[error.code]
    await trace?.end({ outcome: error.code === 'cancelled' ? 'cancelled' : 'failed', exitCode, failure: error })
    if (error.code === 'cancelled') dependencies.reporter.line(error.message)
    else showFailure(dependencies.reporter, error)
    return exitCode
  }
}
