/**
 * build_ahead: builds the Dockerfiles of a job's actions before their steps ask for them. prepare_job starts it as a process of its own
 * (src/hooks/start-ahead.ts), and nobody reads what it says: its traces tell, and the steps find what it has built.
 */
import { dockerfileOf, findActions } from '../../effects/content/actions.ts'
import { runAheadBuild } from '../../effects/run/wire.ts'
import { workDirectoryOf } from '../../effects/work-tree/layout.ts'
import { AHEAD_BUDGETS, AHEAD_STAGES } from '../../machines/stages.ts'
import { traceOf } from '../command-trace.ts'
import type { Cancellation, Command, CommandContext } from '../context.ts'
import { observed } from '../observed-run.ts'

/** Of one job: whoever downloads more actions with a Dockerfile has most of them from one repository, and runs few of them. */
const BUILDS_MAX = 8
/** The job's own pods are to have room. */
const AT_ONCE_MAX = 2
/** Nothing goes on for longer, whatever becomes of the job. */
const TIME_MS_MAX = 30 * 60_000

export const command: Command<'build_ahead'> = async (input, context) => {
  const { config, backends, cancels, clock } = context
  const { createAheadBackend } = await backends.ahead()
  const { ports, jobEnds } = createAheadBackend(config, context)
  const over = new AbortController()
  const onCancel = eitherOf(
    cancels,
    (signal) => Promise.race([jobEnds(signal), clock.sleep(TIME_MS_MAX, signal)]),
    over
  )
  const stages = { stages: AHEAD_STAGES, budgets: AHEAD_BUDGETS }
  const waiting = [...(await dockerfilesOf(context))]
  const work = async () => {
    for (let dockerfile = waiting.shift(); dockerfile !== undefined; dockerfile = waiting.shift()) {
      const request = { dockerfile }
      const trace = traceOf(input, config, context)
      await observed({ ...context, trace }, stages, (observers) =>
        runAheadBuild({ request, ports, budgets: AHEAD_BUDGETS, observers, onCancel })
      )
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE_MAX }, work))
  } finally {
    over.abort()
  }
  return 0
}

async function dockerfilesOf({ config }: CommandContext): Promise<readonly string[]> {
  const workDirectory = workDirectoryOf(config.paths)
  const actions = await findActions(workDirectory)
  const found = await Promise.all(actions.map((action) => dockerfileOf(workDirectory, action)))
  return [...new Set(found.filter((dockerfile) => dockerfile !== undefined))].slice(0, BUILDS_MAX)
}

/** Told of every cancel, and once when `ends` resolves; also who begins to listen after that. */
function eitherOf(
  { listen }: Cancellation,
  ends: (signal: AbortSignal) => Promise<void>,
  over: AbortController
): Cancellation['listen'] {
  const ended = ends(over.signal).then(
    () => true,
    () => false
  )
  return (cancel) => {
    let isListening = true
    void ended.then((hasEnded) => {
      if (hasEnded && isListening) cancel()
    })
    const stop = listen(cancel)
    return () => {
      isListening = false
      stop()
    }
  }
}
