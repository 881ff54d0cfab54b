/** Goal: `slipway replay --check` accepts what the machines do, and refuses a trace that was changed. Method: random runs, mutated. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CLEANUP_BUDGETS } from '../../src/machines/cleanup-stages.ts'
import { AHEAD_BUDGETS, BUDGETS, JOB_BUDGETS, SCRIPT_BUDGETS } from '../../src/machines/stages.ts'
import { type Checked, checkTrace } from '../../src/visualizer/check.ts'
import { currentMachines } from '../../src/visualizer/graph.ts'
import { FORMATS } from '../../src/visualizer/trace.ts'
import type { History, MachineId } from '../support/history.ts'
import { play, type Scenario } from '../support/scenario.ts'
import { scenariosOf } from '../support/scenario-arbitrary.ts'
import { ALL_SCRIPTED } from '../support/scripted-machines.ts'

const { machines } = currentMachines()

/** The bounds that the graphs, and so the check, know. */
const PRODUCTION: Readonly<Record<MachineId, History['budgets']>> = {
  'container-step': BUDGETS,
  'job-start': JOB_BUDGETS,
  'script-step': SCRIPT_BUDGETS,
  'job-cleanup': CLEANUP_BUDGETS,
  'ahead-build': AHEAD_BUDGETS
}
const COMMANDS: Readonly<Record<MachineId, string>> = {
  'container-step': 'run_container_step',
  'job-start': 'prepare_job',
  'script-step': 'run_script_step',
  'job-cleanup': 'cleanup_job',
  'ahead-build': 'build_ahead'
}

const TRUE_RUNS = 60
/** Every mutation is made at every line of each. */
const MUTATED_RUNS = 8

type Line = Readonly<Record<string, unknown>> & { readonly type: string }

/** The trace of a run as the hook writes it, line by line. */
async function traceOf(scenario: Scenario): Promise<readonly Line[]> {
  const { facts, output } = await play({ ...scenario, budgets: PRODUCTION[scenario.machine] })
  const started = {
    type: 'started',
    format: FORMATS.at(-1),
    command: COMMANDS[scenario.machine],
    runnerPod: 'runner-abc'
  }
  return [started, ...facts.map(({ fact, atMs }) => ({ atMs, ...fact })), { type: 'ended', ...output }]
}

