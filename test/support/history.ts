/** What one run of a machine did, recorded for the oracles whatever the ports are: scripted, simulated or real. */
import type { AnyStateMachine, AnyStateNode } from 'xstate'
import type { Observer, RunFact } from '../../src/effects/run/wire.ts'
import { type ErrorCode, toStepError } from '../../src/errors.ts'
import { aheadBuild } from '../../src/machines/ahead-build.ts'
import { containerStep } from '../../src/machines/container-step.ts'
import type { CleanUpInput, TryEvent } from '../../src/machines/inputs.ts'
import { jobCleanup } from '../../src/machines/job-cleanup.ts'
import { jobStart } from '../../src/machines/job-start.ts'
import { entryName } from '../../src/machines/ledger.ts'
import type { Clock } from '../../src/machines/ports.ts'
import type { Failure, Outcome, StageRecord } from '../../src/machines/run.ts'
import { scriptStep } from '../../src/machines/script-step.ts'
import type { AnyStageName } from '../../src/machines/stages.ts'
import type { Stage, StageBudget } from '../../src/machines/table.ts'

const MACHINES = {
  'container-step': containerStep,
  'job-start': jobStart,
  'script-step': scriptStep,
  'job-cleanup': jobCleanup,
  'ahead-build': aheadBuild
} as const satisfies Readonly<Record<string, AnyStateMachine>>

export type MachineId = keyof typeof MACHINES

/** The stages of a machine with what each calls, `port.method`: its port by its table, and its actor, which is called as the method. */
function methodsOf(machine: AnyStateMachine): readonly (readonly [method: string, stage: AnyStageName])[] {
  const actorIn = (node: AnyStateNode, stage: string): string | undefined =>
    node.invoke.find(({ id }) => id === stage)?.src as string | undefined
  return Object.values(machine.root.states).flatMap((node) => {
    const { port } = (node.meta ?? {}) as Partial<Stage>
    const actor = [node, ...Object.values(node.states)].map((one) => actorIn(one, node.key)).find(Boolean)
    return port === undefined ? [] : [[`${port}.${actor}`, node.key as AnyStageName] as const]
  })
}

/** One call of a port method. */
export interface PortCall {
  readonly stage: AnyStageName
  readonly startedAtMs: number
  /** `abandoned`: aborted before it settled, whatever it settled with afterwards. */
  ending: 'open' | 'succeeded' | 'failed' | 'abandoned'
  errorCode?: ErrorCode
  /** Of the program, when running it succeeded. */
  exitCode?: number
  /** What pushing returned, or what pulling and running were given. */
  image?: string
  /** What cleaningUp was given. */
  ledger?: readonly string[]
  hurried?: boolean
  /** What pushing told of its tries while it went on. */
  triesFailed?: number
  triesStarted?: number
  /** What cleaningUp said is still there, when it failed and knew. */
  remaining?: readonly string[]
}

/** What every machine's output has. */
export interface RunOutput {
  readonly outcome: Outcome
  readonly exitCode: number
  readonly image?: string | undefined
  readonly failure?: Failure | undefined
  readonly remaining: readonly string[]
  readonly stages: Readonly<Record<string, StageRecord | undefined>>
}

export interface History {
  readonly machine: MachineId
  readonly calls: readonly PortCall[]
  readonly facts: readonly { readonly fact: RunFact; readonly atMs: number }[]
  readonly budgets: Readonly<Record<string, StageBudget>>
  /** When each cancel order was given. */
  readonly cancelsAtMs: readonly number[]
  readonly endedAtMs: number
  readonly output: RunOutput
  /** `kind name` of what is still there after the run. */
  readonly left: readonly string[]
  /** `kind name` of what one more cleanup of the same ledger found to remove after the run. */
  readonly removedAgain: readonly string[]
  /** Values that nobody may be told. */
  readonly secrets: readonly string[]
}

export interface Recording<Ports> {
  readonly ports: Ports
  readonly calls: readonly PortCall[]
  readonly facts: History['facts']
  readonly observer: Observer
}

