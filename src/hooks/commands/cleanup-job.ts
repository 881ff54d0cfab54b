/** cleanup_job: removes everything that belongs to this runner pod, whatever state the job was left in. */
import { turn } from '../../effects/system.ts'
import type { Cancellation, Command } from '../context.ts'

export const command: Command<'cleanup_job'> = async (_input, context) => {
  const { createCleanupPorts } = await context.backends.cleanup()
  const ports = createCleanupPorts(context.config, context)
  // The listing that the ports have begun takes its steps while the rest is loaded: connection, hello, request.
  await turn()
  const { cleanUpJob } = await import('../clean-up-job.ts')
  await turn()
  await import('../../machines/job-cleanup.ts')
  await turn()
  const { exitCode } = await cleanUpJob(context, ports, afterTheFirst(context.cancels))
  const { afterStep } = await import('../after-step.ts')
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
