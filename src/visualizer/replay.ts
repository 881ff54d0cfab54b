/** A recorded run laid over the graph of its machine, step by step, for `slipway replay` and for the page. */
import type { GraphTransition, MachineGraph } from './graph-format.ts'
import { type AttemptFailedLine, type EndedLine, type EnteredLine, TraceError, type TraceLine } from './trace.ts'

/** The failure of one attempt, which led to the step that has it. */
export type StepFailure = Pick<AttemptFailedLine, 'stage' | 'attempt' | 'code' | 'message' | 'retrying'>

/** One state that was entered. Times are milliseconds since the run began. */
export interface ReplayStep {
  readonly atMs: number
  /** Until the next step; undefined for the last one. */
  readonly tookMs?: number
  /** Id of the state in the graph. */
  readonly state: string
  /** Label of the stage or the end that the state is or belongs to. */
  readonly label: string
  /** Of that stage, from 1; undefined at an end. */
  readonly attempt?: number
  /** It waits for the next attempt. */
  readonly isBackOff: boolean
  /** Id of the transition that led here; undefined for the first step. */
  readonly transition?: string
  /** What happened, as the transition says it. */
  readonly event: string
  readonly failure?: StepFailure
}

/** One stage from its first entry to where it was left for good. */
export interface StageTime {
  readonly stage: string
  readonly label: string
  readonly startedAtMs: number
  readonly tookMs: number
  readonly attempts: number
  /** The failure that ended it, as a code. */
  readonly failed?: string
}

export interface Replay {
  /** The command, as the runner calls it; undefined in old traces. */
  readonly command?: string
  readonly runnerPod?: string
  /** Undefined when no machine was run, because the command failed before. */
  readonly machine?: string
  readonly durationMs: number
  readonly steps: readonly ReplayStep[]
  readonly stages: readonly StageTime[]
  /** Undefined when the hook was killed before its end. */
  readonly end?: Omit<EndedLine, 'type'>
}

/** The state itself and all around it, the innermost first. */
function pathUp(graph: MachineGraph, id: string): readonly string[] {
  const parent = graph.states.find((state) => state.id === id)?.parent
  return parent === undefined ? [id] : [id, ...pathUp(graph, parent)]
}

const hasStates = (graph: MachineGraph, entered: readonly EnteredLine[]): boolean =>
  entered.every(({ state }) => graph.states.some(({ id }) => id === `${graph.id}.${state}`))

function findTransition(graph: MachineGraph, { from, state, event }: EnteredLine): GraphTransition | undefined {
  const sources = pathUp(graph, `${graph.id}.${from}`)
  const targets = pathUp(graph, `${graph.id}.${state}`)
  return graph.transitions.find(
    (candidate) => candidate.event === event && sources.includes(candidate.from) && targets.includes(candidate.to)
  )
}

/** Without the noise that differences of fractions have. */
const inMicroseconds = (ms: number): number => Math.round(ms * 1_000) / 1_000

function toSteps(graph: MachineGraph, lines: readonly TraceLine[]): readonly ReplayStep[] {
  const entered = lines.flatMap((line, at) => (line.type === 'entered' ? [{ line, before: lines[at - 1] }] : []))
  const startedAtMs = entered[0]?.line.atMs ?? 0
  const attempts = new Map<string, number>()
  return entered.map(({ line, before }, index) => {
    const id = `${graph.id}.${line.state}`
    const outermost = graph.states.find((state) => state.id === pathUp(graph, id).at(-1))
    const isBackOff = graph.transitions.some(({ from, kind }) => from === id && kind === 'backOff')
    const stage = outermost?.kind === 'stage' ? outermost.id : undefined
    if (stage !== undefined && !isBackOff) attempts.set(stage, (attempts.get(stage) ?? 0) + 1)
    const transition = findTransition(graph, line)
    const next = entered[index + 1]?.line
    return {
      atMs: inMicroseconds(line.atMs - startedAtMs),
      ...(next !== undefined && { tookMs: inMicroseconds(next.atMs - line.atMs) }),
      state: id,
      label: outermost?.label ?? line.state,
      ...(stage !== undefined && { attempt: attempts.get(stage) ?? 1 }),
      isBackOff,
      ...(transition !== undefined && { transition: transition.id }),
      event: line.from === '' ? 'start' : (transition?.label ?? line.event),
      ...(before?.type === 'attemptFailed' && { failure: failureOf(before) })
    }
  })
}

