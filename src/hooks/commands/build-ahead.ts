/**
 * build_ahead: builds the Dockerfiles of a job's actions before their steps ask for them. prepare_job starts it as a process of its own
 * (src/hooks/start-ahead.ts), and nobody reads what it says: its traces tell, and the steps find what it has built.
 */
import { type DockerfileAction, dockerfileActionOf, findActions } from '../../effects/content/actions.ts'
import { buildPlaceOf } from '../../effects/kubernetes/context/build-place.ts'
import { type Observer, runAheadBuild } from '../../effects/run/wire.ts'
import { workDirectoryOf } from '../../effects/work-tree/layout.ts'
import { toStepError } from '../../errors.ts'
import { AHEAD_BUDGETS, AHEAD_STAGES } from '../../machines/stages.ts'
import type { AheadRequest } from '../../machines/types.ts'
import { traceOf } from '../command-trace.ts'
import type { Cancellation, Command, CommandContext } from '../context.ts'
import { observed } from '../observed-run.ts'
import { githubMounts } from '../requests/step.ts'

/** Of one job: whoever downloads more actions with a Dockerfile has most of them from one repository, and runs few of them. */
const BUILDS_MAX = 8
/** The job's own pods are to have room. */
const AT_ONCE_MAX = 2
/** Nothing goes on for longer, whatever becomes of the job. */
const TIME_MS_MAX = 30 * 60_000

export const command: Command<'build_ahead'> = async (input, context) => {
  const { config, backends, cancels, clock, reporter } = context
  const { createAheadBackend } = await backends.ahead()
  const { ports, ready, jobEnds } = createAheadBackend(config, context)
  const over = new AbortController()
  const up = ready(over.signal)
  const onCancel = eitherOf(
    cancels,
    (signal) => Promise.race([up.then(() => jobEnds(signal)), clock.sleep(TIME_MS_MAX, signal)]),
    over
  )
  const stages = { stages: AHEAD_STAGES, budgets: AHEAD_BUDGETS }
  const mounts = githubMounts(config.paths)
  const place = createPlaces(AT_ONCE_MAX)
  let begun = 0
  /** Resolves with whether it came to what it was for. */
  const build = async (request: AheadRequest): Promise<boolean> => {
    const leave = await place()
    // One that stands is no burden any more.
    const stands: Observer = (fact) => {
      if (fact.type === 'entered' && fact.at?.stage === 'standing') leave()
    }
    try {
      if (begun >= BUILDS_MAX) return false
      begun += 1
      const trace = traceOf(input, config, context)
      const { outcome } = await observed({ ...context, trace }, stages, (observers) =>
        runAheadBuild({ request, ports, budgets: AHEAD_BUDGETS, observers: [...observers, stands], onCancel })
      )
      return outcome === 'succeeded'
    } finally {
      leave()
    }
  }
  /** The next one is begun when a step has taken the one before. */
  const buildAll = async ({ dockerfile, uses }: DockerfileAction) => {
    for (let use = 0; use < uses; use += 1) {
      if (!(await build({ dockerfile, mounts, isAgain: use > 0 }))) return
    }
  }
  try {
    const stop = onCancel(() => over.abort())
    const isWanted = await up.catch((error: unknown) => {
      reporter.line(toStepError(error).message)
      return false
    })
    stop()
    if (isWanted) await Promise.all((await actionsOf(context)).map(buildAll))
  } finally {
    over.abort()
  }
  return 0
}

/** An image is there for every use; what is built in place is for one. */
async function actionsOf({ config }: CommandContext): Promise<readonly DockerfileAction[]> {
  const workDirectory = workDirectoryOf(config.paths)
  const actions = await findActions(workDirectory)
  const found = await Promise.all(actions.map((action) => dockerfileActionOf(workDirectory, action)))
  const isInPlace = buildPlaceOf(config) === 'in-place'
  const usesOf = new Map<string, number>()
  for (const action of found) if (action !== undefined) usesOf.set(action.dockerfile, isInPlace ? action.uses : 1)
  return [...usesOf].slice(0, BUILDS_MAX).map(([dockerfile, uses]) => ({ dockerfile, uses }))
}

/** Resolves for so many at once, each until it leaves, in the order in which they ask. */
function createPlaces(most: number): () => Promise<() => void> {
  let free = most
  const waiting: (() => void)[] = []
  return async () => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    let isLeft = false
    return () => {
      if (isLeft) return
      isLeft = true
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
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
