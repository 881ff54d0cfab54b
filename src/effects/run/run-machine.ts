/** Runs any of the machines to its end, telling observers what it tells, for the composition root. */
import { type AnyActorLogic, createActor, type InputFrom, type OutputFrom } from 'xstate'
import type { Clock } from '../../machines/ports.ts'
import type { CancelEvent, Fact } from '../../machines/run.ts'

/** What an observer is told: what the machine tells, and for a state that was entered also the one before. */
export type RunFact =
  | (Extract<Fact, { type: 'entered' }> & { readonly from: string })
  | Exclude<Fact, { type: 'entered' }>

/** Told of every fact as it happens; `atMs` is the injected clock's. Must not throw. */
export type Observer = (fact: RunFact, atMs: number) => void

export interface RunControl {
  readonly clock: Clock
  readonly observers: readonly Observer[]
  /** Calls its argument for every cancel signal (SIGINT, then SIGTERM); returns how to stop listening. */
  readonly onCancel?: ((cancel: () => void) => () => void) | undefined
}

/** Resolves with the machine's output whatever happened; rejects only on a bug in the machine. */
export async function runMachine<Logic extends AnyActorLogic>(
  logic: Logic,
  input: InputFrom<Logic>,
  { clock, observers, onCancel }: RunControl
): Promise<OutputFrom<Logic>> {
  const actor = createActor(logic as AnyActorLogic, { input })
  let from = ''
  actor.on('*', (emitted: Fact) => {
    const fact: RunFact = emitted.type === 'entered' ? { ...emitted, from } : emitted
    if (emitted.type === 'entered') from = emitted.state
    for (const observer of observers) observer(fact, clock.now())
  })
  const cancel: CancelEvent = { type: 'CANCEL' }
  const stopListening = onCancel?.(() => {
    // Two signals may come at once, and the first one end the machine.
    if (actor.getSnapshot().status === 'active') actor.send(cancel)
  })
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
