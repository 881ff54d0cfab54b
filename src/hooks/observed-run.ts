/** What all commands that run a machine show of it: progress in the log, a trace when one is wanted, and how it ended. */
import { createProgress, type RunOutput, summaryLine } from '../effects/progress.ts'
import type { Reporter } from '../effects/reporter.ts'
import type { Trace } from '../effects/trace.ts'
import type { Observer } from '../effects/wire.ts'
import type { AnyStageName, StageBudget } from '../machines/budgets.ts'
import type { Failure } from '../machines/types.ts'
import { type CommandContext, showFailure } from './command.ts'

/** Tells the runs of one runner pod apart. */
const NAME_SUFFIX_LENGTH = 8

type StageBudgets = Readonly<Partial<Record<AnyStageName, StageBudget>>>
type Ended = RunOutput & { readonly failure?: Failure | undefined; readonly remaining: readonly string[] }

/**
 * Runs a machine with observers and shows its end. `name`: of the command, for the trace's file. A program that exits with a
 * code of its own gets no annotation: the runner adds two already. `quietly`: only what goes wrong stands beside the
 * program's own log.
 */
export async function observed<Output extends Ended>(
  context: CommandContext,
  name: string,
  budgets: StageBudgets,
  run: (observers: readonly Observer[]) => Promise<Output>,
  { quietly = false } = {}
): Promise<Output> {
  const { reporter } = context
  const trace = await openTrace(context, name)
  const progress = quietly ? onlyRetries(reporter, budgets) : createProgress(reporter, budgets)
  const output = await run(trace === undefined ? [progress] : [progress, trace.observer])
  trace?.end(output)
  reporter.endGroup()
  if (!quietly) reporter.line(summaryLine(output))
  if (output.outcome === 'stuck') reporter.warning(`Cleanup could not remove: ${output.remaining.join(', ')}`)
  if (output.failure !== undefined) showFailure(reporter, output.failure)
  return output
}

/** One line for each attempt that is made again, and none of them in the middle of a line of the program's. */
function onlyRetries(reporter: Reporter, budgets: StageBudgets): Observer {
  const progress = createProgress({ ...reporter, line: reporter.aside }, budgets)
  return (fact, atMs) => {
    if (fact.type === 'attemptFailed' && fact.retrying) progress(fact, atMs)
  }
}

async function openTrace(context: CommandContext, command: string): Promise<Trace | undefined> {
  const { config, randomHex, reporter } = context
  if (config.traceDirectory === undefined) return undefined
  const { createTrace } = await import('../effects/trace.ts')
  const name = `${config.runnerPod}-${command}-${randomHex(NAME_SUFFIX_LENGTH)}`
  return createTrace(config.traceDirectory, name, (reason) => reporter.line(`This run is not traced: ${reason}`))
}
