/** Ports that do what a script says, on a simulated clock, with a list of the things that can be left behind. */
import { type ErrorCode, StepError } from '../../src/errors.ts'
import type { CleanUpInput, PushInput, Tries, TryEvent } from '../../src/machines/inputs.ts'
import { entryName, type Ledger } from '../../src/machines/ledger.ts'
import type { Clock } from '../../src/machines/ports.ts'
import type { AnyStageName } from '../../src/machines/stages.ts'
import { type Call, portsOf } from './history.ts'
import type { Behaviour, Script } from './script.ts'
import type { AnyPorts, ScriptedMachine } from './scripted-machines.ts'
import { createThings } from './things.ts'

export interface ScriptedBackend {
  readonly ports: AnyPorts
  /** `kind name` of everything that was created and not removed. */
  readonly things: ReadonlySet<string>
  /** Removes what these names stand for, without a script; returns what was there. */
  remove(names: readonly string[]): readonly string[]
}

type Tell = (event: TryEvent) => void
const isTelling = (given: unknown): given is Tell => typeof given === 'function'
/** A push that fails so has nobody left who could try again. */
const ENDS: readonly ErrorCode[] = ['layout-lost', 'builder-lost', 'push-failed']

const atOnce: Behaviour = { does: 'succeed', afterMs: 0 }

/** Ports for one run. What a stage creates is there as soon as it is called. */
export function createScriptedPorts(machine: ScriptedMachine, script: Script, clock: Clock): ScriptedBackend {
  const things = createThings(machine, script)
  const counts = new Map<AnyStageName, number>()

  const errorFor = (code: ErrorCode) =>
    code === 'internal' ? new TypeError('scripted bug') : new StepError(code, `scripted ${code}`)
  /** `failing` runs when the script says that the call fails, and may throw something better than the plain error. */
  const perform = async ({ stage, signal }: Call, failing: (code: ErrorCode) => void = () => {}) => {
    const count = counts.get(stage) ?? 0
    counts.set(stage, count + 1)
    const behaviour = script.calls[stage]?.[count] ?? atOnce
    if (behaviour.does === 'hangUntilAborted') return await clock.sleep(Number.POSITIVE_INFINITY, signal)
    const deaf = behaviour.does === 'succeedDespiteAbort'
    await clock.sleep(behaviour.afterMs, deaf ? new AbortController().signal : signal)
    if (behaviour.does !== 'fail') return
    failing(behaviour.code)
    throw errorFor(behaviour.code)
  }
  /** Removes all but the first thing there is, as a janitor does that fails half-way. */
  const removeSome = (ledger: Ledger) => (code: ErrorCode) => {
    const [kept, ...removed] = ledger.map(entryName).filter((name) => things.all.has(name))
    things.remove(removed)
    if (code === 'cleanup-failed') {
      throw new StepError(code, 'scripted cleanup-failed', { remaining: kept === undefined ? [] : [kept] })
    }
  }
  const cleanUp = async (call: Call) => {
    const { ledger } = call.args[0] as CleanUpInput
    await perform(call, removeSome(ledger))
    things.remove(ledger.map(entryName))
  }
  /** Tries again after every failure that others may get over: whether there is another try is the machine's to say. */
  const performTries = async (call: Call, { backOffMs }: Tries, tell: Tell) => {
    for (;;) {
      try {
        return await perform(call)
      } catch (thrown) {
        if (!(thrown instanceof StepError) || call.signal.aborted || ENDS.includes(thrown.code)) throw thrown
        tell({ type: 'TRY_FAILED', error: thrown })
      }
      await clock.sleep(backOffMs, call.signal)
      tell({ type: 'TRY_STARTED' })
    }
  }
  const ports = portsOf<AnyPorts>(machine.id, clock, () => async (call) => {
    if (call.stage === 'cleaningUp') return await cleanUp(call)
    things.begin(call.stage)
    const [input, tell] = call.args
    if (isTelling(tell)) await performTries(call, (input as PushInput).tries, tell)
    else await perform(call)
    return things.done(call.stage)
  })
  return { ports, things: things.all, remove: things.remove }
}
