/** Plays random jobs, in weather that hooks get through and in weather that nobody does; a failure prints how to replay it. */
import { describe, test, vi } from 'vitest'
import { chosenSeed, explore } from '../support/explore.ts'
import { whyNoContainers } from './support/container.ts'
import { quietJobs, stormyJobs } from './support/job-arbitrary.ts'
import { judgeJob, judgeStorm } from './support/job-judge.ts'
import { type JobPlayed, playJob } from './support/job-play.ts'
import type { JobStory } from './support/job-story.ts'

vi.mock('../../src/effects/system.ts', async (real) => ({
  ...(await real<object>()),
  ...(await import('./support/system.ts'))
}))

const RUNS = 4
/** Without looking for a smaller one: a job takes a second. */
const once = <T>() => ({ ...chosenSeed<T>(RUNS), endOnFailure: true })

const played = (judge: (story: JobStory, played: JobPlayed) => readonly string[]) => async (story: JobStory) =>
  judge(story, await playJob(story))

describe.skipIf(whyNoContainers() !== undefined)('random jobs', () => {
  test(`${RUNS} of them end as they are written`, () =>
    explore('sim', quietJobs, played(judgeJob), once(), 'job-random'))
  test(`${RUNS} of them end, and are cleaned up once the weather is fair`, () =>
    explore(
      'sim',
      stormyJobs,
      played((_story, end) => judgeStorm(end)),
      once(),
      'job-random'
    ))
})
