/** How far a step is comes to the ports as data, from the machine's context: they remember nothing themselves. */
import { expect, test } from 'vitest'
import { runContainerStep } from '../../../src/effects/run/wire.ts'
import { StepError } from '../../../src/errors.ts'
import type { CleanUpInput } from '../../../src/machines/inputs.ts'
import type { StepPorts } from '../../../src/machines/ports.ts'
import { BUDGETS } from '../../../src/machines/stages.ts'
import type { Resolution, Taken } from '../../../src/machines/types.ts'
import {
  BUILT_IN_PLACE,
  DIGEST,
  HANDED_OVER,
  PLAN,
  PUSHED_IMAGE,
  REQUEST,
  RESOLUTIONS,
  SOURCE
} from '../../support/container-step-model.ts'

const BUDGET = { budgetMs: 60_000, attemptsMax: 3, backOffMs: 0, backOffMsMax: 0 }
const budgets = { ...BUDGETS, building: BUDGET, buildingInPlace: BUDGET, pushing: { ...BUDGET, attemptsMax: 5 } }
const { nonce } = RESOLUTIONS.build
const COPIED_IN = { copiedAtMs: 7 }

interface Answers {
  /** How often a build fails before it goes well. */
  readonly lostBuilds?: number
  readonly resolution?: Resolution
  readonly taken?: Taken
  readonly run?: () => Promise<{ exitCode: number }>
}

/** A step with a Dockerfile; what each port was told, in order. */
async function told({
  lostBuilds = 0,
  resolution = RESOLUTIONS.build,
  taken = {},
  run = async () => ({ exitCode: 0 })
}: Answers = {}) {
  const inputs: (readonly [string, unknown])[] = []
  const note = (port: string, input: unknown) => void inputs.push([port, input])
  const ports: StepPorts = {
    clock: { now: () => 0, sleep: (ms) => (ms === 0 ? Promise.resolve() : new Promise(() => {})), jitter: (ms) => ms },
    resolver: {
      async resolve(input) {
        note('resolve', input)
        return resolution
      }
    },
    joiner: {
      async join(input) {
        note('join', input)
        return {}
      }
    },
    builder: {
      async build(input) {
        note('build', input)
        if (input.attempt <= lostBuilds) throw new StepError('builder-lost', 'its node is gone')
        return { digest: DIGEST, pod: `build-${input.attempt}` }
      }
    },
    pusher: {
      async push(input) {
        note('push', input)
        return PUSHED_IMAGE
      }
    },
    inPlace: {
      async take(input) {
        note('take', input)
        return taken
      },
      async buildInPlace(input) {
        note('build in place', input)
        if (input.attempt <= lostBuilds) throw new StepError('builder-lost', 'its node is gone')
        return BUILT_IN_PLACE
      },
      async handOver(input) {
        note('hand over', input)
        return HANDED_OVER
      }
    },
    runner: {
      async pull(input) {
        note('pull', input)
        return COPIED_IN
      },
      async run(input) {
        note('run', input)
        return await run()
      }
    },
    workspace: {
      async collect(input) {
        note('collect', input)
      }
    },
    janitor: {
      async cleanUp(input) {
        note('clean up', input)
      }
    }
  }
  await runContainerStep({ request: REQUEST, ports, budgets, observers: [] })
  const to = <T>(port: string) => inputs.filter(([name]) => name === port).map(([, input]) => input as T)
  return { to, cleanUp: to<CleanUpInput>('clean up')[0] }
}

test('how often a build may be attempted is known when its names are made', async () => {
  const { to } = await told()
  expect(to('resolve')).toEqual([{ request: REQUEST, buildAttemptsMax: 3 }])
})

test('each attempt at building has its number, what the one before has failed with, and the bounds of what comes after it', async () => {
  const { to } = await told({ lostBuilds: 1 })
  const build = { plan: PLAN, nonce, pushTriesMax: 5, deadlineMs: 120_000 }
  expect(to('build')).toEqual([
    { ...build, attempt: 1, failedWith: undefined },
    { ...build, attempt: 2, failedWith: 'builder-lost' }
  ])
})

test('what was built, and the pod that has it, is what is pushed', async () => {
  const { to } = await told({ lostBuilds: 1 })
  expect(to('push')).toEqual([
    expect.objectContaining({
      plan: PLAN,
      built: { digest: DIGEST, pod: 'build-2' },
      tries: { triesMax: 5, backOffMs: 0, backOffMsMax: 0 }
    })
  ])
})

test('what was pushed is pulled, run and collected under the names of this step', async () => {
  const { to } = await told()
  const run = { nonce, request: REQUEST, image: PUSHED_IMAGE }
  expect([to('pull'), to('run'), to('collect')]).toEqual([
    [{ ...run, isBuilt: true }],
    [run],
    [{ ...run, copiedIn: COPIED_IN }]
  ])
})

test('what is built in place is told the mounts of the step, and what follows where it was built', async () => {
  const { to } = await told({ lostBuilds: 1, resolution: RESOLUTIONS['in-place'] })
  const step = { nonce, request: REQUEST }
  expect(to('build in place')).toEqual([
    { ...step, source: SOURCE, attempt: 1, failedWith: undefined },
    { ...step, source: SOURCE, attempt: 2, failedWith: 'builder-lost' }
  ])
  expect(to('hand over')).toEqual([{ ...step, built: BUILT_IN_PLACE }])
  const { inPlace, copiedIn } = HANDED_OVER
  expect([to('run'), to('collect')]).toEqual([[{ ...step, inPlace }], [{ ...step, inPlace, copiedIn }]])
})

test('what stands is taken by the nonce of the step, is in its ledger before that, and is handed over where there is something', async () => {
  const resolution = RESOLUTIONS.standing
  const { to, cleanUp } = await told({ resolution, taken: { inPlace: BUILT_IN_PLACE } })
  const standing = { pod: 'build-0', marker: 'built ahead' }
  expect(to('take')).toEqual([{ nonce, request: REQUEST, source: SOURCE, standing }])
  expect([to('build in place'), to('hand over')]).toMatchObject([[], [{ built: BUILT_IN_PLACE }]])
  expect(cleanUp?.ledger).toEqual(resolution.creates.taking)
  const none = await told({ resolution })
  expect(none.to('build in place')).toHaveLength(1)
  expect(none.cleanUp?.ledger).toEqual([
    ...(resolution.creates.taking ?? []),
    ...(resolution.creates.buildingInPlace ?? [])
  ])
})

test('the janitor is told what is known of the image', async () => {
  expect((await told()).cleanUp).toMatchObject({ pushState: 'done', hurried: false })
  expect((await told({ lostBuilds: 3 })).cleanUp).toMatchObject({ pushState: 'possible', hurried: false })
})
