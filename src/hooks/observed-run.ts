/** What all commands that run a machine show of it: progress in the log, a trace if there is one, and how it ended. */
import { createProgress, type MachineStages, type ShownOutput, summaryLine } from '../effects/log/progress.ts'
import type { Reporter } from '../effects/log/reporter.ts'
import type { Observer } from '../effects/run/wire.ts'
import type { Failure } from '../machines/run.ts'
import { type CommandContext, showFailure } from './context.ts'

type Ended = ShownOutput & { readonly failure?: Failure | undefined; readonly remaining: readonly string[] }

/**
 * Runs a machine with observers and shows its end. A program that exits with a
 * code of its own gets no annotation: the runner adds two already. `quietly`: only what goes wrong stands beside the
 * program's own log.
 */
export async function observed<Output extends Ended>(
  context: CommandContext,
  machine: MachineStages,
  run: (observers: readonly Observer[]) => Promise<Output>,
  { quietly = false } = {}
): Promise<Output> {
  const { reporter, trace } = context
  const progress = quietly ? onlyRetries(reporter, machine) : createProgress(reporter, machine)
  const output = await run(trace === undefined ? [progress] : [progress, trace.observer])
  await trace?.end(output)
  reporter.endGroup()
  if (!quietly) reporter.line(summaryLine(output, machine))
  // What failed says it itself where nothing else was done.
  if (output.outcome === 'stuck' && output.failure?.code !== 'cleanup-failed')
    reporter.warning(`Cleanup could not remove: ${output.remaining.join(', ')}`)
  if (output.failure !== undefined) showFailure(reporter, output.failure)
  return output
}

/** One line for each attempt that is made again, and none of them in the middle of a line of the program's. */
function onlyRetries(reporter: Reporter, machine: MachineStages): Observer {
  const progress = createProgress({ ...reporter, line: reporter.aside }, machine)
  return (fact, atMs) => {
    if (fact.type === 'attemptFailed' && fact.retrying) progress(fact, atMs)
  }
}