const failureOf = ({ stage, attempt, code, message, retrying }: AttemptFailedLine): StepFailure => ({
  stage,
  attempt,
  code,
  message,
  retrying
})

const stageOf = (graph: MachineGraph, step: ReplayStep): string => pathUp(graph, step.state).at(-1) ?? step.state

function toStageTimes(graph: MachineGraph, steps: readonly ReplayStep[]): readonly StageTime[] {
  const stages = [...new Set(steps.filter(({ attempt }) => attempt !== undefined).map((step) => stageOf(graph, step)))]
  return stages.map((stage) => {
    const own = steps.filter((step) => stageOf(graph, step) === stage)
    const [first] = own as unknown as readonly [ReplayStep]
    const after = steps[steps.indexOf(own.at(-1) ?? first) + 1]
    const leftBy = graph.transitions.find(({ id }) => id === after?.transition)
    const failed = after?.failure?.code ?? (leftBy?.kind === 'timeout' ? leftBy.label : undefined)
    return {
      stage,
      label: first.label,
      startedAtMs: first.atMs,
      tookMs: inMicroseconds(own.reduce((sum, { tookMs = 0 }) => sum + tookMs, 0)),
      attempts: own.reduce((most, { attempt = 1 }) => Math.max(most, attempt), 1),
      ...(failed !== undefined && { failed })
    }
  })
}

/** What a trace says about the command as a whole. */
function frameOf(lines: readonly TraceLine[]): Pick<Replay, 'command' | 'runnerPod' | 'end'> {
  const started = lines.find((line) => line.type === 'started')
  const ended = lines.find((line) => line.type === 'ended')
  return {
    ...(started !== undefined && { command: started.command, runnerPod: started.runnerPod }),
    ...(ended !== undefined && { end: endOf(ended) })
  }
}

/** What is known of an end, and nothing else that a file may hold. */
function endOf({
  outcome,
  exitCode,
  image,
  imageSource,
  failure,
  remaining,
  removed
}: EndedLine): NonNullable<Replay['end']> {
  return {
    outcome,
    exitCode,
    ...(image !== undefined && { image }),
    ...(imageSource !== undefined && { imageSource }),
    ...(failure !== undefined && {
      failure: {
        code: failure.code,
        message: failure.message,
        ...(failure.stage !== undefined && { stage: failure.stage }),
        ...(failure.detail !== undefined && { detail: failure.detail })
      }
    }),
    ...(remaining !== undefined && { remaining }),
    ...(removed !== undefined && { removed })
  }
}

/** Throws a TraceError when no machine has all the states of the trace: it is of another version of Slipway. */
export function toReplay(lines: readonly TraceLine[], machines: readonly MachineGraph[]): Replay {
  const entered = lines.filter((line) => line.type === 'entered')
  if (entered.length === 0) return { ...frameOf(lines), durationMs: 0, steps: [], stages: [] }
  const graph = machines.find((candidate) => hasStates(candidate, entered))
  if (graph === undefined) {
    throw new TraceError('no machine of this version of Slipway has all the states that this trace names')
  }
  const steps = toSteps(graph, lines)
  return {
    ...frameOf(lines),
    machine: graph.id,
    durationMs: steps.at(-1)?.atMs ?? 0,
    steps,
    stages: toStageTimes(graph, steps)
  }
}