const textOf = (lines: readonly Line[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('')
const check = (lines: readonly Line[]): Checked => checkTrace(textOf(lines), machines)

/** One change of a trace; undefined where it does not apply. `pick` decides among the values to put in. */
type Mutation = (lines: readonly Line[], at: number, pick: number) => readonly Line[] | undefined

const setting =
  (
    type: string,
    field: string,
    values: (line: Line, lines: readonly Line[], at: number) => readonly unknown[]
  ): Mutation =>
  (lines, at, pick) => {
    const line = lines[at]
    if (line?.type !== type) return undefined
    const others = values(line, lines, at).filter((value) => value !== line[field])
    return others.length === 0 ? undefined : lines.with(at, { ...line, [field]: others[pick % others.length] })
  }

const valuesOf = (lines: readonly Line[], field: string) =>
  lines.flatMap((line) => (field in line ? [line[field]] : []))
const allStates = machines.flatMap(({ id, states }) => states.map((state) => state.id.slice(id.length + 1)))
const allEvents = [
  ...machines.flatMap(({ transitions }) => transitions.map(({ event }) => event)),
  'xstate.init',
  'SKIP'
]
const CODES = ['cluster-forbidden', 'cluster-unreachable', 'stage-timeout', 'cancelled', 'out-of-memory']

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  drop: (lines, at) => lines.toSpliced(at, 1),
  swap: (lines, at) => {
    const [one, other] = [lines[at], lines[at + 1]]
    return one === undefined || other === undefined ? undefined : lines.toSpliced(at, 2, other, one)
  },
  duplicate: (lines, at) => lines.toSpliced(at, 0, lines[at] as Line),
  'cut off': (lines, at) => lines.slice(0, Math.max(1, at)),
  'another state': setting('entered', 'state', () => allStates),
  'another event': setting('entered', 'event', () => allEvents),
  'another failed stage': setting('attemptFailed', 'stage', (_line, lines) => [...valuesOf(lines, 'stage'), 'running']),
  'another failed attempt': setting('attemptFailed', 'attempt', ({ attempt }) => [Number(attempt) + 1, 0]),
  'another code of an attempt': setting('attemptFailed', 'code', () => CODES),
  'another attempt': setting('entered', 'at', ({ at }) =>
    at === undefined
      ? []
      : [{ ...(at as { readonly attempt: number }), attempt: (at as { readonly attempt: number }).attempt + 1 }]
  ),
  'another stage that ran out of time': setting('timedOut', 'stage', (_line, lines) => [
    ...valuesOf(lines, 'stage'),
    'running'
  ]),
  'more time than there was': setting('timedOut', 'afterMs', ({ afterMs }) => [Number(afterMs) + 1_000]),
  'a longer wait': setting('attemptFailed', 'nextInMs', ({ nextInMs }) =>
    nextInMs === undefined ? [] : [2 * Number(nextInMs) + 1_000]
  ),
  'another word on retrying': setting('attemptFailed', 'retrying', () => [true, false]),
  'another outcome': setting('ended', 'outcome', () => ['succeeded', 'failed', 'cancelled', 'stuck', 'lost']),
  'another exit code': setting('ended', 'exitCode', () => [0, 1, 7, 130, 137, 256, -1]),
  'another failure': setting('ended', 'failure', ({ failure }) =>
    failure === undefined
      ? [{ code: 'cluster-forbidden', stage: 'resolving', message: 'no' }]
      : [undefined, { ...(failure as object), code: 'evicted' }, { ...(failure as object), stage: 'dreaming' }]
  ),
  'another number of attempts': setting('ended', 'stages', ({ stages }) => {
    const entries = Object.entries(stages as Record<string, { readonly attempts: number }>)
    return entries.map(([name, record]) => ({
      ...(stages as object),
      [name]: { ...record, attempts: record.attempts + 1 }
    }))
  }),
  'a time before its line': setting('entered', 'atMs', (_line, lines, at) => {
    const before = valuesOf(lines.slice(0, at), 'atMs').at(-1)
    return before === undefined ? [] : [Number(before) - 1]
  }),
  'a time after its line': setting('entered', 'atMs', (_line, lines, at) => {
    const after = valuesOf(lines.slice(at + 1), 'atMs')[0]
    return after === undefined ? [] : [Number(after) + 1]
  })
}

const isHurry = (line: Line | undefined) => line?.event === 'CANCEL' && line.from === line.state

const exitCodeOf = (lines: readonly Line[]) => Number(lines.at(-1)?.exitCode)

/** What nobody can tell from a true trace, by the mutation; everything else has to be refused. */
const CANNOT_BE_TOLD: Readonly<
  Record<string, (before: readonly Line[], after: readonly Line[], at: number) => boolean>
> = {
  // Format 1 had no first line. Without the last one, it is the trace of a hook that was killed.
  drop: (before, _after, at) => at === 0 || at === before.length - 1 || isHurry(before[at]),
  // A CANCEL that begins the first attempt of cleaning up anew.
  duplicate: (before, _after, at) => isHurry(before[at]),
  // A run that is stuck does not say whether it was cancelled.
  'another event': (before, after, at) =>
    before.at(-1)?.outcome === 'stuck' && [before[at]?.event, after[at]?.event].includes('CANCEL'),
  // A hook may be killed at any moment.
  'cut off': () => true,
  // The same line twice in a row.
  swap: (before, _after, at) => JSON.stringify(before[at]) === JSON.stringify(before[at + 1]),
  // The end says only the first failure that ended a stage: of others only whether their code is retryable is known.
  'another code of an attempt': (before, _after, at) => {
    const { stage } = (before.at(-1)?.failure ?? {}) as { readonly stage?: string }
    return before[at]?.retrying === true || before[at]?.stage !== stage
  },
  // A wait that CANCEL or the stage's budget cut short.
  'a longer wait': (before, _after, at) => !String(before[at + 2]?.event).endsWith('.backOff'),
  // A program may end with any code: only whether it is 0 is known, and for one that is stuck not even that.
  'another exit code': (before, after) =>
    before.at(-1)?.outcome === 'stuck' || (exitCodeOf(before) !== 0 && exitCodeOf(after) !== 0)
}

for (const machine of ALL_SCRIPTED) {
  describe(machine.id, () => {
    test('leaves traces that are true', async () => {
      const property = fc.asyncProperty(scenariosOf(machine), async (scenario) => {
        const checked = check(await traceOf(scenario))
        expect(checked).toEqual({ command: COMMANDS[machine.id], machine: machine.id, isComplete: true, offences: [] })
      })
      await fc.assert(property, { numRuns: TRUE_RUNS })
    })

    test('leaves none that can be changed unnoticed, but for what cannot be told', async () => {
      const refused = new Set<string>()
      const property = fc.asyncProperty(scenariosOf(machine), fc.nat(), async (scenario, pick) => {
        const before = await traceOf(scenario)
        for (const [name, mutate] of Object.entries(MUTATIONS)) {
          for (const at of before.keys()) {
            const after = mutate(before, at, pick)
            if (after === undefined || textOf(after) === textOf(before)) continue
            const { isComplete, offences } = check(after)
            if (offences.length > 0) refused.add(name)
            else if (!CANNOT_BE_TOLD[name]?.(before, after, at)) {
              throw new Error(`${name} at line ${at + 1} is accepted:\n${textOf(before)}`)
            } else if (name === 'cut off') expect(isComplete).toBe(false)
          }
        }
      })
      await fc.assert(property, { numRuns: MUTATED_RUNS })
      // Runs that are always the same, so that each mutation surely had its chance.
      await fc.assert(property, { numRuns: MUTATED_RUNS, seed: 1 })
      const all = Object.keys(MUTATIONS).filter((name) => name !== 'cut off')
      expect([...refused].toSorted()).toEqual(all.toSorted())
    })
  })
}
