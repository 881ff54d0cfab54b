/** What a user namespace for the build costs: a Dockerfile step with one and without, in turn. */
import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { useRunnerPod } from '../cluster/support/harness.ts'
import { runContainerStep } from '../cluster/support/hook.ts'
import { canBuild, IMAGES } from '../cluster/support/images.ts'
import { WORK } from '../cluster/support/runner-pod.ts'
import { expectRatio } from './support/comparison.ts'
import { measureExec } from './support/floor.ts'
import { takeTurns } from './support/turns.ts'

const ROUNDS = Number(process.env.SLIPWAY_ROUNDS ?? 9)
const RATIO_MAX = 1.05
const VARIABLE = 'ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_USER_NAMESPACE'
/** The second one is started, and has next to nothing to do: what is different then is the starting. */
const DOCKERFILES = {
  'that unpacks Debian': `FROM ${IMAGES.debianBase}\nRUN useradd someone && echo built > /built\nENTRYPOINT ["true"]\n`,
  'without a RUN': `FROM ${IMAGES.busyboxBase}\nLABEL some=thing\nENTRYPOINT ["true"]\n`
}

describe.skipIf(!(await canBuild()))('a build whose root is nobody', () => {
  const runner = useRunnerPod('copy')
  let execMs = 0
  beforeAll(async () => {
    execMs = await measureExec(runner())
  })

  async function build(dockerfile: string, userNamespace: string): Promise<number> {
    const directory = `${WORK}/_actions/o/r/${randomBytes(4).toString('hex')}`
    await runner().write(directory, { Dockerfile: dockerfile })
    const env = { [VARIABLE]: userNamespace }
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, { env })
    expect(step.exitCode, step.stdout).toBe(0)
    return step.durationMs - execMs
  }

  it.each(Object.entries(DOCKERFILES))('%s takes hardly longer than one without', async (given, dockerfile) => {
    const contenders = { auto: () => build(dockerfile, 'auto'), off: () => build(dockerfile, 'off') }
    const { auto, off } = await takeTurns(ROUNDS, contenders)
    const [what, than] = [`Dockerfile step ${given}, cold, copy`, 'one without a user namespace']
    expectRatio({ what, than, ratioMax: RATIO_MAX, ours: auto, other: off })
  })
})