/** A call as it comes to a port: what it is for, what it was given, and how to stop it. */
export interface Call {
  readonly stage: AnyStageName
  readonly args: readonly unknown[]
  readonly signal: AbortSignal
}

type Method = (...args: readonly unknown[]) => Promise<unknown>
type Answerer = (call: Call) => Promise<unknown>
type PortTable = Readonly<Record<string, Readonly<Record<string, Method>>>>

/** The ports of a machine, every method of which is answered by one function. */
export function portsOf<Ports>(machine: MachineId, clock: Clock, answer: (method: string) => Answerer): Ports {
  const ports: Record<string, Record<string, Method>> = {}
  for (const [method, stage] of methodsOf(MACHINES[machine])) {
    const [port = '', name = ''] = method.split('.')
    const answerOf = answer(method)
    ports[port] ??= {}
    ports[port][name] = (...args) => answerOf({ stage, args, signal: args.at(-1) as AbortSignal })
  }
  return { ...ports, clock } as Ports
}

const isImageGiven = (given: unknown): given is { readonly image: string } =>
  typeof (given as { readonly image?: unknown }).image === 'string'

/** What a call was given, as far as an oracle asks for it. */
function givenTo({ stage, args }: Call): Partial<PortCall> {
  const [first] = args
  if (stage === 'cleaningUp') {
    const { ledger, hurried } = first as CleanUpInput
    return { ledger: ledger.map(entryName), hurried }
  }
  return isImageGiven(first) ? { image: first.image } : {}
}

/** What it came to, likewise. */
function resultOf(result: unknown): Partial<PortCall> {
  if (typeof result === 'string') return { image: result }
  const { exitCode } = (result ?? {}) as { readonly exitCode?: number }
  return exitCode === undefined ? {} : { exitCode }
}

/** Notes in the last call, as long as it goes on, that it has told of a try. */
export function noteTold(calls: readonly PortCall[], type: string): void {
  const call = calls.at(-1)
  if (call?.ending !== 'open') return
  if (type === 'TRY_FAILED') call.triesFailed = (call.triesFailed ?? 0) + 1
  if (type === 'TRY_STARTED') call.triesStarted = (call.triesStarted ?? 0) + 1
}

/** Notes calls as they are made, and how each of them ended. */
export function createCallNotes(clock: Pick<Clock, 'now'>) {
  const calls: PortCall[] = []
  async function note(call: Call, perform: () => Promise<unknown>): Promise<unknown> {
    const entry: PortCall = { stage: call.stage, startedAtMs: clock.now(), ending: 'open', ...givenTo(call) }
    calls.push(entry)
    const end = (change: Partial<PortCall>) => {
      if (entry.ending === 'open') Object.assign(entry, change)
    }
    call.signal.addEventListener('abort', () => end({ ending: 'abandoned' }))
    try {
      const result = await perform()
      end({ ending: 'succeeded', ...resultOf(result) })
      return result
    } catch (thrown) {
      const { code, remaining } = toStepError(thrown)
      end({ ending: 'failed', errorCode: code, ...(remaining && { remaining }) })
      throw thrown
    }
  }
  return { calls: calls as readonly PortCall[], note }
}

/** Ports that note every call on its way to the given ones, and an observer that notes every fact. */
export function record<Ports extends { readonly clock: Clock }>(machine: MachineId, ports: Ports): Recording<Ports> {
  const { calls, note } = createCallNotes(ports.clock)
  const facts: { fact: RunFact; atMs: number }[] = []
  const recorded = portsOf<Ports>(machine, ports.clock, (method) => {
    const [port = '', name = ''] = method.split('.')
    return (call) => {
      const noting = (told: unknown) =>
        typeof told !== 'function'
          ? told
          : (event: TryEvent) => {
              noteTold(calls, event.type)
              told(event)
            }
      return note(call, async () => await (ports as unknown as PortTable)[port]?.[name]?.(...call.args.map(noting)))
    }
  })
  return { ports: recorded, calls, facts, observer: (fact, atMs) => facts.push({ fact, atMs }) }
}
