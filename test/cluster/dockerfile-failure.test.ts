/** A Dockerfile that cannot be built: said once, where it went wrong, and built once. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { CoreV1Event } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { runContainerStep } from './support/hook.ts'
import { canBuild, IMAGES, REGISTRY_HOST, REGISTRY_PORT } from './support/images.ts'
import { get } from './support/kubectl.ts'
import { errorsOf } from './support/leftovers.ts'
import { STORAGE_MODES } from './support/runner-pod.ts'

/** A kubelet starts again at once what it starts again, and tells of it a little later. */
const RESTARTED_MS_MAX = 5_000

/** How often containers that build were started in a namespace. */
async function buildsStarted(namespace: string): Promise<number> {
  const events = await get<CoreV1Event>(['events', '-n', namespace, '--field-selector', 'reason=Started'])
  const builds = events.filter(({ involvedObject }) => involvedObject.fieldPath === 'spec.initContainers{build}')
  return builds.reduce((sum, { count = 1 }) => sum + count, 0)
}

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('a Dockerfile that fails, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it('with a failing RUN is built once, its output is visible, and one error says what failed', async () => {
    // The command line shows up in the log as well; only the shell turns it into this text.
    const directory = await installAction(runner(), 'failing-run', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, 'RUN echo "reason $((40 + 2))" && exit 3', 'ENTRYPOINT ["true"]')
    })
    const before = await buildsStarted(runner().namespace)
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode).not.toBe(0)
    expect(step.lines.filter(({ text }) => text === 'reason 42')).toHaveLength(1)
    expect(errorsOf(step)).toHaveLength(1)
    expect(errorsOf(step)[0]).toContain('RUN echo')
    expect(errorsOf(step)[0]).toMatch(/\b3\b/)
    await sleep(RESTARTED_MS_MAX)
    expect((await buildsStarted(runner().namespace)) - before).toBe(1)
  })

  it('with a base image that does not exist names that image', async () => {
    const base = `${REGISTRY_HOST}:${REGISTRY_PORT}/base/absent:1`
    const directory = await installAction(runner(), 'absent-base', {
      Dockerfile: dockerfile(base, 'ENTRYPOINT ["true"]')
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode).not.toBe(0)
    expect(errorsOf(step)).toHaveLength(1)
    expect(errorsOf(step)[0]).toContain(base)
  })

  it('with an instruction that does not exist says so', async () => {
    const directory = await installAction(runner(), 'bad-syntax', { Dockerfile: dockerfile('scratch', 'RUNN true') })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode).not.toBe(0)
    expect(errorsOf(step)).toHaveLength(1)
    expect(errorsOf(step)[0]).toMatch(/Dockerfile/)
  })
})
