/** run_container_step: runs one container action through the machine, and exits as the action did. */
import { runContainerStep } from '../../effects/run/wire.ts'
import { BUDGETS, STEP_STAGES } from '../../machines/stages.ts'
import { afterStep } from '../after-step.ts'
import type { Command } from '../context.ts'
import { observed } from '../observed-run.ts'
import { toStepRequest } from '../requests/step.ts'
import { readState } from '../state.ts'

export const command: Command<'run_container_step'> = async ({ args, state }, context) => {
  const { config, backends, cancels } = context
  const request = toStepRequest(args, config.paths)
  const { createKubernetesPorts } = await backends.steps()
  const ports = createKubernetesPorts({ ...config, jobPod: readState(state)?.jobPod }, context)
  const { exitCode } = await observed(context, { stages: STEP_STAGES, budgets: BUDGETS }, (observers) =>
    runContainerStep({ request, ports, budgets: BUDGETS, observers, onCancel: cancels.listen })
  )
  return await afterStep(context, exitCode)
}
