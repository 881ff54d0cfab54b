/** Removes what belongs to this runner pod and shows it, for cleanup_job and for a prepare_job whose answer reaches nobody. */
import { runJobCleanup } from '../effects/run/wire.ts'
import { CLEANUP_BUDGETS, CLEANUP_STAGES } from '../machines/cleanup-stages.ts'
import type { CleanupOutput } from '../machines/job-cleanup.ts'
import type { CleanupPorts } from '../machines/ports.ts'
import type { Cancellation, CommandContext } from './context.ts'
import { observed } from './observed-run.ts'

export async function cleanUpJob(
  context: CommandContext,
  ports: CleanupPorts,
  onCancel: Cancellation['listen']
): Promise<CleanupOutput> {
  const { config, reporter } = context
  const request = { runnerPod: config.runnerPod }
  const stages = { stages: CLEANUP_STAGES, budgets: CLEANUP_BUDGETS }
  const output = await observed(context, stages, (observers) =>
    runJobCleanup({ request, ports, budgets: CLEANUP_BUDGETS, observers, onCancel })
  )
  if (output.imagesStay !== undefined) {
    reporter.warning(
      `Images of this job, if it built any, stay in the registry until \`slipway gc\` removes them: ${output.imagesStay.message}`
    )
  }
  return output
}
