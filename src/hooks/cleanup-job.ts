/** cleanup_job: removes everything that belongs to this runner pod, whatever state the job was left in. */
import type { Command } from './command.ts'

export const command: Command<'cleanup_job'> = async (_input, context) => {
  const { config, families, orders } = context
  const { cleanUpJob } = await families.kubernetes()
  // The first order does not stop what an order to stop would only start; the second one does.
  const controller = new AbortController()
  let count = 0
  const stopListening = orders.listen(() => {
    count += 1
    if (count > 1) controller.abort()
  })
  try {
    await cleanUpJob(config, context, controller.signal)
  } finally {
    stopListening()
  }
  return 0
}
