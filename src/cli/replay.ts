/** `slipway replay`: shows in the terminal what a recorded run did, when, how often, and how it ended. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Checked, checkTrace } from '../visualizer/check.ts'
import { currentMachines } from '../visualizer/graph.ts'
import { type Replay, type ReplayStep, type StageTime, toReplay } from '../visualizer/replay.ts'
import { parseTrace, TraceError } from '../visualizer/trace.ts'
import { timeInWords } from '../visualizer/words.ts'
import { type CliDependencies, UsageError } from './command.ts'
import { declare } from './command-line.ts'
import { type Line, writeJson, writeLine } from './screen.ts'
import { formatLine, type WalkLine } from './walk.ts'

const BAR_LENGTH_MAX = 30

const plain = (text: string): Line => ({ text })

const failureText = (step: ReplayStep): string =>
  step.failure === undefined ? '' : `${step.failure.code}: ${step.failure.message}`

/** What one step looks like: the failure that led to it, then what it is. */
function stepLines(step: ReplayStep): readonly WalkLine[] {
  const failed: readonly WalkLine[] =
    step.failure === undefined
      ? []
      : [{ mark: 'failed', text: `attempt ${step.failure.attempt} failed: ${failureText(step)}` }]
  return [...failed, { mark: markOf(step), text: titleOf(step) }]
}

function markOf({ attempt, state, event }: ReplayStep): WalkLine['mark'] {
  if (attempt === undefined)
    return state.endsWith('.succeeded') ? 'done' : state.endsWith('.cancelled') ? 'cancelled' : 'failed'
  return event === 'CANCEL' ? 'cancelled' : event === 'out of time' ? 'failed' : 'begins'
}

function titleOf({ label, attempt = 1, isBackOff, event, tookMs }: ReplayStep): string {
  const why = event === 'CANCEL' || event === 'out of time' ? `${event}: ` : ''
  if (isBackOff) return `${label}: waits ${timeInWords(tookMs ?? 0)} before attempt ${attempt + 1}`
  return `${why}${label}${attempt > 1 ? `: attempt ${attempt}` : ''}${tookMs === undefined ? '' : ` (${timeInWords(tookMs)})`}`
}

function stageTable({ stages, durationMs }: Replay): readonly string[] {
  const widest = Math.max(...stages.map(({ label }) => label.length))
  const row = ({ label, startedAtMs, tookMs, attempts, failed }: StageTime) => {
    // A clock that was set back makes no bar longer than the others.
    const part = (ms: number) =>
      Math.min(BAR_LENGTH_MAX, Math.max(0, Math.round((BAR_LENGTH_MAX * ms) / Math.max(durationMs, 1))))
    const before = part(startedAtMs)
    const length = Math.max(1, part(tookMs))
    const bar = `${' '.repeat(before)}${'#'.repeat(length)}`.slice(0, BAR_LENGTH_MAX + 1).padEnd(BAR_LENGTH_MAX + 1)
    const notes = [
      ...(attempts > 1 ? [`${attempts} attempts`] : []),
      ...(failed === undefined ? [] : [`failed: ${failed}`])
    ]
    return `  ${label.padEnd(widest)} ${timeInWords(tookMs).padStart(11)}  ${bar} ${notes.join(', ')}`.trimEnd()
  }
  return stages.map(row)
}

const IMAGE_NOTES = {
  prebuilt: '',
  cached: ' (built before)',
  build: ' (built now)',
  ahead: ' (built ahead)',
  'in-place': '',
  standing: ''
} as const

function endLines({ end, durationMs, machine, command, runnerPod }: Replay): readonly string[] {
  const time = timeInWords(durationMs)
  const what = command === undefined ? machine : `${command} for ${runnerPod}`
  if (end === undefined)
    return [`${what}: no end after ${time}; the hook was killed, or its trace could not be written on`]
  const { outcome, exitCode, image, imageSource = 'prebuilt', failure, remaining = [], removed = [] } = end
  const where = failure?.stage === undefined ? '' : ` in ${failure.stage}`
  return [
    `${what}: ${outcome} with exit code ${exitCode}${machine === undefined ? '' : ` after ${time}`}`,
    ...(image === undefined ? [] : [`image: ${image}${IMAGE_NOTES[imageSource]}`]),
    ...(failure === undefined ? [] : [`failure: ${failure.code}${where}: ${failure.message}`]),
    ...(failure?.detail === undefined
      ? []
      : failure.detail
          .trimEnd()
          .split(/\r?\n/)
          .map((line) => `  ${line}`)),
    ...(removed.length === 0 ? [] : [`removed: ${removed.join(', ')}`]),
    ...(remaining.length === 0 ? [] : [`remaining: ${remaining.join(', ')}`])
  ]
}

