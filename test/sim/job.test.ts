/** Plays whole jobs, in which the product's own scripts run in a real shell, through the hook's own entry and a simulated cluster. */
import { describe, expect, test, vi } from 'vitest'
import { whyNoContainers } from './support/container.ts'
import { judgeJob } from './support/job-judge.ts'
import { playJob } from './support/job-play.ts'
import { JOBS } from './support/jobs.ts'

vi.mock('../../src/effects/system.ts', async (real) => ({
  ...(await real<object>()),
  ...(await import('./support/system.ts'))
}))

const obstacle = whyNoContainers()
if (obstacle !== undefined)
  console.warn(`\n*** Jobs are not simulated, for containers cannot be made here: ${obstacle} ***\n`)

describe.skipIf(obstacle !== undefined)('a job is kept through', () => {
  for (const { what, story } of JOBS) {
    test(what, async () => expect(judgeJob(story, await playJob(story))).toEqual([]))
  }
})
