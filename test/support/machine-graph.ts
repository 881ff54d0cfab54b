/** The graph of any machine and shortest paths that take each of its transitions, for the model suites. */
import {
  type AnyActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyTransitionDefinition,
  createActor,
  type EventObject,
  fromTransition,
  type InspectionEvent,
  __unsafe_getAllOwnEventDescriptors as ownEventTypes
} from 'xstate'
import { adjacencyMapToArray, getAdjacencyMap, getShortestPaths, getStateNodes, type StatePath } from 'xstate/graph'

/** One way an actor can answer its machine; `says` is how test titles call it, and tells the answers of one actor apart. */
export interface Answer {
  readonly says: string
  readonly output?: unknown
  readonly error?: unknown
}

/** A machine, and what has to be known to walk it without its effects. */
export interface MachineModel {
  readonly machine: AnyStateMachine
  readonly input: unknown
  /** Everything that the actor with this id may answer, or that an event of this type may tell; nothing where it has no data. */
  readonly answersOf: (actorId: string) => readonly Answer[]
  /** Equal for snapshots that behave alike: state and what guards read of the context. Has to be bounded. */
  readonly keyOf: (snapshot: AnyMachineSnapshot) => string
}

/** An event of a path, with the words for it. */
export interface ModelEvent extends EventObject {
  readonly says: string
  readonly output?: unknown
  readonly error?: unknown
}

export type ModelPath = StatePath<AnyMachineSnapshot, ModelEvent>

/** Bound on the traversal; XState throws when a model's keys are not bounded. */
const TRAVERSALS_MAX = 20_000

/** `container-step.building|CANCEL|0`: source state, event, position among the transitions for that event. */
export function transitionKey(transition: AnyTransitionDefinition): string {
  const { source, eventType } = transition
  const siblings = eventType === '' ? source.always : source.transitions.get(eventType)
  return `${source.id}|${eventType || 'always'}|${siblings?.indexOf(transition) ?? -1}`
}

const nodesOf = (machine: AnyStateMachine) => [machine.root, ...getStateNodes(machine)]

/** Keys of all transitions a machine declares. */
export function allTransitions(machine: AnyStateMachine): ReadonlySet<string> {
  const declared = nodesOf(machine).flatMap((node) => [
    ...[...node.transitions.values()].flat(),
    ...(node.always ?? [])
  ])
  return new Set(declared.map(transitionKey))
}

/** Ids of all states a machine declares, the machine itself left out. */
export function allStates(machine: AnyStateMachine): ReadonlySet<string> {
  return new Set(getStateNodes(machine).map((node) => node.id))
}

/** An `inspect` option that hands over the key of every transition taken. */
export const onTransition = (tell: (key: string) => void) => (event: InspectionEvent) => {
  if (event.type !== '@xstate.microstep') return
  for (const transition of event._transitions) tell(transitionKey(transition))
}

/** Every event that can happen in a snapshot: orders, delays, and each answer of each actor it waits for. */
function eventsOf(model: MachineModel, snapshot: AnyMachineSnapshot): readonly ModelEvent[] {
  if (snapshot.status !== 'active') return []
  return ownEventTypes(snapshot).flatMap((type): ModelEvent[] => {
    // XState raises these itself; offered from outside, they would end regions that are not done.
    if (type.startsWith('xstate.done.state.')) return []
    const actor = /^xstate\.(done|error)\.actor\.(.+)$/.exec(type)
    if (actor === null) {
      const told = model.answersOf(type)
      return (told.length > 0 ? told : [{ says: type.toLowerCase() }]).map((one) => ({ ...one, type }))
    }
    const [, ending, actorId = ''] = actor
    const answers = model.answersOf(actorId).filter((answer) => 'error' in answer === (ending === 'error'))
    if (answers.length === 0) throw new Error(`the model has no answer for ${type}`)
    return answers.map((answer) => ({ ...answer, type, actorId }))
  })
}

const eventKey = (event: ModelEvent) => `${event.type} ${event.says}`

/** Options for xstate/graph: one vertex for every different snapshot. */
export const traversalOf = (model: MachineModel) => ({
  input: model.input,
  events: (snapshot: AnyMachineSnapshot) => eventsOf(model, snapshot),
  serializeState: model.keyOf,
  serializeEvent: eventKey,
  limit: TRAVERSALS_MAX
})

/** One event in one situation; snapshots with the same key are one situation. */
export interface Edge {
  readonly state: AnyMachineSnapshot
  readonly event: ModelEvent
  readonly nextState: AnyMachineSnapshot
}

/** Everything that can happen in every situation a machine can get into. */
export function edgesOf(model: MachineModel): readonly Edge[] {
  return adjacencyMapToArray(getAdjacencyMap(model.machine, traversalOf(model) as object)) as unknown as Edge[]
}

/** A step without side effects that tells which transitions it takes, in order. */
export function createPureStep(machine: AnyStateMachine) {
  let taken: string[] = []
  const host = createActor(
    fromTransition((state) => state, null),
    { inspect: onTransition((key) => taken.push(key)) }
  )
  const nothing = () => {}
  // ActorScope is internal to XState; package-lock.json pins the version that this fits.
  const scope = {
    self: host,
    system: host.system,
    logger: nothing,
    id: 'pure',
    sessionId: 'pure',
    defer: nothing,
    stopChild: nothing,
    emit: nothing,
    actionExecutor: nothing
  } as unknown as AnyActorScope
  return (snapshot: AnyMachineSnapshot, event: EventObject): readonly string[] => {
    taken = []
    machine.transition(snapshot, event, scope)
    return taken
  }
}

/**
 * Shortest paths that together take every transition which can be taken: one for each transition, ending with it, unless an
 * earlier path has taken it on its way.
 */
export function edgePaths(model: MachineModel): readonly ModelPath[] {
  // One vertex for each way into a snapshot, so that there is a shortest path over every edge and not just to every state.
  const serializeState = (snapshot: AnyMachineSnapshot, event?: ModelEvent, previous?: AnyMachineSnapshot) =>
    [model.keyOf(snapshot), event && eventKey(event), previous && model.keyOf(previous)].join(' <- ')
  const paths = getShortestPaths(model.machine, { ...traversalOf(model), serializeState } as object)
  const step = createPureStep(model.machine)
  const seen = new Set<string>()
  const takesSomethingNew = (path: ModelPath) => {
    const before = path.steps.at(-2)
    const last = path.steps.at(-1)
    if (before === undefined || last === undefined) return false
    const fresh = step(before.state, last.event).filter((key) => !seen.has(key))
    for (const key of fresh) seen.add(key)
    return fresh.length > 0
  }
  return (paths as unknown as ModelPath[])
    .toSorted((one, other) => one.steps.length - other.steps.length)
    .filter(takesSomethingNew)
}

/** `pulling` for `{pulling: 'attempting'}`, `building.backingOff` for `{building: 'backingOff'}`. */
function stateName(value: unknown): string {
  if (typeof value === 'string') return value
  return Object.entries(value as object)
    .map(([key, inner]) => `${key}.${stateName(inner)}`)
    .join(' and ')
    .replaceAll(/\.(attempting|trying)/g, '')
}

/** `reaches pulling: to build, built, pushed`. */
export function titleOf(path: ModelPath): string {
  const events = path.steps.slice(1).map((step) => step.event.says)
  return `reaches ${stateName(path.state.value)}: ${events.join(', ')}`
}
