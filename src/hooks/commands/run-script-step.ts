/** run_script_step: runs one script or JavaScript action in the job's container, and exits as it did. */

import { runScriptStep } from '../../effects/run/wire.ts'
import { turn } from '../../effects/system.ts'
import { SCRIPT_BUDGETS, SCRIPT_STAGES } from '../../machines/stages.ts'
import { afterStep } from '../after-step.ts'
import type { Command } from '../context.ts'
import { observed } from '../observed-run.ts'
import { toScriptRequest } from '../requests/script.ts'
import { readState } from '../state.ts'

/** Tells the scripts of one job pod apart. */
const ID_LENGTH = 16

export const command: Command<'run_script_step'> = async ({ args, state }, context) => {
  const { config, backends, cancels, randomHex } = context
  const request = toScriptRequest(args, randomHex(ID_LENGTH))
  const { createScriptPorts } = await backends.scripts()
  const ports = createScriptPorts({ ...config, ...readState(state) }, context)
  // The connection that the ports have begun takes its steps while the machine is loaded: hello, then the request.
  await turn()
  await import('../../machines/script-step.ts')
  await turn()
  const { exitCode } = await observed(
    context,
    { stages: SCRIPT_STAGES, budgets: SCRIPT_BUDGETS },
    (observers) => runScriptStep({ request, ports, budgets: SCRIPT_BUDGETS, observers, onCancel: cancels.listen }),
    { quietly: true }
  )
  return await afterStep(context, exitCode)
}
