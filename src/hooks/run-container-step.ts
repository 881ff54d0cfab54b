/** run_container_step: runs one container action through the machine, and exits as the action did. */
import { runContainerStep } from '../effects/wire.ts'
import { BUDGETS } from '../machines/budgets.ts'
import { STAGES } from '../machines/states.ts'
import { afterStep } from './after-step.ts'
import type { Command } from './command.ts'
import { observed } from './observed-run.ts'
import { readState } from './state.ts'
import { toStepRequest } from './step-request.ts'

export const command: Command<'run_container_step'> = async ({ args, state }, context) => {
  const { config, families, orders } = context
  const request = toStepRequest(args, config.paths)
  const { createKubernetesPorts } = await families.steps()
  const ports = createKubernetesPorts({ ...config, jobPod: readState(state)?.jobPod }, context)
  const { exitCode } = await observed(context, { stages: STAGES, budgets: BUDGETS }, (observers) =>
    runContainerStep({ request, ports, budgets: BUDGETS, observers, onCancel: orders.listen })
  )
  return await afterStep(context, exitCode)
}
