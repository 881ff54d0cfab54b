/** Ports that do what a script says, on a simulated clock, in a small world of things that can be left behind. */
import { type ErrorCode, StepError } from '../../src/errors.ts'
import type { StageName } from '../../src/machines/budgets.ts'
import { entryName, type Ledger } from '../../src/machines/ledger.ts'
import type { Clock, StepPorts } from '../../src/machines/ports.ts'
import type { Resolution } from '../../src/machines/types.ts'
import { DIGEST, PUSHED_IMAGE, RESOLUTIONS } from './container-step-model.ts'

/** What one call of a port does. The code `internal` stands for an error that is no StepError. */
export type Behaviour =
  | { readonly does: 'succeed'; readonly afterMs: number }
  | { readonly does: 'fail'; readonly afterMs: number; readonly code: ErrorCode }
  | { readonly does: 'hangUntilAborted' }
  | { readonly does: 'succeedDespiteAbort'; readonly afterMs: number }

export interface Script {
  readonly resolution: Resolution['kind']
  readonly exitCode: number
  /** Behaviour of the first, second, ... call; calls beyond the list succeed at once. */
  readonly calls: Readonly<Record<StageName, readonly Behaviour[]>>
}

export interface ScriptedWorld {
  readonly ports: StepPorts
  /** `kind name` of everything that was created and not removed. */
  readonly things: ReadonlySet<string>
  /** Removes what these names stand for, without a script; returns what was there. */
  remove(names: readonly string[]): readonly string[]
}

const atOnce: Behaviour = { does: 'succeed', afterMs: 0 }

/** Ports for one step. Building and pulling create what the resolution announces as soon as they are called. */
export function createScriptedPorts(script: Script, clock: Clock): ScriptedWorld {
  const things = new Set<string>()
  const counts = new Map<StageName, number>()
  const resolution = RESOLUTIONS[script.resolution]

  const create = (list: Ledger) => {
    for (const entry of list) things.add(entryName(entry))
  }
  const errorFor = (code: ErrorCode) =>
    code === 'internal' ? new TypeError('scripted bug') : new StepError(code, `scripted ${code}`)
  /** `failing` runs when the script says that the call fails, and may throw something better than the plain error. */
  const perform = async (stage: StageName, signal: AbortSignal, failing: (code: ErrorCode) => void = () => {}) => {
    const count = counts.get(stage) ?? 0
    counts.set(stage, count + 1)
    const behaviour = script.calls[stage][count] ?? atOnce
    if (behaviour.does === 'hangUntilAborted') return await clock.sleep(Number.POSITIVE_INFINITY, signal)
    const deaf = behaviour.does === 'succeedDespiteAbort'
    await clock.sleep(behaviour.afterMs, deaf ? new AbortController().signal : signal)
    if (behaviour.does !== 'fail') return
    failing(behaviour.code)
    throw errorFor(behaviour.code)
  }
  /** Removes all but the first thing there is, as a janitor does that fails half-way. */
  const removeSome = (ledger: Ledger) => (code: ErrorCode) => {
    const [kept, ...removed] = ledger.map(entryName).filter((name) => things.has(name))
    for (const name of removed) things.delete(name)
    if (code === 'cleanup-failed') {
      throw new StepError(code, 'scripted cleanup-failed', { remaining: kept === undefined ? [] : [kept] })
    }
  }

  const ports: StepPorts = {
    resolver: {
      async resolve(_input, signal) {
        await perform('resolving', signal)
        return resolution
      }
    },
    builder: {
      async build(_input, signal) {
        create(resolution.creates.building)
        await perform('building', signal)
        return { digest: DIGEST }
      }
    },
    pusher: {
      async push(_input, signal) {
        await perform('pushing', signal)
        return PUSHED_IMAGE
      }
    },
    runner: {
      async pull(_input, signal) {
        create(resolution.creates.pulling)
        await perform('pulling', signal)
      },
      async run(_input, signal) {
        await perform('running', signal)
        return { exitCode: script.exitCode }
      }
    },
    workspace: {
      async collect(_input, signal) {
        await perform('collecting', signal)
      }
    },
    janitor: {
      async cleanUp({ ledger }, signal) {
        await perform('cleaningUp', signal, removeSome(ledger))
        for (const entry of ledger) things.delete(entryName(entry))
      }
    },
    clock
  }
  return { ports, things, remove: (names) => names.filter((name) => things.delete(name)) }
}
