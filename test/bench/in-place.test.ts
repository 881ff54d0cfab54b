/** What a Dockerfile step takes that is built in place, to one through the registry: the same builds, in turn. */
import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { useRunnerPod } from '../cluster/support/harness.ts'
import { runContainerStep } from '../cluster/support/hook.ts'
import { canBuild, canBuildInPlace, IMAGES } from '../cluster/support/images.ts'
import { WORK } from '../cluster/support/runner-pod.ts'
import { expectRatio } from './support/comparison.ts'
import { measureExec } from './support/floor.ts'
import { takeTurns } from './support/turns.ts'

const ROUNDS = Number(process.env.SLIPWAY_ROUNDS ?? 9)
const PREFIX = 'ACTIONS_RUNNER_CONTAINER_HOOKS'
const canMeasure = (await canBuild()) && (await canBuildInPlace())

describe.skipIf(!canMeasure).each([
  ['debian', `FROM ${IMAGES.debianBase}\nRUN useradd someone && echo built > /built\nENTRYPOINT ["true"]\n`, 0.7],
  ['busybox', `FROM ${IMAGES.busyboxBase}\nRUN echo built > /built\nENTRYPOINT ["true"]\n`, 0.6]
])('a cold Dockerfile step FROM %s', (base, dockerfile, ratioMax) => {
  const runner = useRunnerPod('copy')
  let execMs = 0
  beforeAll(async () => {
    execMs = await measureExec(runner())
  })

  async function build(mode: string): Promise<number> {
    const directory = `${WORK}/_actions/o/r/${randomBytes(4).toString('hex')}`
    await runner().write(directory, { Dockerfile: dockerfile })
    const env = { [`${PREFIX}_BUILD_MODE`]: mode, [`${PREFIX}_IN_PLACE_IMAGE`]: IMAGES.kanikoDebug }
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, { env })
    expect(step.exitCode, step.stdout).toBe(0)
    return step.durationMs - execMs
  }

  it('takes less time in place', async () => {
    const { inPlace, registry } = await takeTurns(ROUNDS, {
      inPlace: () => build('in-place'),
      registry: () => build('registry')
    })
    const what = `Dockerfile step in place, cold, FROM ${base}, copy`
    expectRatio({ what, than: 'one through the registry', ratioMax, ours: inPlace, other: registry })
  })
})
