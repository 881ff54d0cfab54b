/** Ports remember nothing: with new ones for every single call a step goes as it does with the same ones throughout. */
import { expect, test } from 'vitest'
import { judgePlayed } from './support/judge.ts'
import { type Played, type PortsMaker, play } from './support/play.ts'
import type { BuildStory, Program, Scenario } from './support/story.ts'

const newForEveryCall: PortsMaker = (make) => ({
  clock: make().clock,
  resolver: { resolve: (...given) => make().resolver.resolve(...given) },
  joiner: { join: (...given) => make().joiner.join(...given) },
  builder: { build: (...given) => make().builder.build(...given) },
  pusher: { push: (...given) => make().pusher.push(...given) },
  inPlace: {
    take: (...given) => make().inPlace.take(...given),
    buildInPlace: (...given) => make().inPlace.buildInPlace(...given),
    handOver: (...given) => make().inPlace.handOver(...given)
  },
  runner: { pull: (...given) => make().runner.pull(...given), run: (...given) => make().runner.run(...given) },
  workspace: { collect: (...given) => make().workspace.collect(...given) },
  janitor: { cleanUp: (...given) => make().janitor.cleanUp(...given) }
})

const program = (exitCode: number): Program => ({ lines: [{ atMs: 0, text: 'one' }], endsAfterMs: 500, exitCode })
const usual = { scheduledAfterMs: 0, pullFailures: 0, pullMessage: '', startedAfterMs: 100, reportedAfterMs: 100 }
const pushes = [
  { endsAfterMs: 300, isAccepted: false },
  { endsAfterMs: 300, isAccepted: false },
  { endsAfterMs: 300, isAccepted: true }
]
const built: BuildStory = { ...usual, program: program(0), pushes }
const lost: BuildStory = { ...built, mishap: { kind: 'deleted by others', afterMs: 300 } }
const scenarioOf = (builds: readonly BuildStory[], cancelAtMs?: number): Scenario => ({
  asksFor: 'Dockerfile',
  builds,
  step: { ...usual, program: program(3) },
  faults: [],
  orders: cancelAtMs === undefined ? [] : [{ does: 'cancel', atMs: cancelAtMs }]
})

const told = ({ history, left, shownRun }: Played) => ({
  stages: history?.calls.map(({ stage, ending }) => `${stage} ${ending}`),
  outcome: history?.output.outcome,
  failure: history?.output.failure?.code,
  attempts: history?.output.stages.pushing?.attempts,
  left,
  shownRun
})

test.each([
  ['a step whose build pod is lost, and whose push fails twice', scenarioOf([lost, built]), 'failed'],
  ['a step that is cancelled while it pushes', scenarioOf([built], 1_900), 'cancelled'],
  ['a Dockerfile that fails', scenarioOf([{ ...built, program: program(1) }]), 'failed']
])('%s', async (_title, scenario, outcome) => {
  const [once, anew] = [await play(scenario), await play(scenario, newForEveryCall)]
  expect(judgePlayed(scenario, anew)).toEqual([])
  expect(told(anew)).toEqual(told(once))
  expect(told(anew)).toMatchObject({ outcome, left: [] })
})
