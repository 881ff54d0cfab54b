/** One scripted run of a container step from beginning to end, on simulated time: data in, history out. */
import { runContainerStep } from '../../src/effects/run/wire.ts'
import type { StepOutput } from '../../src/machines/container-step.ts'
import type { StepPorts } from '../../src/machines/ports.ts'
import type { Budgets } from '../../src/machines/stages.ts'
import { REQUEST, SECRET } from './container-step-model.ts'
import { type History, record } from './history.ts'
import { createScriptedPorts, type Script } from './scripted-ports.ts'
import { createSimulatedClock, settle } from './simulated-clock.ts'

export interface Scenario {
  readonly script: Script
  readonly budgets: Budgets
  /** Before which ticks of the clock a cancel order is given; a tick that occurs twice gets two at once. */
  readonly cancelAtTicks: readonly number[]
  /** Share of each back-off delay that is kept, 0.5 to 1. */
  readonly jitter: number
}

/** More than any scenario needs: seven stages, at most three attempts and back-offs each, three cancel orders. */
const TICKS_MAX = 200

/** Puts something between the machine and its ports, to show what the oracles say about it. */
export type Tamper = (ports: StepPorts) => StepPorts

/** Plays a scenario. Rejects when the run does not end, or the machine itself fails. */
export async function play(scenario: Scenario, tamper: Tamper = (ports) => ports): Promise<History> {
  const clock = createSimulatedClock(scenario.jitter)
  const world = createScriptedPorts(scenario.script, clock)
  const recording = record(tamper(world.ports))
  const cancelsAtMs: number[] = []
  let cancel = () => {}
  let end: { output: StepOutput; atMs: number } | undefined
  let failure: unknown
  runContainerStep({
    request: REQUEST,
    ports: recording.ports,
    budgets: scenario.budgets,
    observers: [recording.observer],
    onCancel(listener) {
      cancel = listener
      return () => {
        cancel = () => {}
      }
    }
  }).then(
    (output) => {
      end = { output, atMs: clock.now() }
    },
    (error) => {
      failure = error
    }
  )
  for (let tick = 0; ; tick++) {
    await settle()
    if (failure !== undefined) throw failure
    if (tick > TICKS_MAX) throw new Error(`the run has not ended after ${TICKS_MAX} ticks`)
    if (end === undefined) {
      for (const _ of scenario.cancelAtTicks.filter((at) => at === tick)) {
        cancelsAtMs.push(clock.now())
        cancel()
      }
      await settle()
    }
    // Calls that were abandoned may still answer after the end; nothing may come of it.
    const moved = clock.tick()
    if (!moved && end !== undefined) break
    if (!moved) throw new Error('the run waits for something that never happens')
  }
  const left = [...world.things]
  return {
    calls: recording.calls,
    facts: recording.facts,
    budgets: scenario.budgets,
    cancelsAtMs,
    endedAtMs: end.atMs,
    output: end.output,
    left,
    removedAgain: world.remove(recording.calls.findLast((call) => call.stage === 'cleaningUp')?.ledger ?? []),
    secrets: [SECRET]
  }
}
