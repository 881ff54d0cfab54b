/** The composition root of a container step: ports become the machine's actors, and the machine is run to its end. */
import { createActor, fromPromise } from 'xstate'
import { toStepError } from '../errors.ts'
import type { Budgets, StageName } from '../machines/budgets.ts'
import { type CleanUpInput, containerStep, type ImageInput, type PushInput } from '../machines/container-step.ts'
import type { Clock, StepPorts } from '../machines/ports.ts'
import type { BackOffInput, BudgetInput } from '../machines/stage.ts'
import type { BuildPlan, BuiltImage, Resolution, RunResult, StepOutput, StepRequest } from '../machines/types.ts'

/** The machine with real ports behind its actors. */
export function connect(ports: StepPorts) {
  const { resolver, builder, pusher, runner, workspace, janitor, clock } = ports
  return containerStep.provide({
    actors: {
      resolve: fromPromise<Resolution, StepRequest>(({ input, signal }) => resolver.resolve(input, signal)),
      build: fromPromise<BuiltImage, BuildPlan>(({ input, signal }) => builder.build(input, signal)),
      push: fromPromise<string, PushInput>(({ input, signal }) => pusher.push(input.plan, input.built, signal)),
      pull: fromPromise<void, ImageInput>(({ input, signal }) => runner.pull(input.image, input.request, signal)),
      run: fromPromise<RunResult, ImageInput>(({ input, signal }) => runner.run(input.image, input.request, signal)),
      collect: fromPromise<void, StepRequest>(({ input, signal }) => workspace.collect(input, signal)),
      cleanUp: fromPromise<void, CleanUpInput>(({ input, signal }) =>
        janitor.cleanUp(input.ledger, input.hurried, signal)
      ),
      ...sleeps(clock)
    }
  })
}

function sleeps(clock: Clock) {
  return {
    budget: fromPromise<void, BudgetInput>(({ input, signal }) => clock.sleep(input.ms, signal)),
    backOff: fromPromise<void, BackOffInput>(({ input, signal }) => clock.sleep(clock.jitter(input.ms), signal))
  }
}

/** What an observer of a run is told; every one is a fact about something that has happened. */
export type StepFact =
  | { readonly type: 'entered'; readonly state: string; readonly from: string; readonly event: string }
  | {
      readonly type: 'attemptFailed'
      readonly stage: StageName
      readonly attempt: number
      readonly code: string
      readonly message: string
      readonly retrying: boolean
    }

/** Told of every fact as it happens; `atMs` is the injected clock's. Must not throw. */
export type Observer = (fact: StepFact, atMs: number) => void

export interface RunOptions {
  readonly request: StepRequest
  readonly ports: StepPorts
  readonly budgets: Budgets
  readonly observers: readonly Observer[]
  /** Calls its argument for every cancel order (SIGINT, then SIGTERM); returns how to stop listening. */
  readonly onCancel?: (cancel: () => void) => () => void
}

/** Runs one container step to its end. Resolves with the output whatever happened; rejects only on a bug in the machine. */
export async function runContainerStep(options: RunOptions): Promise<StepOutput> {
  const { request, ports, budgets, observers } = options
  const tell = (fact: StepFact) => {
    for (const observer of observers) observer(fact, ports.clock.now())
  }
  let state = ''
  const actor = createActor(connect(ports), {
    input: { request, budgets, now: () => ports.clock.now() },
    inspect(event) {
      if (event.type !== '@xstate.snapshot' || event.actorRef !== actor) return
      const snapshot = actor.getSnapshot()
      const next = pathOf(snapshot.value)
      const failed = /^xstate\.error\.actor\.(.+)$/.exec(event.event.type)
      if (failed !== null) {
        const stage = failed[1] as StageName
        const error = toStepError((event.event as unknown as { error: unknown }).error)
        const attempt = snapshot.context.stages[stage]?.attempts ?? 0
        const retrying = next === `${stage}.backingOff`
        tell({ type: 'attemptFailed', stage, attempt, code: error.code, message: error.message, retrying })
      }
      if (next !== state) {
        tell({ type: 'entered', state: next, from: state, event: event.event.type })
        state = next
      }
    }
  })
  const stopListening = options.onCancel?.(() => actor.send({ type: 'CANCEL' }))
  try {
    return await new Promise<StepOutput>((resolve, reject) => {
      actor.subscribe({
        complete: () => resolve(actor.getSnapshot().output as StepOutput),
        error: reject
      })
      actor.start()
    })
  } finally {
    stopListening?.()
  }
}

/** `building.attempting` for `{building: 'attempting'}`. */
function pathOf(value: unknown): string {
  if (typeof value === 'string') return value
  const [entry] = Object.entries(value as Record<string, unknown>)
  return entry === undefined ? '' : `${entry[0]}.${pathOf(entry[1])}`
}
