/** What one container step did, recorded for the oracles whatever the ports are: scripted, simulated or real. */
import type { Observer, StepFact } from '../../src/effects/run/wire.ts'
import { type ErrorCode, toStepError } from '../../src/errors.ts'
import type { Budgets, StageName } from '../../src/machines/budgets.ts'
import { entryName } from '../../src/machines/ledger.ts'
import type { StepPorts } from '../../src/machines/ports.ts'
import type { StepOutput } from '../../src/machines/types.ts'

/** One call of a port method. */
export interface PortCall {
  readonly stage: StageName
  readonly startedAtMs: number
  /** `abandoned`: aborted before it settled, whatever it settled with afterwards. */
  ending: 'open' | 'succeeded' | 'failed' | 'abandoned'
  errorCode?: ErrorCode
  /** Of the action, when running succeeded. */
  exitCode?: number
  /** What pushing returned, or what pulling and running were given. */
  image?: string
  /** What cleaningUp was given. */
  ledger?: readonly string[]
  hurried?: boolean
  /** What cleaningUp said is still there, when it failed and knew. */
  remaining?: readonly string[]
}

export interface History {
  readonly calls: readonly PortCall[]
  readonly facts: readonly { readonly fact: StepFact; readonly atMs: number }[]
  readonly budgets: Budgets
  /** When each cancel order was given. */
  readonly cancelsAtMs: readonly number[]
  readonly endedAtMs: number
  readonly output: StepOutput
  /** `kind name` of what is still there after the run. */
  readonly left: readonly string[]
  /** `kind name` of what one more cleanup of the same ledger found to remove after the run. */
  readonly removedAgain: readonly string[]
  /** Values that nobody may be told. */
  readonly secrets: readonly string[]
}

export interface Recording {
  readonly ports: StepPorts
  readonly calls: readonly PortCall[]
  readonly facts: History['facts']
  readonly observer: Observer
}

/** Ports that note every call on its way to the given ones, and an observer that notes every fact. */
export function record(ports: StepPorts): Recording {
  const { resolver, builder, pusher, runner, workspace, janitor, clock } = ports
  const calls: PortCall[] = []
  const facts: { fact: StepFact; atMs: number }[] = []

  async function note<T>(
    stage: StageName,
    signal: AbortSignal,
    given: Partial<PortCall>,
    call: () => Promise<T>,
    resultOf: (result: T) => Partial<PortCall> = () => ({})
  ): Promise<T> {
    const entry: PortCall = { stage, startedAtMs: clock.now(), ending: 'open', ...given }
    calls.push(entry)
    const end = (change: Partial<PortCall>) => {
      if (entry.ending === 'open') Object.assign(entry, change)
    }
    signal.addEventListener('abort', () => end({ ending: 'abandoned' }))
    try {
      const result = await call()
      end({ ending: 'succeeded', ...resultOf(result) })
      return result
    } catch (thrown) {
      const { code, remaining } = toStepError(thrown)
      end({ ending: 'failed', errorCode: code, ...(remaining && { remaining }) })
      throw thrown
    }
  }

  const recorded: StepPorts = {
    resolver: {
      resolve: (input, signal) => note('resolving', signal, {}, () => resolver.resolve(input, signal))
    },
    builder: { build: (input, signal) => note('building', signal, {}, () => builder.build(input, signal)) },
    pusher: {
      push: (input, signal) =>
        note(
          'pushing',
          signal,
          {},
          () => pusher.push(input, signal),
          (image) => ({ image })
        )
    },
    runner: {
      pull: (input, signal) => note('pulling', signal, { image: input.image }, () => runner.pull(input, signal)),
      run: (input, signal) =>
        note(
          'running',
          signal,
          { image: input.image },
          () => runner.run(input, signal),
          ({ exitCode }) => ({ exitCode })
        )
    },
    workspace: {
      collect: (input, signal) => note('collecting', signal, {}, () => workspace.collect(input, signal))
    },
    janitor: {
      cleanUp: (input, signal) =>
        note('cleaningUp', signal, { ledger: input.ledger.map(entryName), hurried: input.hurried }, () =>
          janitor.cleanUp(input, signal)
        )
    },
    clock
  }
  return { ports: recorded, calls, facts, observer: (fact, atMs) => facts.push({ fact, atMs }) }
}
