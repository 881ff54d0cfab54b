/** Goal: the tables of stages hang together, whatever the machines do with them. Method: rules for every row. */
import { describe, expect, it, test } from 'vitest'
import { ERROR_CODES, type ErrorCode } from '../../../src/errors.ts'
import { OUTCOMES } from '../../../src/machines/run.ts'
import { backOffMs } from '../../../src/machines/stage.ts'
import { BUDGETS, CLEANUP_BUDGET_MS, JOB_BUDGETS, SCRIPT_BUDGETS } from '../../../src/machines/stages.ts'
import { COMMON_CODES, type Stage } from '../../../src/machines/table.ts'
import { STAGES_OF } from '../../support/stages-of.ts'

const rows = Object.entries(STAGES_OF).flatMap(([machine, stages]) =>
  Object.entries(stages).map(([name, stage]): readonly [string, string, Stage] => [machine, name, stage])
)
const isRetryable = (code: ErrorCode) => ERROR_CODES[code].retryable

/** The runner's times between its signals (hook-protocol section 10). */
const [TO_SIGTERM_MS, TO_SIGKILL_MS] = [7_500, 2_500]

describe.each(rows)('%s: %s', (_machine, name, { label, purpose, budget, codes }) => {
  it('tells people what it is called and what it is for', () => {
    expect(label).toMatch(/^[A-Z]\w+( \w+)*$/)
    expect(purpose).toMatch(/^[A-Z].*\w\.$/)
  })

  it('has time for all its attempts and the waits between them', () => {
    const { budgetMs, attemptsMax, backOffMs: first, backOffMsMax } = budget
    const waits = Array.from({ length: Math.min(attemptsMax, 100) - 1 }, (_, index) => backOffMs(budget, index + 1))
    expect(budgetMs).toBeGreaterThanOrEqual(10_000)
    expect(budgetMs).toBeGreaterThan(waits.reduce((sum, ms) => sum + ms, 0))
    expect(first).toBeLessThanOrEqual(backOffMsMax)
    // A wait that is no time asks too often, one of minutes is noticed by people.
    for (const ms of waits) expect(ms >= 100 && ms <= 30_000).toBe(true)
  })

  it('is attempted again exactly where another attempt can help', () => {
    const canHelp = [...COMMON_CODES, ...codes].some(isRetryable) && name !== 'running'
    expect(budget.attemptsMax > 1).toBe(canHelp)
  })

  it('lists each of its own codes once', () => {
    expect(new Set([...COMMON_CODES, ...codes]).size).toBe(COMMON_CODES.length + codes.length)
  })
})

test('the stages of a machine have different names for people', () => {
  for (const stages of Object.values(STAGES_OF)) {
    const labels = Object.values(stages).map(({ label }) => label)
    expect(new Set(labels).size).toBe(labels.length)
  }
})

test('every code leaves some stage, but for cancelled, which is no failure of one', () => {
  const listed = new Set<string>([...COMMON_CODES, ...rows.flatMap(([, , { codes }]) => codes)])
  expect(Object.keys(ERROR_CODES).filter((code) => !listed.has(code))).toEqual(['cancelled'])
})

test.each<readonly [string, string, readonly ErrorCode[]]>([
  ['container-step', 'pulling', ['image-not-found', 'image-denied', 'image-pull-failed', 'start-failed']],
  ['job-start', 'starting', ['image-not-found', 'image-denied', 'image-pull-failed', 'start-failed', 'out-of-memory']],
  ['container-step', 'running', ['out-of-memory', 'evicted', 'run-lost', 'run-deadline-exceeded']],
  ['script-step', 'executing', ['out-of-memory', 'evicted', 'run-lost', 'run-deadline-exceeded']],
  ['container-step', 'resolving', ['invalid-input', 'not-configured', 'not-supported']],
  ['job-start', 'resolving', ['invalid-input', 'not-configured', 'not-supported']],
  ['container-step', 'cleaningUp', ['cleanup-failed']],
  ['job-start', 'cleaningUp', ['cleanup-failed']],
  ['script-step', 'cleaningUp', ['cleanup-failed']]
])('%s: %s may end with what happens to pods and to requests', (machine, name, codes) => {
  expect(STAGES_OF[machine]?.[name]?.codes).toEqual(expect.arrayContaining([...codes]))
})

test('what a stage creates is what its backends make', () => {
  const creates = Object.fromEntries(
    rows.flatMap(([machine, name, stage]) =>
      stage.creates === undefined ? [] : [[`${machine} ${name}`, [...stage.creates].sort()]]
    )
  )
  expect(creates).toEqual({
    'ahead-build building': ['build-pod'],
    'ahead-build buildingInPlace': ['standing-pod'],
    'container-step building': ['build-pod', 'directory', 'image'],
    'container-step buildingInPlace': ['build-pod'],
    'container-step taking': ['standing-pod'],
    'container-step pulling': ['container', 'directory', 'pod', 'secret'],
    'job-start placing': ['pod', 'secret'],
    'script-step executing': ['process']
  })
})

test('a program may run as long as a job may', () => {
  const dayMs = 24 * 60 * 60_000
  expect(BUDGETS.running.budgetMs).toBe(5 * dayMs)
  expect(SCRIPT_BUDGETS.executing.budgetMs).toBe(5 * dayMs)
})

test('a budget is that of its stage', () => {
  for (const [budgets, machine] of [
    [BUDGETS, 'container-step'],
    [JOB_BUDGETS, 'job-start'],
    [SCRIPT_BUDGETS, 'script-step']
  ] as const) {
    const stages = STAGES_OF[machine] ?? {}
    expect(budgets).toEqual(Object.fromEntries(Object.entries(stages).map(([name, { budget }]) => [name, budget])))
  }
})

test('cleanup ends before the runner loses patience, and is given some time even then', () => {
  const [unhurried, afterSigint, afterSigterm] = CLEANUP_BUDGET_MS
  expect(unhurried).toBe(60_000)
  expect(TO_SIGTERM_MS - afterSigint).toBeGreaterThanOrEqual(1_000)
  expect(TO_SIGKILL_MS - afterSigterm).toBeGreaterThanOrEqual(1_000)
  expect(afterSigint).toBeGreaterThan(afterSigterm)
  expect(afterSigterm).toBeGreaterThanOrEqual(1_000)
})

test('the ends tell people what they mean', () => {
  const metas = Object.values(OUTCOMES)
  for (const { label, purpose } of metas) {
    expect(label).toMatch(/^[A-Z]\w+$/)
    expect(purpose).toMatch(/^[A-Z].*\w\.$/)
  }
  expect(new Set(metas.map(({ label }) => label)).size).toBe(4)
})
