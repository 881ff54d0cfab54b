/** The walk through the states as lines for people, one fact at a time, for the commands that run an action. */
import type { Observer, StepFact } from '../effects/run/wire.ts'
import type { StageName } from '../machines/budgets.ts'
import { ANY_STAGE, OUTCOMES, STAGES } from '../machines/states.ts'
import type { Outcome } from '../machines/types.ts'
import type { Line } from './screen.ts'

/** What the walk has to remember between two facts. */
export interface Walk {
  /** When the stage that is being walked through began. */
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

const stageOf = (state: string): StageName | undefined => {
  const [name = ''] = state.split('.')
  return Object.hasOwn(STAGES, name) ? (name as StageName) : undefined
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`
const times = (attempts: number): string => (attempts > 1 ? `, ${attempts} attempts` : '')

/** What one fact adds: the walk after it, and the lines to print. Times are milliseconds since the run began. */
export function step(walk: Walk, fact: StepFact, atMs: number): { walk: Walk; lines: readonly WalkLine[] } {
  if (fact.type === 'attemptFailed') {
    const text = `${ANY_STAGE[fact.stage].label}: attempt ${fact.attempt} failed: ${fact.code}: ${fact.message}`
    const line: WalkLine = { mark: 'failed', text: fact.retrying ? `${text}; will try again` : text }
    return { walk: { ...walk, hasFailed: !fact.retrying }, lines: [line] }
  }
  const before = stageOf(fact.from)
  const after = stageOf(fact.state)
  if (before !== undefined && before === after) {
    if (!fact.state.endsWith('.attempting')) return { walk, lines: [] }
    const attempts = walk.attempts + 1
    return {
      walk: { ...walk, attempts },
      lines: [{ mark: 'begins', text: `${STAGES[before].label}: attempt ${attempts}` }]
    }
  }
  const lines: WalkLine[] = []
  if (before !== undefined && !walk.hasFailed) lines.push(endOf(before, walk, fact.event, atMs))
  if (after !== undefined) lines.push({ mark: 'begins', text: STAGES[after].label })
  else lines.push(outcomeLine(fact.state as Outcome))
  return { walk: { stageStartedAtMs: atMs, attempts: 1, hasFailed: false }, lines }
}

function endOf(stage: StageName, walk: Walk, event: string, atMs: number): WalkLine {
  const text = `${STAGES[stage].label} (${seconds(atMs - walk.stageStartedAtMs)}${times(walk.attempts)})`
  if (event === 'CANCEL') return { mark: 'cancelled', text: `${text}: cancelled` }
  if (event.endsWith('.budget')) return { mark: 'failed', text: `${text}: out of time` }
  return { mark: 'done', text }
}

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
