/** One call of the hook in four steps (parse, construct, run, exit code), apart from the process it happens in. */
import type { Readable } from 'node:stream'
import type { KubernetesDependencies } from '../effects/kubernetes/context/options.ts'
import { ERROR_CODES, toStepError } from '../errors.ts'
import { type CommandTrace, traceOf } from './command-trace.ts'
import { type Backends, type Cancellation, type Command, showFailure } from './context.ts'
import { type HookCommand, type HookInput, parseInput, readInput } from './requests/protocol.ts'
import { readConfig } from './settings/config.ts'

/** Each command in a file of its own, loaded when it is called. */
const COMMANDS: { readonly [Name in HookCommand]: () => Promise<{ command: Command<Name> }> } = {
  prepare_job: () => import('./commands/prepare-job.ts'),
  cleanup_job: () => import('./commands/cleanup-job.ts'),
  run_script_step: () => import('./commands/run-script-step.ts'),
  run_container_step: () => import('./commands/run-container-step.ts')
}

export interface HookWorld extends KubernetesDependencies {
  readonly stdin: Readable
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly backends: Backends
  readonly cancels: Cancellation
  /** Told what a forced exit from here on may leave behind. */
  readonly mayRemain: (what: string) => void
}

/** Resolves with the exit code, whatever happened; has shown why when it is not the action's own. */
export async function runHook(world: HookWorld): Promise<number> {
  let trace: CommandTrace | undefined
  try {
    const input = parseInput(await readInput(world.stdin, world.cancels.signal))
    const config = readConfig(world.environment)
    world.mayRemain(
      `pods and secrets with the label runner-pod=${config.runnerPod}, until cleanup_job or their owner goes`
    )
    trace = traceOf(input, config, world)
    const { command } = await COMMANDS[input.command]()
    return await (command as (input: HookInput, context: object) => Promise<number>)(input, { ...world, config, trace })
  } catch (thrown) {
    const error = toStepError(thrown)
    const { exitCode } = ERROR_CODES[error.code]
    await trace?.end({ outcome: error.code === 'cancelled' ? 'cancelled' : 'failed', exitCode, failure: error })
    if (error.code === 'cancelled') world.reporter.line(error.message)
    else showFailure(world.reporter, error)
    return exitCode
  }
}
