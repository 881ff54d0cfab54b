/** A node that knows no user namespaces costs a step one attempt of its build, and the builds after it nothing. */
import { expect, test } from 'vitest'
import { judgePlayed } from './support/judge.ts'
import { play } from './support/play.ts'
import type { BuildStory, Program, Scenario } from './support/story.ts'

const program = (exitCode: number): Program => ({ lines: [{ atMs: 0, text: 'one' }], endsAfterMs: 500, exitCode })
const usual = { scheduledAfterMs: 0, pullFailures: 0, pullMessage: '', startedAfterMs: 100, reportedAfterMs: 100 }
const build: BuildStory = { ...usual, program: program(0), pushes: [{ endsAfterMs: 300, isAccepted: true }] }
const scenarioOf = (...builds: readonly BuildStory[]): Scenario => ({
  asksFor: 'Dockerfile',
  builds,
  step: { ...usual, program: program(0) },
  faults: [],
  orders: []
})
const MEMORY = 'secret runner-abc-secret-no-user-namespace'
/** Its first attempt, until that is given up. */
const FIRST_MS_MAX = 45_000

test('the build is made without, after one line that says why and what to set, and this is remembered', async () => {
  const scenario = scenarioOf({ ...build, withoutUserNamespaces: true })
  const played = await play(scenario)
  const { history, left, world } = played
  expect(history?.output).toMatchObject({ outcome: 'succeeded', stages: { building: { attempts: 2 } } })
  expect(history?.endedAtMs).toBeLessThan(FIRST_MS_MAX + 15_000)
  expect(history?.facts.flatMap(({ fact }) => (fact.type === 'attemptFailed' ? fact : []))).toMatchObject([
    {
      code: 'user-namespace-unavailable',
      message: expect.stringMatching(/node-1 set up neither it.*BUILD_USER_NAMESPACE to off/),
      retrying: true
    }
  ])
  expect(world.done.builds).toBe(1)
  // It belongs to the runner pod, and goes with it.
  expect(left).toEqual([MEMORY])
  expect(judgePlayed(scenario, played).filter((complaint) => !complaint.includes(MEMORY))).toEqual([])
})

test('a build that is lost before it has begun costs no user namespace', async () => {
  const lost: BuildStory = { ...build, mishap: { kind: 'deleted by others', afterMs: 50 } }
  const played = await play(scenarioOf(lost, build))
  expect(played.history?.output).toMatchObject({ outcome: 'succeeded', stages: { building: { attempts: 2 } } })
  expect(played.left).toEqual([])
})
