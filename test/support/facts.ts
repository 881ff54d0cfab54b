/** Facts of a run, made by hand for the tests of what shows them. */
import type { RunFact } from '../../src/effects/run/wire.ts'
import type { Phase } from '../../src/machines/run.ts'
import type { AnyStageName } from '../../src/machines/stages.ts'

/** `building.attempting` was entered, or an end. */
export function entered(from: string, state: string, event = 'x', attempt = 1): RunFact {
  const [stage, phase] = state.split('.') as [AnyStageName, Phase?]
  return { type: 'entered', from, state, event, at: phase && { stage, phase, attempt } }
}

export const attemptFailed = (stage: AnyStageName, attempt: number, nextInMs?: number): RunFact => ({
  type: 'attemptFailed',
  stage,
  attempt,
  code: 'registry-unreachable',
  message: 'connection refused',
  retrying: nextInMs !== undefined,
  nextInMs
})
