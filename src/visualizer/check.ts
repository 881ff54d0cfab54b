/**
 * Whether a trace is true: a path of its machine that keeps every promise, for `slipway replay --check` and for the suites
 * whose runs leave traces. A trace of an older version is checked in the same way: what of it is no path any more is told.
 */
import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import type { MachineGraph } from './graph-format.ts'
import { toRun } from './moves.ts'
import { complain, type Offence } from './oracle.ts'
import { RUN_ORACLES } from './oracles.ts'
import { followPath } from './path-check.ts'
import { PROMISES } from './promises.ts'
import {
  type EndedLine,
  type EnteredLine,
  FORMATS,
  type NumberedLine,
  parseNumbered,
  type StartedLine,
  TraceError
} from './trace.ts'
import { checkWaits } from './waits.ts'

export interface Checked {
  /** The command, as the runner calls it; undefined in traces of format 1. */
  readonly command?: string
  /** Undefined when no machine was run. */
  readonly machine?: string
  /** False when the hook was killed before its end, or could not write on. */
  readonly isComplete: boolean
  /** In the order of their lines. */
  readonly offences: readonly Offence[]
}

/** The machine of each command. */
const MACHINE_OF: Readonly<Record<string, string>> = {
  prepare_job: 'job-start',
  run_container_step: 'container-step',
  run_script_step: 'script-step',
  cleanup_job: 'job-cleanup',
  build_ahead: 'ahead-build'
}
/** Until this format, cleanup_job had no machine. */
const CLEANUP_WITHOUT_MACHINE = 'slipway-trace-2'

const hasState =
  (graph: MachineGraph) =>
  ({ state }: EnteredLine): boolean =>
    graph.states.some(({ id }) => id === `${graph.id}.${state}`)

/** That of the command; without one, the machine that has most of the states. */
function machineOf(
  command: string | undefined,
  entered: readonly EnteredLine[],
  machines: readonly MachineGraph[]
): MachineGraph | undefined {
  const named = machines.find(({ id }) => command !== undefined && id === MACHINE_OF[command])
  if (named !== undefined || entered.length === 0) return named
  const known = machines.map((graph) => ({ graph, states: entered.filter(hasState(graph)).length }))
  return known.toSorted((one, other) => other.states - one.states)[0]?.graph
}

/** One command at the beginning, one end, and nothing after it. */
function checkFrame(lines: readonly NumberedLine[]): readonly Offence[] {
  const end = lines.findIndex(({ line }) => line.type === 'ended')
  return lines.flatMap(({ line, number }, at) => [
    ...complain(line.type === 'started' && at > 0, number, 'a command is started in the middle'),
    ...complain(end >= 0 && at > end, number, 'something follows the end'),
    ...(line.type !== 'started'
      ? []
      : [
          ...complain(!Object.hasOwn(MACHINE_OF, line.command), number, `there is no command ${line.command}`),
          ...complain(
            line.format !== undefined && !FORMATS.includes(line.format),
            number,
            `the format ${line.format} is not known to this version`
          )
        ])
  ])
}

/** A command that failed before its machine, or had none. */
function checkWithoutMachine(
  started: StartedLine | undefined,
  { outcome, exitCode, failure }: EndedLine,
  number: number
): readonly Offence[] {
  const hasNone = started?.command === 'cleanup_job' && started.format === CLEANUP_WITHOUT_MACHINE
  const code = failure?.code ?? ''
  const given = Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[code as ErrorCode].exitCode : exitCode
  const expected = failure === undefined ? 'succeeded' : code === 'cancelled' ? 'cancelled' : 'failed'
  return [
    ...complain(failure === undefined && !hasNone, number, `${outcome}, and no state was entered`),
    ...complain(outcome !== expected, number, `outcome ${outcome} where ${expected} is true`),
    ...complain(exitCode !== (failure === undefined ? 0 : given), number, `${outcome} with exit code ${exitCode}`)
  ]
}

function checkRun(graph: MachineGraph, lines: readonly NumberedLine[]): readonly Offence[] {
  const promises = PROMISES[graph.id]
  const attemptsMax = (stage: string) => graph.states.find(({ id }) => id === `${graph.id}.${stage}`)?.attemptsMax ?? 1
  const run = toRun(lines)
  const broken =
    promises === undefined
      ? []
      : Object.values(RUN_ORACLES).flatMap((oracle) => oracle({ ...run, promises, attemptsMax }))
  return [...followPath(graph, lines), ...checkWaits(lines), ...broken]
}

function checkLines(lines: readonly NumberedLine[], machines: readonly MachineGraph[]): Checked {
  const started = lines.flatMap(({ line }) => (line.type === 'started' ? [line] : []))[0]
  const command = started?.command
  const entered = lines.flatMap(({ line }) => (line.type === 'entered' ? [line] : []))
  const ended = lines.find(({ line }) => line.type === 'ended')
  const graph = machineOf(command, entered, machines)
  const withoutMachine = () =>
    ended?.line.type === 'ended' ? checkWithoutMachine(started, ended.line, ended.number) : []
  const offences = [
    ...checkFrame(lines),
    ...(graph === undefined || entered.length === 0 ? withoutMachine() : checkRun(graph, lines))
  ]
  return {
    ...(command !== undefined && { command }),
    ...(graph !== undefined && entered.length > 0 && { machine: graph.id }),
    isComplete: ended !== undefined,
    offences: offences.toSorted((one, other) => one.line - other.line)
  }
}

/** Checks the text of a trace; one that is no trace has that as its offence. */
export function checkTrace(text: string, machines: readonly MachineGraph[]): Checked {
  try {
    return checkLines(parseNumbered(text), machines)
  } catch (thrown) {
    if (!(thrown instanceof TraceError)) throw thrown
    return { isComplete: false, offences: [{ line: thrown.line ?? 1, says: thrown.message }] }
  }
}
