/** What the walk through the states looks like in the step log: stages, visible retries and one summary line, for people. */
import { OUTCOMES, type Outcome, type StageRecord } from '../../machines/run.ts'
import type { AnyStageName } from '../../machines/stages.ts'
import type { StageBudget, StateMeta } from '../../machines/table.ts'
import type { AheadCounts, Resolution } from '../../machines/types.ts'
import type { Observer } from '../run/wire.ts'
import type { Reporter } from './reporter.ts'

/** The stages of one machine, and what bounds them in this run; another one may have a stage of the same name that is for something else. */
export interface MachineStages {
  readonly stages: Readonly<Partial<Record<AnyStageName, StateMeta>>>
  readonly budgets: Readonly<Partial<Record<AnyStageName, StageBudget>>>
}

/** Writes a line when a stage starts, and when an attempt failed: why, and when the next one comes. */
export function createProgress(reporter: Reporter, { stages, budgets }: MachineStages): Observer {
  let current: AnyStageName | undefined
  return (fact) => {
    if (fact.type === 'entered') {
      const before = current
      current = fact.at?.stage
      const stage = current && stages[current]
      if (stage !== undefined && current !== before) reporter.line(`${stage.label}: ${stage.purpose}`)
    }
    if (fact.type === 'attemptFailed') {
      const { stage, attempt, code, message, nextInMs } = fact
      const next =
        nextInMs === undefined
          ? ''
          : `; attempt ${attempt + 1} of ${budgets[stage]?.attemptsMax} in about ${inSeconds(nextInMs)}`
      reporter.line(`${stages[stage]?.label ?? stage} failed (${code}): ${message}${next}`)
    }
  }
}

/** Of an output, what the log and the trace show. */
export interface ShownOutput {
  readonly outcome: Outcome
  readonly exitCode: number
  readonly image?: string | undefined
  readonly imageSource?: Resolution['kind'] | undefined
  readonly stages: Readonly<Partial<Record<AnyStageName, StageRecord>>>
  /** Only of a run that removes what others have made. */
  readonly removed?: readonly string[] | undefined
  readonly ahead?: AheadCounts | undefined
}

/** What is built in place makes none. */
const IMAGE_WORDS: Readonly<Record<Exclude<Resolution['kind'], 'in-place' | 'standing'>, string>> = {
  prebuilt: 'image',
  cached: 'built before, image',
  build: 'built now, image',
  ahead: 'built ahead, image'
}

/**
 * One line for a whole run: outcome, time and attempts of every stage, and the image by digest with whether it was built for this
 * run, or what was removed.
 */
export function summaryLine(output: ShownOutput, { stages }: Pick<MachineStages, 'stages'>): string {
  const records = Object.entries(output.stages)
  const parts = records.map(([name, { attempts, startedAtMs, endedAtMs }]) => {
    const label = (stages[name as AnyStageName]?.label ?? name).toLowerCase()
    const times = attempts > 1 ? ` (${attempts} attempts)` : ''
    return `${label} ${inSeconds((endedAtMs ?? startedAtMs) - startedAtMs)}${times}`
  })
  const starts = records.map(([, { startedAtMs }]) => startedAtMs)
  const ends = records.map(([, { startedAtMs, endedAtMs }]) => endedAtMs ?? startedAtMs)
  const total = records.length === 0 ? 0 : Math.max(...ends) - Math.min(...starts)
  const { outcome, exitCode, removed, ahead, imageSource = 'prebuilt' } = output
  const isNone = output.image === undefined || imageSource === 'in-place' || imageSource === 'standing'
  const image = isNone ? '' : `; ${IMAGE_WORDS[imageSource]} ${output.image}`
  if (outcome === 'succeeded' && removed !== undefined) {
    const what = removed.length === 0 ? 'there was nothing to remove' : `removed ${removed.join(', ')}`
    return `Cleaned up in ${inSeconds(total)} (${parts.join(', ')}): ${what}${ahead === undefined ? '' : aheadWords(ahead)}`
  }
  return `${OUTCOMES[outcome].label} with exit code ${exitCode} in ${inSeconds(total)}: ${parts.join(', ')}${image}`
}

/** A build that no step has used was for nothing. */
const aheadWords = ({ used, unused }: AheadCounts) =>
  `; of ${used + unused} built ahead ${unused === 0 ? 'all were used' : `${unused} ${unused === 1 ? 'was' : 'were'} never used`}`

const inSeconds = (ms: number) => `${(ms / 1_000).toFixed(ms < 9_950 ? 1 : 0)} s`
