/** Drives a production machine along a path on a real actor whose every effect is a promise that the path settles. */
import {
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  fromPromise,
  SimulatedClock
} from 'xstate'
import { TestModel } from 'xstate/graph'
import {
  allStates,
  allTransitions,
  edgePaths,
  type MachineModel,
  type ModelEvent,
  type ModelPath,
  onTransition,
  traversalOf
} from './machine-graph.ts'

interface Deferred {
  readonly resolve: (output: unknown) => void
  readonly reject: (error: unknown) => void
  readonly signal: AbortSignal
}

export interface Driven {
  snapshot(): AnyMachineSnapshot
  /** Lets one event of a path happen. Rejects when it is the answer of an actor that is not running. */
  apply(event: ModelEvent): Promise<void>
  stop(): void
  /** Keys of the transitions taken, and ids of the states entered. */
  readonly taken: ReadonlySet<string>
  readonly entered: ReadonlySet<string>
}

/** Starts with `xstate.init`. XState's clock is simulated and never moves, so that nothing happens by itself. */
export function drive(machine: AnyStateMachine, input: unknown): Driven {
  const pending = new Map<string, Deferred>()
  const taken = new Set<string>()
  const entered = new Set<string>()
  const deferred = fromPromise(
    ({ self, signal }: { self: AnyActorRef; signal: AbortSignal }) =>
      new Promise((resolve, reject) => pending.set(self.id, { resolve, reject, signal }))
  )
  const sources = Object.keys(machine.implementations.actors)
  const actor = createActor(machine.provide({ actors: Object.fromEntries(sources.map((name) => [name, deferred])) }), {
    input,
    clock: new SimulatedClock(),
    inspect: onTransition((key) => taken.add(key))
  })
  let failure: unknown
  actor.subscribe({
    error: (error) => {
      failure = error
    }
  })
  const settle = (actorId: string, event: ModelEvent) => {
    const answer = pending.get(actorId)
    if (answer === undefined || answer.signal.aborted) throw new Error(`${actorId} is not running`)
    if ('error' in event) answer.reject(event.error)
    else answer.resolve(event.output)
  }
  return {
    snapshot: () => actor.getSnapshot(),
    async apply(event) {
      const [, actorId] = /^xstate\.(?:done|error)\.actor\.(.+)$/.exec(event.type) ?? []
      if (event.type === 'xstate.init') actor.start()
      else if (actorId !== undefined) settle(actorId, event)
      else actor.send(event)
      await new Promise(setImmediate)
      if (failure !== undefined) throw failure
      for (const node of actor.getSnapshot()._nodes) entered.add(node.id)
    },
    stop: () => actor.stop(),
    taken,
    entered
  }
}

/** Walks one path; throws as soon as the actor is elsewhere than the path says. */
export async function walk(model: MachineModel, path: ModelPath): Promise<Driven> {
  const driven = drive(model.machine, model.input)
  const check = (expected: AnyMachineSnapshot) => {
    const [actual, wanted] = [model.keyOf(driven.snapshot()), model.keyOf(expected)]
    if (actual !== wanted) throw new Error(`the actor is in ${actual} where the path says ${wanted}`)
  }
  // An event without an executor would pass in silence, so every event has one.
  const events = new Proxy({}, { get: () => (step: { event: ModelEvent }) => driven.apply(step.event) })
  try {
    await new TestModel(model.machine, traversalOf(model) as object).testPath(path as never, {
      events,
      states: { '*': check as never }
    })
  } finally {
    driven.stop()
  }
  return driven
}

interface Share {
  readonly taken: number
  readonly all: number
  readonly missing: readonly string[]
}

/** What paths leave out of a machine. */
export interface Coverage {
  readonly transitions: Share
  readonly states: Share
}

/** Walks paths (all edge paths by default) on real actors, and compares with what the machine declares. */
export async function measureCoverage(model: MachineModel, paths = edgePaths(model)): Promise<Coverage> {
  const taken = new Set<string>()
  const entered = new Set<string>()
  for (const path of paths) {
    const driven = await walk(model, path)
    for (const key of driven.taken) taken.add(key)
    for (const id of driven.entered) entered.add(id)
  }
  const share = (all: ReadonlySet<string>, reached: ReadonlySet<string>): Share => {
    const missing = [...all].filter((name) => !reached.has(name))
    return { taken: all.size - missing.length, all: all.size, missing }
  }
  return {
    transitions: share(allTransitions(model.machine), taken),
    states: share(allStates(model.machine), entered)
  }
}

/** Throws, naming them, when there are transitions or states that no path has reached. */
export function assertFullCoverage({ transitions, states }: Coverage): void {
  const missing = [...transitions.missing, ...states.missing]
  if (missing.length > 0) throw new Error(`never reached:\n  ${missing.join('\n  ')}`)
}
