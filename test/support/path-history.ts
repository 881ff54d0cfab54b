/** A path of the model suite, walked through the production runner of machines and then to an end: as a history for the oracles. */
import { type AnyActorRef, type AnyStateMachine, fromPromise } from 'xstate'
import { runMachine } from '../../src/effects/run/run-machine.ts'
import type { TryEvent } from '../../src/machines/inputs.ts'
import type { Telling } from '../../src/machines/repeating-stage.ts'
import type { AnyStageName } from '../../src/machines/stages.ts'
import type { Resolution } from '../../src/machines/types.ts'
import { RESOLVED } from '../model/walk.ts'
import { SECRET } from './container-step-model.ts'
import { type Call, createCallNotes, type History, noteTold, type RunOutput } from './history.ts'
import type { ModelEvent, ModelPath } from './machine-graph.ts'
import type { ScriptedMachine } from './scripted-machines.ts'
import { settle } from './simulated-clock.ts'
import { createThings } from './things.ts'

interface Deferred {
  readonly resolve: (output: unknown) => void
  readonly reject: (error: unknown) => void
  readonly signal: AbortSignal
}

/** What a path's answers decide. */
function decisionsOf(events: readonly ModelEvent[]) {
  const said = events.map(({ says }) => says)
  const resolution = Object.entries(RESOLVED).find(([, words]) => said.includes(words))?.[0] as Resolution['kind']
  return { resolution: resolution ?? 'prebuilt', exitCode: said.includes('exited with 3') ? 3 : 0 } as const
}

/** More than any path has: what is left of it goes well. */
const STEPS_MAX = 20

/** `machine`: the one to walk, when that is not the model's own. Rejects when the path cannot be walked to an end. */
export async function playPath(
  scripted: ScriptedMachine,
  path: ModelPath,
  machine: AnyStateMachine = scripted.model.machine
): Promise<History> {
  const { model, id } = scripted
  const events = path.steps.map(({ event }) => event)
  const things = createThings(scripted, decisionsOf(events))
  const pending = new Map<string, Deferred>()
  const facts: { fact: History['facts'][number]['fact']; atMs: number }[] = []
  const cancelsAtMs: number[] = []
  let nowMs = 0
  const now = () => nowMs
  const { calls, note } = createCallNotes({ now })
  const wait = (actorId: string, signal: AbortSignal) =>
    new Promise((resolve, reject) => pending.set(actorId, { resolve, reject, signal }))
  const perform = async (call: Call): Promise<unknown> => {
    things.begin(call.stage)
    const output = await wait(call.stage, call.signal)
    if (call.stage === 'cleaningUp') things.remove(calls.at(-1)?.ledger ?? [])
    else things.done(call.stage)
    return output
  }
  const actor = fromPromise(
    async ({ self, input, signal }: { self: AnyActorRef; input: unknown; signal: AbortSignal }) => {
      if (self.id.includes('.')) return await wait(self.id, signal)
      tell = (input as Partial<Telling<object>>).tell ?? tell
      const call = { stage: self.id as AnyStageName, args: [input], signal }
      return await note(call, () => perform(call))
    }
  )
  const actors = Object.fromEntries(Object.keys(machine.implementations.actors).map((name) => [name, actor]))
  let cancel = () => {}
  let tell: Telling<object>['tell'] = () => {}
  let output: RunOutput | undefined
  let failure: unknown
  const clock = { now, jitter: (ms: number) => ms, sleep: () => Promise.reject(new Error('nothing sleeps here')) }
  const onCancel = (listener: () => void) => {
    cancel = listener
    return () => {}
  }
  const input = { ...(model.input as object), now }
  runMachine(machine.provide({ actors }), input, {
    clock,
    observers: [(fact, atMs) => facts.push({ fact, atMs })],
    onCancel
  }).then(
    (result) => {
      output = result as RunOutput
    },
    (error) => {
      failure = error
    }
  )
  const apply = async (event: Pick<ModelEvent, 'type' | 'output' | 'error'>) => {
    nowMs += 1
    const [, actorId] = /^xstate\.(?:done|error)\.actor\.(.+)$/.exec(event.type) ?? []
    if (event.type === 'CANCEL') {
      cancelsAtMs.push(nowMs)
      cancel()
    } else if (event.type.startsWith('TRY_')) {
      noteTold(calls, event.type)
      tell(event as TryEvent)
    } else if (actorId !== undefined) {
      const answer = pending.get(actorId)
      if (answer === undefined || answer.signal.aborted) throw new Error(`${actorId} is not running`)
      pending.delete(actorId)
      if ('error' in event) answer.reject(event.error)
      else answer.resolve(event.output)
    }
    await settle()
    if (failure !== undefined) throw failure
  }
  await settle()
  for (const event of events) await apply(event)
  for (let step = 0; output === undefined; step += 1) {
    if (step > STEPS_MAX) throw new Error('the path comes to no end')
    const running = [...pending].filter(([, { signal }]) => !signal.aborted).map(([actorId]) => actorId)
    const actorId = running.find((name) => name.endsWith('.backOff')) ?? running.find((name) => !name.includes('.'))
    const answer = model.answersOf(actorId ?? '').find((one) => !('error' in one))
    await apply({ type: `xstate.done.actor.${actorId}`, output: answer?.output })
  }
  const ledger = calls.findLast(({ stage }) => stage === 'cleaningUp')?.ledger ?? []
  const left = [...things.all]
  const removedAgain = things.remove(ledger)
  const { budgets } = model.input as Pick<History, 'budgets'>
  return {
    machine: id,
    calls,
    facts,
    budgets,
    cancelsAtMs,
    endedAtMs: nowMs,
    output,
    left,
    removedAgain,
    secrets: [SECRET]
  }
}
