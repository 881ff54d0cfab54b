/**
 * The composition root: ports become the actors of a machine, and the machine is run to its end. Each machine is loaded when
 * it is run, because making one takes as long as a few API calls.
 */
import { type AnyActorLogic, fromPromise, type InputFrom, type OutputFrom, type PromiseActorLogic } from 'xstate'
import type { AheadOutput } from '../../machines/ahead-build.ts'
import type { CleanupBudgets } from '../../machines/cleanup-stages.ts'
import type { StepOutput } from '../../machines/container-step.ts'
import type { PushInput } from '../../machines/inputs.ts'
import type { CleanupOutput } from '../../machines/job-cleanup.ts'
import type { JobOutput } from '../../machines/job-start.ts'
import type { AheadPorts, CleanupPorts, Clock, JobPorts, Pusher, ScriptPorts, StepPorts } from '../../machines/ports.ts'
import type { Telling } from '../../machines/repeating-stage.ts'
import type { ScriptOutput } from '../../machines/script-step.ts'
import type { BackOffInput, BudgetInput } from '../../machines/stage.ts'
import type { AheadBudgets, Budgets, JobBudgets, ScriptBudgets } from '../../machines/stages.ts'
import type { AheadRequest, CleanupRequest, JobRequest, ScriptRequest, StepRequest } from '../../machines/types.ts'
import { type Observer, type RunControl, runMachine } from './run-machine.ts'

export type { Observer, RunFact } from './run-machine.ts'

const sleeps = (clock: Clock) => ({
  budget: fromPromise<void, BudgetInput>(({ input, signal }) => clock.sleep(input.ms, signal)),
  backOff: fromPromise<void, BackOffInput>(({ input, signal }) => clock.sleep(clock.jitter(input.ms), signal))
})

type Method<Input, Output> = (input: Input, signal: AbortSignal) => Promise<Output>
/** An actor for each method of a port, called as the method is. */
type ActorsOf<Port> = {
  [Name in keyof Port]: Port[Name] extends Method<infer Input, infer Output> ? PromiseActorLogic<Output, Input> : never
}

function actorsOf<Port extends object>(port: Port): ActorsOf<Port> {
  const actors = Object.entries(port).map(([name, method]: [string, Method<unknown, unknown>]) => [
    name,
    fromPromise<unknown, unknown>(({ input, signal }) => method(input, signal))
  ])
  return Object.fromEntries(actors) as ActorsOf<Port>
}

interface RunOptions<Request, Ports, StageBudgets> {
  readonly request: Request
  readonly ports: Ports
  readonly budgets: StageBudgets
  readonly observers: readonly Observer[]
  /** Calls its argument for every cancel (SIGINT, then SIGTERM); returns how to stop listening. */
  readonly onCancel?: RunControl['onCancel']
}

/** A machine whose actors are there, run on what was asked for. */
async function run<Logic extends AnyActorLogic>(
  logic: Logic,
  { request, budgets, ports: { clock }, observers, onCancel }: RunOptions<unknown, { readonly clock: Clock }, unknown>
): Promise<OutputFrom<Logic>> {
  const input = { request, budgets, now: () => clock.now() }
  return await runMachine(logic, input as InputFrom<Logic>, { clock, observers, onCancel })
}

const pushOf = (pusher: Pusher) =>
  fromPromise<string, Telling<PushInput>>(({ input: { tell, ...input }, signal }) =>
    // A machine that has gone on, or has ended, is told nothing any more.
    pusher.push(input, (event) => (signal.aborted ? undefined : tell(event)), signal)
  )

/** Runs one container action to its end (run_container_step). */
export async function runContainerStep(options: RunOptions<StepRequest, StepPorts, Budgets>): Promise<StepOutput> {
  const { containerStep } = await import('../../machines/container-step.ts')
  const { resolver, joiner, builder, pusher, inPlace, runner, workspace, janitor, clock } = options.ports
  const logic = containerStep.provide({
    actors: {
      ...actorsOf(resolver),
      ...actorsOf(joiner),
      ...actorsOf(builder),
      push: pushOf(pusher),
      ...actorsOf(inPlace),
      ...actorsOf(runner),
      ...actorsOf(workspace),
      ...actorsOf(janitor),
      ...sleeps(clock)
    }
  })
  return await run(logic, options)
}

/** Builds one action before a step asks for it (build_ahead). */
export async function runAheadBuild(options: RunOptions<AheadRequest, AheadPorts, AheadBudgets>): Promise<AheadOutput> {
  const { aheadBuild } = await import('../../machines/ahead-build.ts')
  const { resolver, builder, pusher, inPlace, stander, janitor, clock } = options.ports
  const logic = aheadBuild.provide({
    actors: {
      ...actorsOf(resolver),
      ...actorsOf(builder),
      push: pushOf(pusher),
      ...actorsOf(inPlace),
      ...actorsOf(stander),
      ...actorsOf(janitor),
      ...sleeps(clock)
    }
  })
  return await run(logic, options)
}

/** Brings a job pod up (prepare_job). */
export async function runJobStart(options: RunOptions<JobRequest, JobPorts, JobBudgets>): Promise<JobOutput> {
  const { jobStart } = await import('../../machines/job-start.ts')
  const { host, janitor, clock } = options.ports
  const logic = jobStart.provide({ actors: { ...actorsOf(host), ...actorsOf(janitor), ...sleeps(clock) } })
  return await run(logic, options)
}

/** Runs one script in the job container (run_script_step). */
export async function runScriptStep(
  options: RunOptions<ScriptRequest, ScriptPorts, ScriptBudgets>
): Promise<ScriptOutput> {
  const { scriptStep } = await import('../../machines/script-step.ts')
  const { host, janitor, clock } = options.ports
  const logic = scriptStep.provide({ actors: { ...actorsOf(host), ...actorsOf(janitor), ...sleeps(clock) } })
  return await run(logic, options)
}

/** Removes what belongs to one runner pod (cleanup_job). */
export async function runJobCleanup(
  options: RunOptions<CleanupRequest, CleanupPorts, CleanupBudgets>
): Promise<CleanupOutput> {
  const { jobCleanup } = await import('../../machines/job-cleanup.ts')
  const { cleaner, clock } = options.ports
  const logic = jobCleanup.provide({ actors: { ...actorsOf(cleaner), ...sleeps(clock) } })
  return await run(logic, options)
}
