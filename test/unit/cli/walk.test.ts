/** Facts of a run as the lines that people see. */
import { expect, test } from 'vitest'
import { createWalk, formatLine } from '../../../src/cli/walk.ts'
import type { RunFact } from '../../../src/effects/run/wire.ts'
import { attemptFailed, entered } from '../../support/facts.ts'

/** The lines of a run whose clock starts at 1 s; times are milliseconds after that. */
function walkOf(facts: readonly (readonly [number, RunFact])[]): string[] {
  const lines: string[] = []
  const observe = createWalk((line) => lines.push(line.text.trim()), 1_000)
  for (const [ms, fact] of facts) observe(fact, 1_000 + ms)
  return lines
}

test('a stage begins and ends with a tick and its time', () => {
  expect(
    walkOf([
      [10, entered('', 'resolving.attempting', 'xstate.init')],
      [30, entered('resolving.attempting', 'building.attempting', 'xstate.done.actor.resolving')],
      [2_030, entered('building.attempting', 'pushing.attempting', 'xstate.done.actor.building')]
    ])
  ).toEqual([
    '0.01 s > Resolve',
    '0.03 s ✓ Resolve (0.02 s)',
    '0.03 s > Build',
    '2.03 s ✓ Build (2.00 s)',
    '2.03 s > Push'
  ])
})

test('failed attempts have a cross and a number, and the stage says how many there were', () => {
  expect(
    walkOf([
      [0, entered('building.attempting', 'pushing.attempting', 'xstate.done.actor.building')],
      [100, attemptFailed('pushing', 1, 500)],
      [100, entered('pushing.attempting', 'pushing.backingOff', 'xstate.error.actor.pushing')],
      [600, entered('pushing.backingOff', 'pushing.attempting', 'xstate.done.actor.pushing.backOff', 2)],
      [900, entered('pushing.attempting', 'pulling.attempting', 'xstate.done.actor.pushing')]
    ]).slice(1)
  ).toEqual([
    '0.10 s ✗ Push: attempt 1 failed: registry-unreachable: connection refused; will try again',
    '0.60 s > Push: attempt 2',
    '0.90 s ✓ Push (0.90 s, 2 attempts)',
    '0.90 s > Pull'
  ])
})

test('a stage that failed for good gets no tick', () => {
  expect(
    walkOf([
      [0, entered('resolving.attempting', 'building.attempting', 'xstate.done.actor.resolving')],
      [50, attemptFailed('building', 1)],
      [50, entered('building.attempting', 'cleaningUp.attempting', 'xstate.error.actor.building')],
      [80, entered('cleaningUp.attempting', 'failed', 'xstate.done.actor.cleaningUp')]
    ]).slice(1)
  ).toEqual([
    '0.05 s ✗ Build: attempt 1 failed: registry-unreachable: connection refused',
    '0.05 s > Clean up',
    '0.08 s ✓ Clean up (0.03 s)',
    '0.08 s ✗ Failed: A stage failed, or what was run exited with another code.'
  ])
})

test('cancelling and running out of time are told apart from failing', () => {
  const [, cancelled] = walkOf([
    [0, entered('resolving.attempting', 'building.attempting', 'xstate.done.actor.resolving')],
    [50, entered('building.attempting', 'cleaningUp.attempting', 'CANCEL')]
  ])
  expect(cancelled).toBe('0.05 s - Build (0.05 s): cancelled')
  const [, late] = walkOf([
    [0, entered('resolving.attempting', 'building.attempting', 'xstate.done.actor.resolving')],
    [50, { type: 'timedOut', stage: 'building', attempt: 1, afterMs: 50 }],
    [50, entered('building.backingOff', 'cleaningUp.attempting', 'xstate.done.actor.building.budget')]
  ])
  expect(late).toBe('0.05 s ✗ Build (0.05 s): out of time')
  const [, hurried] = walkOf([
    [0, entered('collecting.attempting', 'cleaningUp.attempting')],
    [50, entered('cleaningUp.attempting', 'cleaningUp.attempting', 'CANCEL')]
  ])
  expect(hurried).toBe('0.05 s > Clean up: in a hurry')
})

test('a line has its time, its sign and its colour', () => {
  const line = { mark: 'done', text: 'Build' } as const
  expect(formatLine(line, 1_530)).toEqual({ text: '   1.53 s ✓ Build', colour: 'green' })
})
