/**
 * A stage whose actor tries again by itself, as the container does that pushes (docs/adr/0014): one actor as long as the stage
 * lasts, and states that say how far it is. trying <-> waitingForNextTry under one time budget; it may be done in either.
 */

import type { TryEvent } from './inputs.ts'
import { type AnyContext, type Options, parts, type StageInMachine, tellEntered } from './stage.ts'

/** Input of such an actor: `tell` is how its machine hears of its tries. */
export type Telling<Input> = Input & { readonly tell: (event: TryEvent) => void }

interface Invoked {
  readonly context: AnyContext
  readonly self: { readonly send: (event: TryEvent) => void }
}

export function repeating(stageInMachine: StageInMachine, options: Options) {
  const { name } = stageInMachine
  const { frame, begun, invoke, canRetry, retry, permanent } = parts(stageInMachine, options)
  return {
    ...frame,
    invoke: [
      {
        ...invoke,
        input: ({ context, self }: Invoked): Telling<object> => ({
          ...(options.input(context) as object),
          tell: (event) => self.send(event)
        }),
        onError: permanent
      },
      frame.invoke
    ],
    initial: 'trying',
    states: {
      trying: {
        entry: [begun, tellEntered(name, 'attempting', 'trying')],
        on: {
          TRY_FAILED: [
            { guard: canRetry, description: 'retryable, tries left', target: 'waitingForNextTry', actions: retry },
            { ...permanent, description: 'permanent, or no try left' }
          ]
        }
      },
      waitingForNextTry: {
        entry: tellEntered(name, 'backingOff', 'waitingForNextTry'),
        on: { TRY_STARTED: { target: 'trying' } }
      }
    }
  }
}
