/** Goal: people can follow a run in the log. Method: facts in, lines out. */
import { describe, expect, it } from 'vitest'
import { createProgress, summaryLine } from '../../../../src/effects/log/progress.ts'
import { createReporter } from '../../../../src/effects/log/reporter.ts'
import type { RunFact } from '../../../../src/effects/run/wire.ts'
import type { StepOutput } from '../../../../src/machines/container-step.ts'
import { BUDGETS, JOB_STAGES, STEP_STAGES } from '../../../../src/machines/stages.ts'
import { attemptFailed, entered } from '../../../support/facts.ts'

function linesOf(facts: readonly RunFact[]): string[] {
  let written = ''
  const reporter = createReporter((data) => {
    written += data
  })
  const pushing = { budgetMs: 1, attemptsMax: 6, backOffMs: 1_000, backOffMsMax: 15_000 }
  const observe = createProgress(reporter, { stages: STEP_STAGES, budgets: { ...BUDGETS, pushing } })
  for (const [index, fact] of facts.entries()) observe(fact, index)
  return written.split('\n').slice(0, -1)
}

describe('the progress of a run', () => {
  it('tells the start of every stage once, and of nothing else', () => {
    const lines = linesOf([
      entered('', 'resolving.attempting'),
      entered('resolving.attempting', 'building.attempting'),
      entered('building.attempting', 'building.backingOff'),
      entered('building.backingOff', 'building.attempting'),
      entered('building.attempting', 'cleaningUp.attempting'),
      entered('cleaningUp.attempting', 'succeeded')
    ])
    expect(lines.map((line) => line.split(':')[0])).toEqual(['Resolve', 'Build', 'Clean up'])
  })

  it('tells why an attempt failed and when the next one comes', () => {
    expect(
      linesOf([attemptFailed('pushing', 1, 1_000), attemptFailed('pushing', 2, 2_000), attemptFailed('pushing', 6)])
    ).toEqual([
      'Push failed (registry-unreachable): connection refused; attempt 2 of 6 in about 1.0 s',
      'Push failed (registry-unreachable): connection refused; attempt 3 of 6 in about 2.0 s',
      'Push failed (registry-unreachable): connection refused'
    ])
  })
})

describe('the summary of a run', () => {
  const output: StepOutput = {
    outcome: 'failed',
    exitCode: 5,
    image: 'localhost:30500/f00d@sha256:abc',
    remaining: [],
    stages: {
      resolving: { attempts: 1, startedAtMs: 1_000, endedAtMs: 1_100 },
      building: { attempts: 1, startedAtMs: 1_100, endedAtMs: 13_400 },
      pushing: { attempts: 3, startedAtMs: 13_400, endedAtMs: 16_900 }
    }
  }

  it('has outcome, exit code, times, attempts and the image', () => {
    expect(summaryLine(output, { stages: STEP_STAGES })).toBe(
      'Failed with exit code 5 in 16 s: resolve 0.1 s, build 12 s, push 3.5 s (3 attempts); image localhost:30500/f00d@sha256:abc'
    )
  })

  it('does without an image', () => {
    expect(summaryLine({ ...output, image: undefined }, { stages: STEP_STAGES })).not.toContain('image')
  })

  it('says whether the image was built for this run', () => {
    const images = (['build', 'cached', 'prebuilt', undefined] as const).map((imageSource) =>
      summaryLine({ ...output, imageSource }, { stages: STEP_STAGES }).replace(/^.*; /, '')
    )
    expect(images.map((text) => text.replace(/ localhost.*/, ''))).toEqual([
      'built now, image',
      'built before, image',
      'image',
      'image'
    ])
  })

  it('calls a stage as its own machine does', () => {
    expect(summaryLine(output, { stages: JOB_STAGES })).toContain(': plan 0.1 s')
  })

  it.each([
    [{ used: 2, unused: 0 }, 'of 2 built ahead all were used'],
    [{ used: 0, unused: 1 }, 'of 1 built ahead 1 was never used'],
    [{ used: 1, unused: 2 }, 'of 3 built ahead 2 were never used']
  ])('of a cleanup says what was built for nothing: %j', (ahead, words) => {
    const cleaned = { ...output, outcome: 'succeeded', exitCode: 0, removed: [], ahead } as const
    expect(summaryLine(cleaned, { stages: STEP_STAGES })).toMatch(new RegExp(`there was nothing to remove; ${words}$`))
  })
})
