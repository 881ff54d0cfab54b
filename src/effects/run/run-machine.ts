/** Runs any of the machines to its end, telling observers what happens, for the composition root. */
import { type AnyActorLogic, createActor, type InputFrom, type OutputFrom } from 'xstate'
import { toStepError } from '../../errors.ts'
import type { AnyStageName } from '../../machines/budgets.ts'
import type { Clock } from '../../machines/ports.ts'
import type { CancelEvent, StageRecord } from '../../machines/types.ts'

/** What an observer of a run is told; every one is a fact about something that has happened. */
export type StepFact =
  | { readonly type: 'entered'; readonly state: string; readonly from: string; readonly event: string }
  | {
      readonly type: 'attemptFailed'
      readonly stage: AnyStageName
      readonly attempt: number
      readonly code: string
      readonly message: string
      readonly retrying: boolean
    }

/** Told of every fact as it happens; `atMs` is the injected clock's. Must not throw. */
export type Observer = (fact: StepFact, atMs: number) => void

export interface RunControl {
  readonly clock: Clock
  readonly observers: readonly Observer[]
  /** Calls its argument for every cancel order (SIGINT, then SIGTERM); returns how to stop listening. */
  readonly onCancel?: ((cancel: () => void) => () => void) | undefined
}

interface MachineSnapshot {
  readonly value: unknown
  readonly context: { readonly stages: Readonly<Record<string, StageRecord | undefined>> }
}

/** Resolves with the machine's output whatever happened; rejects only on a bug in the machine. */
export async function runMachine<Logic extends AnyActorLogic>(
  logic: Logic,
  input: InputFrom<Logic>,
  control: RunControl
): Promise<OutputFrom<Logic>> {
  const tell = (fact: StepFact) => {
    for (const observer of control.observers) observer(fact, control.clock.now())
  }
  let state = ''
  const actor = createActor(logic as AnyActorLogic, {
    input,
    inspect(event) {
      if (event.type !== '@xstate.snapshot' || event.actorRef !== actor) return
      const { value, context } = actor.getSnapshot() as unknown as MachineSnapshot
      const next = pathOf(value)
      const failed = /^xstate\.error\.actor\.(.+)$/.exec(event.event.type)
      if (failed !== null) {
        const stage = failed[1] as AnyStageName
        const error = toStepError((event.event as unknown as { error: unknown }).error)
        const attempt = context.stages[stage]?.attempts ?? 0
        const retrying = next === `${stage}.backingOff`
        tell({ type: 'attemptFailed', stage, attempt, code: error.code, message: error.message, retrying })
      }
      if (next !== state) {
        tell({ type: 'entered', state: next, from: state, event: event.event.type })
        state = next
      }
    }
  })
  const cancel: CancelEvent = { type: 'CANCEL' }
  const stopListening = control.onCancel?.(() => actor.send(cancel))
  try {
    return await new Promise<OutputFrom<Logic>>((resolve, reject) => {
      actor.subscribe({
        complete: () => resolve(actor.getSnapshot().output as OutputFrom<Logic>),
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
