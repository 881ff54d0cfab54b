/** What the walk through the states looks like in the step log: stages, visible retries and one summary line, for people. */
import { ANY_BUDGET, type AnyStageName, backOffMs, type StageBudget } from '../machines/budgets.ts'
import { ANY_STAGE, OUTCOMES } from '../machines/states.ts'
import type { Outcome, StageRecord } from '../machines/types.ts'
import type { Reporter } from './reporter.ts'
import type { Observer } from './wire.ts'

const ATTEMPTING = '.attempting'

/** Writes a line when a stage starts, and when an attempt failed: why, and when the next one comes. */
export function createProgress(
  reporter: Reporter,
  budgets: Readonly<Partial<Record<AnyStageName, StageBudget>>>
): Observer {
  return (fact) => {
    if (fact.type === 'entered') {
      const stage = stageOf(fact.state)
      if (stage !== undefined && stage !== stageOf(fact.from)) {
        reporter.line(`${ANY_STAGE[stage].label}: ${ANY_STAGE[stage].purpose}`)
      }
      return
    }
    const { stage, attempt, code, message, retrying } = fact
    const budget = budgets[stage] ?? ANY_BUDGET[stage]
    const next = `; attempt ${attempt + 1} of ${budget.attemptsMax} in about ${inSeconds(backOffMs(budget, attempt))}`
    reporter.line(`${ANY_STAGE[stage].label} failed (${code}): ${message}${retrying ? next : ''}`)
  }
}

/** The stage of `building.attempting`; of nothing else, so that a back-off does not start its stage anew. */
function stageOf(state: string): AnyStageName | undefined {
  const name = state.endsWith(ATTEMPTING) ? state.slice(0, -ATTEMPTING.length) : state.replace(/\.backingOff$/, '')
  return name in ANY_STAGE ? (name as AnyStageName) : undefined
}

/** What the outputs of all machines have in common. */
export interface RunOutput {
  readonly outcome: Outcome
  readonly exitCode: number
  readonly image?: string | undefined
  readonly stages: Readonly<Partial<Record<AnyStageName, StageRecord>>>
}

/** One line for a whole run: outcome, time and attempts of every stage, and the image by digest. */
export function summaryLine(output: RunOutput): string {
  const stages = Object.entries(output.stages)
  const parts = stages.map(([name, { attempts, startedAtMs, endedAtMs }]) => {
    const label = ANY_STAGE[name as AnyStageName].label.toLowerCase()
    const times = attempts > 1 ? ` (${attempts} attempts)` : ''
    return `${label} ${inSeconds((endedAtMs ?? startedAtMs) - startedAtMs)}${times}`
  })
  const starts = stages.map(([, { startedAtMs }]) => startedAtMs)
  const ends = stages.map(([, { startedAtMs, endedAtMs }]) => endedAtMs ?? startedAtMs)
  const total = stages.length === 0 ? 0 : Math.max(...ends) - Math.min(...starts)
  const image = output.image === undefined ? '' : `; image ${output.image}`
  const outcome = OUTCOMES[output.outcome].label
  return `${outcome} with exit code ${output.exitCode} in ${inSeconds(total)}: ${parts.join(', ')}${image}`
}

const inSeconds = (ms: number) => `${(ms / 1_000).toFixed(ms < 9_950 ? 1 : 0)} s`