/** Nothing for a command that ran no machine. */
function stepsAndStages(shown: Replay): readonly Line[] {
  if (shown.steps.length === 0) return []
  const steps = shown.steps.flatMap((step) => stepLines(step).map((line) => formatLine(line, step.atMs)))
  return [...steps, ...['', ...stageTable(shown), ''].map(plain)]
}

async function readTrace(deps: CliDependencies, path: string): Promise<string> {
  try {
    return await readFile(resolve(deps.workingDirectory, path), 'utf8')
  } catch (thrown) {
    throw new UsageError(`${path} cannot be read: ${(thrown as Error).message}`)
  }
}

function replayOf(path: string, text: string): Replay {
  try {
    return toReplay(parseTrace(text), currentMachines().machines)
  } catch (thrown) {
    if (thrown instanceof TraceError) throw new UsageError(`${path}: ${thrown.message}`)
    throw thrown
  }
}

interface CheckedFile extends Checked {
  readonly trace: string
}

/** One line for each offence, with its place; one for a trace without any. */
function verdictLines({ trace, machine, command, isComplete, offences }: CheckedFile): readonly string[] {
  const what = machine ?? command ?? 'no machine'
  const end = isComplete ? '' : '; it has no end: the hook was killed, or its trace could not be written on'
  if (offences.length === 0) return [`${trace}: a path of ${what} that keeps its promises${end}`]
  return [
    ...offences.map(({ line, says }) => `${trace}:${line}: ${says}`),
    `${trace}: not a path of ${what} of this version, or a promise is broken${end}`
  ]
}

async function check(traces: readonly string[], isJson: boolean, deps: CliDependencies): Promise<number> {
  const checked: CheckedFile[] = []
  const { machines } = currentMachines()
  for (const trace of traces) checked.push({ trace, ...checkTrace(await readTrace(deps, trace), machines) })
  if (isJson) writeJson(deps.write, checked)
  else for (const text of checked.flatMap(verdictLines)) writeLine(deps.write, plain(text))
  return checked.every(({ offences }) => offences.length === 0) ? 0 : 1
}

export const replay = declare(
  {
    name: 'replay',
    summary: 'show what a recorded run did and when, or check that it is true',
    about: `Shows a recorded command of the runner: every step with its time, failed attempts, a table of the stages, and how it ended.
Every command writes its trace: into _diag/slipway on the runner, or where ACTIONS_RUNNER_CONTAINER_HOOKS_TRACE_DIRECTORY says.

--check shows nothing of the run and says whether its trace is true: a path of its machine, with no more attempts than there
may be, times that do not go back, cleanup on every way out, and an outcome and exit code that fit. For each offence it writes
one line with its place. A trace of an older version is told what of it is no path of this version's machine.`,
    operands: ['TRACE'],
    repeats: true,
    options: {
      check: { type: 'boolean', help: 'check the traces instead of showing one' },
      json: {
        type: 'boolean',
        help: 'the command, its steps, stages and end as one JSON document; the offences with --check'
      }
    },
    examples: [
      ['slipway replay /home/runner/_diag/slipway/20261124-135229-123-runner-abc-run-container-step-1f2e3d4c.jsonl'],
      ["slipway replay run.jsonl --json | jq '.stages[] | {label, tookMs, attempts}'"],
      ['slipway replay --check /home/runner/_diag/slipway/*.jsonl'],
      ['slipway diagram --html machines.html', 'then drop the trace on the page to step through it']
    ],
    exitCodes: [
      [0, 'shown, however the run itself ended; with --check, every trace is true, or true as far as it goes'],
      [1, 'with --check, a trace has an offence, or a file is no trace'],
      [2, 'the command line is wrong, or the file to show is no trace']
    ]
  },
  async ({ values, operands: [path = '', ...more] }, deps) => {
    if (values.check) return await check([path, ...more], values.json, deps)
    if (more.length > 0) throw new UsageError('replay: one TRACE is shown at a time; --check takes several')
    const shown = replayOf(path, await readTrace(deps, path))
    if (values.json) writeJson(deps.write, shown)
    else for (const line of [...stepsAndStages(shown), ...endLines(shown).map(plain)]) writeLine(deps.write, line)
    return 0
  }
)
