/** What a job gains by building ahead, and what its beginning pays for it: the same jobs, in turn. */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { useRunnerPod } from '../cluster/support/harness.ts'
import { type HookOptions, runCleanupJob, runContainerStep } from '../cluster/support/hook.ts'
import { canBuild, canBuildInPlace, IMAGES } from '../cluster/support/images.ts'
import { prepareJob } from '../cluster/support/job.ts'
import { eventually } from '../cluster/support/kubectl.ts'
import { mustExec, STORAGE_MODES, WORK } from '../cluster/support/runner-pod.ts'
import { expectRatio } from './support/comparison.ts'
import { measureExec } from './support/floor.ts'
import { anyMoment, takeTurns } from './support/turns.ts'

const ROUNDS = Number(process.env.SLIPWAY_ROUNDS ?? 9)
const SWITCH = 'ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_AHEAD'
/** Of other steps, between prepare_job and the one that is measured. */
const OTHER_STEPS_MS = 10_000
const STEP_RATIO_MAX = 1.1
const PREPARE_RATIO_MAX = 1.05
const IN_PLACE_RATIO_MAX = 0.6
const SECOND_USE_RATIO_MAX = 0.5
const METADATA = 'runs:\n  using: docker\n  image: Dockerfile\n'
/** Used once more when the job ends. */
const METADATA_AGAIN = `${METADATA}  post-entrypoint: 'true'\n`
const IN_PLACE = {
  ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_MODE: 'in-place',
  ACTIONS_RUNNER_CONTAINER_HOOKS_IN_PLACE_IMAGE: IMAGES.kanikoDebug
}
const canMeasureInPlace = await canBuildInPlace()
const DOCKERFILE = `FROM ${IMAGES.busyboxBase}\nRUN echo built > /built\nENTRYPOINT ["true"]\n`

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('built ahead, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)
  let execMs = 0
  beforeAll(async () => {
    execMs = await measureExec(runner())
  })

  async function install(metadata = METADATA): Promise<string> {
    await mustExec(runner().exec, ['rm', '-rf', `${WORK}/_actions/o`])
    const directory = `${WORK}/_actions/o/r/${randomBytes(4).toString('hex')}`
    await runner().write(directory, { 'action.yml': metadata, Dockerfile: DOCKERFILE })
    return `${directory}/Dockerfile`
  }
  async function prepare(ahead: 'on' | 'off', env: HookOptions['env'] = {}): Promise<number> {
    const options = { env: { [SWITCH]: ahead, ...env } }
    const job = await prepareJob(runner(), { container: { image: IMAGES.busybox } }, options)
    expect(job.exitCode, job.stdout).toBe(0)
    return job.durationMs - execMs
  }
  async function step(
    what: Parameters<typeof runContainerStep>[1],
    env: HookOptions['env'] = {},
    says = /^Succeeded /m
  ): Promise<number> {
    const options = { env: { [SWITCH]: 'on', ...env } }
    // What came before ended when the kubelet looked.
    await anyMoment()
    const { exitCode, stdout, durationMs } = await runContainerStep(runner(), what, options)
    expect(exitCode, stdout).toBe(0)
    expect(stdout).toMatch(says)
    return durationMs - execMs
  }
  async function cleanUp(): Promise<void> {
    expect((await runCleanupJob(runner())).exitCode).toBe(0)
    const isOver = async () => {
      const script = 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" "\\n" | grep -c "[k]8s/index.js"'
      return (await runner().exec(['sh', '-c', script])).stdout.trim() === '0'
    }
    await eventually('the end of the builds ahead', 30_000, isOver)
  }

  async function thenCleanedUp(measured: Promise<number>): Promise<number> {
    try {
      return await measured
    } finally {
      await cleanUp()
    }
  }

  it('a cold Dockerfile step after others takes as long as one with an image', async () => {
    const { ahead, image } = await takeTurns(ROUNDS, {
      async ahead() {
        const dockerfile = await install()
        await prepare('on')
        await delay(OTHER_STEPS_MS)
        return await thenCleanedUp(step({ dockerfile }))
      },
      async image() {
        await install()
        await prepare('off')
        await delay(OTHER_STEPS_MS)
        return await thenCleanedUp(step({ image: IMAGES.busybox, entryPoint: 'true' }))
      }
    })
    const [what, than] = [`Dockerfile step built ahead, ${mode}`, 'a step with an image']
    expectRatio({ what, than, ratioMax: STEP_RATIO_MAX, ours: ahead, other: image })
  })

  it.skipIf(!canMeasureInPlace)('a Dockerfile step in place takes little more than a hand-over', async () => {
    const measured = (ahead: 'on' | 'off', says: RegExp) => async () => {
      const dockerfile = await install()
      await prepare(ahead, IN_PLACE)
      await delay(OTHER_STEPS_MS)
      return await thenCleanedUp(step({ dockerfile }, IN_PLACE, says))
    }
    const { ahead, now } = await takeTurns(ROUNDS, {
      ahead: measured('on', /^Take: /m),
      now: measured('off', /^Build in place: /m)
    })
    const [what, than] = [`Dockerfile step in place, built ahead, ${mode}`, 'one that builds']
    expectRatio({ what, than, ratioMax: IN_PLACE_RATIO_MAX, ours: ahead, other: now })
  })

  it.skipIf(!canMeasureInPlace)('and the second use of an action less than a step with an image', async () => {
    const secondUse = (init: 'on' | 'off') => async () => {
      const env = { ...IN_PLACE, ACTIONS_RUNNER_CONTAINER_HOOKS_IN_PLACE_INIT: init }
      const dockerfile = await install(METADATA_AGAIN)
      await prepare('on', env)
      await delay(OTHER_STEPS_MS)
      await step({ dockerfile }, env)
      await delay(OTHER_STEPS_MS)
      return await thenCleanedUp(step({ dockerfile, entryPoint: 'true' }, env, /^Take: /m))
    }
    const { asProcess1, withInit, image } = await takeTurns(ROUNDS, {
      asProcess1: secondUse('off'),
      withInit: secondUse('on'),
      async image() {
        await install()
        await prepare('off')
        await delay(OTHER_STEPS_MS)
        return await thenCleanedUp(step({ image: IMAGES.busybox, entryPoint: 'true' }))
      }
    })
    const [what, than] = [`second use of an action in place, ${mode}`, 'a step with an image']
    expectRatio({ what, than, ours: asProcess1, other: image })
    const [withProcess, ratioMax] = [`${what}, with a process before it`, SECOND_USE_RATIO_MAX]
    expectRatio({ what: withProcess, than, ratioMax, ours: withInit, other: image })
  })

  it('prepare_job is no slower for it', async () => {
    const measured = (ahead: 'on' | 'off') => async () => {
      await install()
      return await thenCleanedUp(prepare(ahead))
    }
    const { on, off } = await takeTurns(ROUNDS, { on: measured('on'), off: measured('off') })
    const [what, than] = [`prepare_job that builds ahead, ${mode}`, 'one that does not']
    expectRatio({ what, than, ratioMax: PREPARE_RATIO_MAX, ours: on, other: off })
  })
})
