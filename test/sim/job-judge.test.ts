/** The judge of simulated jobs notices what it is there for: each promise is broken once. */
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { whyNoContainers } from './support/container.ts'
import { judgeJob, judgeStorm } from './support/job-judge.ts'
import { type JobPlayed, playJob, type StepEnd } from './support/job-play.ts'
import { type JobStory, SMOOTH } from './support/job-story.ts'
import { SECRET } from './support/runner.ts'

vi.mock('../../src/effects/system.ts', async (real) => ({
  ...(await real<object>()),
  ...(await import('./support/system.ts'))
}))

const story: JobStory = {
  mode: 'copy',
  job: { image: 'debian:1', services: [], course: SMOOTH },
  steps: [
    [
      {
        id: 'one',
        runs: 'image',
        exitCode: 0,
        deeds: [
          { does: 'say', text: 'said' },
          { does: 'write', path: 'new', text: 'written' },
          { does: 'output', text: 'handed over' }
        ]
      }
    ]
  ],
  builds: [],
  faults: []
}

const step =
  (change: Partial<StepEnd>) =>
  (played: JobPlayed): JobPlayed => ({ ...played, steps: played.steps.map((one) => ({ ...one, ...change })) })

const wrong: readonly (readonly [string, (played: JobPlayed) => JobPlayed, 'in every weather'?])[] = [
  ['another exit code', step({ exitCode: 1 }), 'in every weather'],
  ['a program that ran twice', step({ witnessed: ['started', 'started', 'ended'] }), 'in every weather'],
  ['a success of a program that did not end', step({ witnessed: ['started'] }), 'in every weather'],
  ['a line that is shown twice', step({ shown: 'said\nsaid\n' }), 'in every weather'],
  ['a line that is not shown', step({ shown: '' })],
  ['an output that gets lost', step({ output: '' }), 'in every weather'],
  ['files that do not get to the program', step({ seen: './README.md:read me\n' })],
  ['files that do not come back', step({ files: './README.md:read me\n' })],
  ['file commands of others', step({ commands: 'set_output_one\nset_output_two\n' })],
  ['a pod of the step that stays', step({ leftOfIt: ['pod x'] })],
  ['a step that takes for ever', step({ tookMs: 5 * 24 * 3_600_000 }), 'in every weather'],
  ['a secret in the log', step({ log: SECRET })],
  [
    'a cleanup that fails',
    (played) => ({ ...played, cleaned: { ...played.cleaned, exitCode: 1 } }),
    'in every weather'
  ],
  ['a cleanup that does not wait', (played) => ({ ...played, leftAtEnd: ['pod x'] }), 'in every weather'],
  ['what comes back after the cleanup', (played) => ({ ...played, left: ['image x'] }), 'in every weather'],
  ['a step that is left out', (played) => ({ ...played, steps: [] })]
]

describe.skipIf(whyNoContainers() !== undefined)('the judge of jobs notices', () => {
  let played: JobPlayed
  beforeAll(async () => {
    played = await playJob(story)
  })

  test('nothing where nothing is wrong', () => {
    expect([judgeJob(story, played), judgeStorm(played)]).toEqual([[], []])
  })
  for (const [what, spoil, everyWeather] of wrong) {
    test(what, () => {
      expect(judgeJob(story, spoil(played))).not.toEqual([])
      if (everyWeather) expect(judgeStorm(spoil(played))).not.toEqual([])
    })
  }
})
