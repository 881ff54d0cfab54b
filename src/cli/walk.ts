/** The walk through the states as lines for people, one fact at a time, for the commands that run an action. */
import type { Observer, RunFact } from '../effects/run/wire.ts'
import { OUTCOMES, type Outcome } from '../machines/run.ts'
import { STEP_STAGES, type StageName } from '../machines/stages.ts'
import type { Line } from './screen.ts'

/** What the walk has to remember between two facts. */
export interface Walk {
  /** The stage that is being walked through. */
  readonly stage?: StageName | undefined
  /** When that stage began. */
  readonly stageStartedAtMs: number
  /** Attempts of that stage, the running one included. */
  readonly attempts: number
  /** The stage has failed for good; its line is printed already. */
  readonly hasFailed: boolean
}

export interface WalkLine {
  readonly mark: 'begins' | 'done' | 'failed' | 'cancelled'
  readonly text: string
}

export const WALK_START: Walk = { stageStartedAtMs: 0, attempts: 0, hasFailed: false }

/** Only container steps are run here. */
const labelOf = (stage: string): string => STEP_STAGES[stage as StageName].label

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`
const times = (attempts: number): string => (attempts > 1 ? `, ${attempts} attempts` : '')

/** What one fact adds: the walk after it, and the lines to print. Times are milliseconds since the run began. */
export function step(walk: Walk, fact: RunFact, atMs: number): { walk: Walk; lines: readonly WalkLine[] } {
  if (fact.type === 'attemptFailed') {
    const text = `${labelOf(fact.stage)}: attempt ${fact.attempt} failed: ${fact.code}: ${fact.message}`
    const line: WalkLine = { mark: 'failed', text: fact.retrying ? `${text}; will try again` : text }
    return { walk: { ...walk, hasFailed: !fact.retrying }, lines: [line] }
  }
  if (fact.type === 'timedOut') {
    return { walk: { ...walk, hasFailed: true }, lines: [endOf(walk, 'failed', ': out of time', atMs)] }
  }
  const { at, event } = fact
  if (at !== undefined && at.stage === walk.stage) {
    if (at.phase === 'backingOff') return { walk, lines: [] }
    const text = `${labelOf(at.stage)}: ${event === 'CANCEL' ? 'in a hurry' : `attempt ${at.attempt}`}`
    return { walk: { ...walk, attempts: at.attempt }, lines: [{ mark: 'begins', text }] }
  }
  const lines: WalkLine[] = []
  if (walk.stage !== undefined && !walk.hasFailed) {
    lines.push(event === 'CANCEL' ? endOf(walk, 'cancelled', ': cancelled', atMs) : endOf(walk, 'done', '', atMs))
  }
  lines.push(at === undefined ? outcomeLine(fact.state as Outcome) : { mark: 'begins', text: labelOf(at.stage) })
  const stage = at?.stage as StageName | undefined
  return { walk: { stage, stageStartedAtMs: atMs, attempts: 1, hasFailed: false }, lines }
}

const endOf = (walk: Walk, mark: WalkLine['mark'], how: string, atMs: number): WalkLine => ({
  mark,
  text: `${labelOf(walk.stage ?? '')} (${seconds(atMs - walk.stageStartedAtMs)}${times(walk.attempts)})${how}`
})

const OUTCOME_MARKS: Readonly<Record<Outcome, WalkLine['mark']>> = {
  succeeded: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
  stuck: 'failed'
}

const outcomeLine = (outcome: Outcome): WalkLine => ({
  mark: OUTCOME_MARKS[outcome],
  text: `${OUTCOMES[outcome].label}: ${OUTCOMES[outcome].purpose}`
})

const MARKS = {
  begins: { sign: '>', colour: 'cyan' },
  done: { sign: '✓', colour: 'green' },
  failed: { sign: '✗', colour: 'red' },
  cancelled: { sign: '-', colour: 'yellow' }
} as const

/** `   1.53 s ✓ Build (0.95 s)`. */
export function formatLine({ mark, text }: WalkLine, atMs: number): Line {
  const { sign, colour } = MARKS[mark]
  return { text: `${seconds(atMs).padStart(9)} ${sign} ${text}`, colour }
}

/** An observer that prints the walk; `startedAtMs` is on the same clock as the facts. */
export function createWalk(print: (line: Line) => void, startedAtMs: number): Observer {
  let walk = WALK_START
  return (fact, clockMs) => {
    const atMs = clockMs - startedAtMs
    const next = step(walk, fact, atMs)
    walk = next.walk
    for (const line of next.lines) print(formatLine(line, atMs))
  }
}
