/** run_script_step: runs a script in the job's container. */
import { StepError } from '../errors.ts'
import type { Command } from './command.ts'

export const command: Command<'run_script_step'> = async () => {
  throw new StepError(
    'not-supported',
    'This version of Slipway does not run scripts in job containers yet; remove container: from the job, or use the hook that ships with the runner for it'
  )
}
