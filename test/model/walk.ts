/** Follows a recorded run through the reference: whether it went where a table written by hand says. */
import { ERROR_CODES, type ErrorCode } from '../../src/errors.ts'
import type { History } from '../support/history.ts'
import type { Script } from '../support/script.ts'
import { nameOf } from './agreement.ts'
import { begin, next, RULES, type Rules } from './reference.ts'

type Decisions = Pick<Script, 'resolution' | 'exitCode'>

/** What resolving answers with, in the words of the models. */
export const RESOLVED = {
  build: 'to build',
  'in-place': 'to build in place',
  ahead: 'being built ahead',
  standing: 'built ahead in place',
  cached: 'already built',
  prebuilt: 'prebuilt'
} as const

/** What a stage has answered: what was decided there, or the one thing that it can answer. */
function answerOf({ stages }: Rules, stage: string, { resolution, exitCode }: Decisions): string {
  const answers = Object.keys(stages[stage] ?? {})
  const job = resolution === 'prebuilt' ? 'planned' : 'planned after an earlier job'
  const isAhead = answers.includes('nothing to build')
  const isNothing = resolution === 'cached' || resolution === 'standing'
  const ahead = isNothing ? 'nothing to build' : resolution === 'in-place' ? RESOLVED[resolution] : 'to build'
  const decided = [isAhead ? ahead : RESOLVED[resolution], job, exitCode === 0 ? 'exited with 0' : 'exited with 3']
  return answers.find((answer) => decided.includes(answer)) ?? answers[0] ?? ''
}

/** How the reference calls what led to a state; `code`: of the attempt that failed before. */
function wordsOf(rules: Rules, event: string, stage: string, code: ErrorCode | undefined, script: Decisions): string {
  if (event === 'CANCEL') return 'cancel'
  const what = event === 'TRY_FAILED' ? 'a try' : stage
  if (code !== undefined) return `${what} failed for ${ERROR_CODES[code].retryable ? 'now' : 'good'}`
  if (event === 'TRY_STARTED') return 'next try'
  if (event.endsWith('.budget')) return `${stage} took too long`
  if (event.endsWith('.backOff')) return `${stage} backed off`
  return answerOf(rules, stage, script)
}

/** Where the run left the way, in one line; none when it went to its end as the reference does. */
export function straysOf({ machine, facts, budgets, output }: History, script: Decisions): readonly string[] {
  const rules = RULES[machine]
  if (rules === undefined) return [`the reference has no ${machine}`]
  let situation = begin(rules)
  let code: ErrorCode | undefined
  for (const { fact } of facts) {
    if (fact.type === 'attemptFailed') code = fact.code
    if (fact.type !== 'entered') continue
    if (fact.event !== 'xstate.init') {
      const words = wordsOf(rules, fact.event, situation.stage, code, script)
      const after = next(rules, situation, words, budgets[situation.stage]?.attemptsMax ?? 1)
      if (after === undefined) return [`${nameOf(rules, situation)}: ${words} cannot happen there`]
      situation = after
    }
    code = undefined
    const expected = nameOf(rules, situation)
    if (fact.state !== expected) return [`in ${fact.state} by ${fact.event} where the reference is in ${expected}`]
  }
  return situation.stage === output.outcome ? [] : [`ended as ${output.outcome} in ${situation.stage}`]
}
