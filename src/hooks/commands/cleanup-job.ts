/** cleanup_job: removes everything that belongs to this runner pod, whatever state the job was left in. */
import { afterStep } from '../after-step.ts'
import { cleanUpJob } from '../clean-up-job.ts'
import type { Cancellation, Command } from '../context.ts'

export const command: Command<'cleanup_job'> = async (_input, context) => {
  const { exitCode } = await cleanUpJob(context, afterTheFirst(context.cancels))
  return await afterStep(context, exitCode)
}

/** The first signal does not stop what a signal to stop would only start; the second one does. */
const afterTheFirst =
  ({ listen }: Cancellation): Cancellation['listen'] =>
  (cancel) => {
    let count = 0
    return listen(() => {
      count += 1
      if (count > 1) cancel()
    })
  }
