/** cleanup_job: removes everything that belongs to this runner pod, whatever state the job was left in. */
import { cleanupLine } from '../../effects/log/progress.ts'
import { afterStep } from '../after-step.ts'
import type { Command } from '../context.ts'

export const command: Command<'cleanup_job'> = async (_input, context) => {
  const { config, backends, cancels, clock, reporter } = context
  const { cleanUpJob } = await backends.cleanup()
  // The first order does not stop what an order to stop would only start; the second one does.
  const controller = new AbortController()
  let count = 0
  const stopListening = cancels.listen(() => {
    count += 1
    if (count > 1) controller.abort()
  })
  try {
    const startedAtMs = clock.now()
    const removed = await cleanUpJob(config, context, controller.signal)
    reporter.line(cleanupLine(removed, clock.now() - startedAtMs))
    await context.trace?.end({ outcome: 'succeeded', exitCode: 0, removed })
  } finally {
    stopListening()
  }
  return await afterStep(context, 0)
}
