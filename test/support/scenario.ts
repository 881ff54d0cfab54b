/** One scripted run of a machine from beginning to end, on simulated time: data in, history out. */
import { SECRET } from './container-step-model.ts'
import { type History, type MachineId, type RunOutput, record } from './history.ts'
import type { Script } from './script.ts'
import { type AnyPorts, SCRIPTED } from './scripted-machines.ts'
import { createScriptedPorts } from './scripted-ports.ts'
import { createSimulatedClock, settle } from './simulated-clock.ts'

export interface Scenario {
  readonly machine: MachineId
  readonly script: Script
  readonly budgets: History['budgets']
  /** Before which ticks of the clock a cancel order is given; a tick that occurs twice gets two at once. */
  readonly cancelAtTicks: readonly number[]
  /** Share of each back-off delay that is kept, 0.5 to 1. */
  readonly jitter: number
}

/** More than any scenario needs: seven stages, at most three attempts and back-offs each, three cancel orders. */
const TICKS_MAX = 200

/** Puts something between the machine and its ports, to show what the oracles say about it. */
export type Tamper = (ports: AnyPorts) => AnyPorts

/** Plays a scenario. Rejects when the run does not end, or the machine itself fails. */
export async function play(scenario: Scenario, tamper: Tamper = (ports) => ports): Promise<History> {
  const clock = createSimulatedClock(scenario.jitter)
  const machine = SCRIPTED[scenario.machine]
  const backend = createScriptedPorts(machine, scenario.script, clock)
  const recording = record(machine.id, tamper(backend.ports))
  const cancelsAtMs: number[] = []
  let cancel = () => {}
  let end: { output: RunOutput; atMs: number } | undefined
  let failure: unknown
  const run = machine.run({
    ports: recording.ports,
    budgets: scenario.budgets,
    observers: [recording.observer],
    onCancel(listener) {
      cancel = listener
      return () => {
        cancel = () => {}
      }
    }
  })
  run.then(
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
  const left = [...backend.things]
  return {
    machine: machine.id,
    calls: recording.calls,
    facts: recording.facts,
    budgets: scenario.budgets,
    cancelsAtMs,
    endedAtMs: end.atMs,
    output: end.output,
    left,
    removedAgain: backend.remove(recording.calls.findLast((call) => call.stage === 'cleaningUp')?.ledger ?? []),
    secrets: [SECRET]
  }
}
