/** The script that the runner asks for, with its quoting undone, for run_script_step. */
import { JOB_WORK } from '../../effects/work-tree/layout.ts'
import { StepError } from '../../errors.ts'
import type { ScriptRequest } from '../../machines/types.ts'
import { shellWords } from './arguments.ts'
import type { HookInput } from './protocol.ts'

type ScriptArgs = Extract<HookInput, { command: 'run_script_step' }>['args']

/** `id` names the script in the job pod. Throws `invalid-input`. */
export function toScriptRequest(args: ScriptArgs, id: string): ScriptRequest {
  if (args.entryPoint === '') {
    throw new StepError('invalid-input', 'args.entryPoint is empty; it must name the program that runs the script')
  }
  return {
    id,
    entryPoint: args.entryPoint,
    args: shellWords(args.entryPointArgs),
    env: { CI: 'true', ...args.environmentVariables, GITHUB_ACTIONS: 'true' },
    prependPath: args.prependPath,
    workingDirectory: args.workingDirectory || JOB_WORK
  }
}
