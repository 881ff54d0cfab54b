/** Compares a machine with the reference, event by event and both ways, in every situation that it can get into. */
import { type AnyMachineSnapshot, initialTransition, transition } from 'xstate'
import type { AnyStageName } from '../../src/machines/stages.ts'
import { createPureStep, type MachineModel, type ModelEvent } from '../support/machine-graph.ts'
import { begin, exitCodeOf, next, type Rules, type Situation } from './reference.ts'

/** What the reference calls an event: `resolving failed for good`. */
function wordsFor({ type, says }: ModelEvent): string {
  const [, stage, part] = /^xstate\.(?:done|error)\.actor\.([^.]+)(?:\.(.+))?$/.exec(type) ?? []
  if (type.startsWith('xstate.error.')) return `${stage} ${says.slice(says.indexOf('failed'))}`
  return part === 'backOff' ? `${stage} ${says}` : says
}

/** Everything that may happen to a run, whether it can there or not. */
function allEvents({ answersOf }: MachineModel, stages: readonly string[]): readonly ModelEvent[] {
  const actors = stages.flatMap((stage) => [stage, `${stage}.budget`, `${stage}.backOff`])
  const answers = actors.flatMap((actorId) =>
    answersOf(actorId).map((answer) => ({
      ...answer,
      type: `xstate.${'error' in answer ? 'error' : 'done'}.actor.${actorId}`,
      actorId
    }))
  )
  const told = ['TRY_FAILED', 'TRY_STARTED'].flatMap((type) => answersOf(type).map((one) => ({ ...one, type })))
  return [...answers, ...told, { type: 'CANCEL', says: 'cancel' }]
}

const pathOf = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : (Object.entries(value as object).map(([key, inner]) => `${key}.${pathOf(inner)}`)[0] ?? '')

export function nameOf({ stages, repeats }: Rules, { stage, waits }: Situation): string {
  if (stages[stage] === undefined) return stage
  if (repeats?.includes(stage)) return `${stage}.${waits ? 'waitingForNextTry' : 'trying'}`
  return `${stage}.${waits ? 'backingOff' : 'attempting'}`
}

/** In which ways a machine and the reference differ, one line each; a machine that fails on the way differs, too. */
function* differences(model: MachineModel, rules: Rules): Generator<string> {
  const { machine } = model
  const stages = Object.keys(rules.stages) as AnyStageName[]
  const events = allEvents(model, stages)
  const input = model.input as { readonly budgets: Readonly<Record<string, { readonly attemptsMax: number }>> }
  const step = createPureStep(machine)
  const seen = new Set<string>()
  const [first] = initialTransition(machine, model.input)
  const queue: [AnyMachineSnapshot, Situation][] = [[first as AnyMachineSnapshot, begin(rules)]]
  for (const type of machine.events) {
    const isKnown = events.some((event) => event.type === type) || type.startsWith('xstate.')
    if (!isKnown) yield `the reference knows no ${type}`
  }
  for (let pair = queue.shift(); pair !== undefined; pair = queue.shift()) {
    const [snapshot, situation] = pair
    const key = `${model.keyOf(snapshot)} ${JSON.stringify(situation)}`
    if (seen.has(key)) continue
    seen.add(key)
    const name = nameOf(rules, situation)
    if (pathOf(snapshot.value) !== name) yield `in ${pathOf(snapshot.value)} where the reference is in ${name}`
    else if (snapshot.status === 'done') yield* atTheEnd(snapshot, situation)
    else {
      for (const event of events) {
        const words = wordsFor(event)
        const isTaken = step(snapshot, event).length > 0
        const attemptsMax = input.budgets[situation.stage]?.attemptsMax ?? 1
        const wanted = next(rules, situation, words, attemptsMax)
        if (isTaken !== (wanted !== undefined)) yield `${name}: ${words} ${isTaken ? 'is' : 'is not'} taken`
        if (!isTaken || wanted === undefined) continue
        const [after] = transition(machine, snapshot, event)
        const [reached, expected] = [pathOf(after.value), nameOf(rules, wanted)]
        if (reached !== expected) yield `${name}: ${words} leads to ${reached}, and not to ${expected}`
        else queue.push([after as AnyMachineSnapshot, wanted])
      }
    }
  }
}

/** All of them; none when they are the same machine. */
export const disagreements = (model: MachineModel, rules: Rules): readonly string[] => [
  ...new Set(differences(model, rules))
]

/** Whether they are the same machine: ends with the first difference. */
export function agrees(model: MachineModel, rules: Rules): boolean {
  try {
    return differences(model, rules).next().done === true
  } catch {
    return false
  }
}

function atTheEnd({ output }: AnyMachineSnapshot, situation: Situation): readonly string[] {
  const { outcome, exitCode } = output as { readonly outcome: string; readonly exitCode: number }
  const expected = exitCodeOf(situation)
  return [
    ...(outcome === situation.stage ? [] : [`ends as ${outcome} in ${situation.stage}`]),
    ...(exitCode === expected ? [] : [`${outcome} with exit code ${exitCode}, and not ${expected}`])
  ]
}
