/** prepare_job: starts the job's container and its services. */
import { StepError } from '../errors.ts'
import type { Command } from './command.ts'

export const command: Command<'prepare_job'> = async () => {
  throw new StepError(
    'not-supported',
    'This version of Slipway does not run job containers and services yet; remove container: and services: from the job, or use the hook that ships with the runner for it'
  )
}
