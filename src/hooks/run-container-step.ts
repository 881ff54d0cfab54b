/** run_container_step: runs one container action through the machine, and exits as the action did. */
import { createProgress, summaryLine } from '../effects/progress.ts'
import type { Trace } from '../effects/trace.ts'
import { runContainerStep } from '../effects/wire.ts'
import { BUDGETS } from '../machines/budgets.ts'
import type { StepOutput } from '../machines/types.ts'
import { type Command, type CommandContext, showFailure } from './command.ts'
import { readState } from './state.ts'
import { toStepRequest } from './step-request.ts'

export const command: Command<'run_container_step'> = async ({ args, state }, context) => {
  const { config, families, orders, reporter } = context
  const request = toStepRequest(args, config.paths)
  const { createKubernetesPorts } = await families.kubernetes()
  const ports = createKubernetesPorts({ ...config, jobPod: readState(state)?.jobPod }, context)
  const trace = await openTrace(context)
  const progress = createProgress(reporter, BUDGETS)
  const output = await runContainerStep({
    request,
    ports,
    budgets: BUDGETS,
    observers: trace === undefined ? [progress] : [progress, trace.observer],
    onCancel: orders.listen
  })
  trace?.end(output)
  showOutput(context, output)
  return output.exitCode
}

async function openTrace({ config, randomHex, reporter }: CommandContext): Promise<Trace | undefined> {
  if (config.traceDirectory === undefined) return undefined
  const { createTrace } = await import('../effects/trace.ts')
  // Short, since it only tells the runs of one runner pod apart.
  const name = `${config.runnerPod}-run-container-step-${randomHex(8)}`
  return createTrace(config.traceDirectory, name, (reason) => reporter.line(`This run is not traced: ${reason}`))
}

/** An action that exits with a code of its own gets no annotation: the runner adds two already. */
function showOutput({ reporter }: CommandContext, output: StepOutput): void {
  reporter.endGroup()
  reporter.line(summaryLine(output))
  if (output.outcome === 'stuck') reporter.warning(`Cleanup could not remove: ${output.remaining.join(', ')}`)
  if (output.failure !== undefined) showFailure(reporter, output.failure)
}
