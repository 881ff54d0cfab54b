/** A registry that goes away when the image is to be pushed: the push is tried again, the build is not. */
import { afterEach, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { type ContainerStep, startContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { get, kubectl } from './support/kubectl.ts'
import { errorsOf } from './support/leftovers.ts'
import type { RunnerPod } from './support/runner-pod.ts'

const REGISTRY = ['-n', 'default', 'deployment/docker-registry']

async function stopRegistry(): Promise<void> {
  await kubectl(['scale', ...REGISTRY, '--replicas=0'])
  await kubectl(['delete', 'pods', '-n', 'default', '-l', 'app=docker-registry', '--grace-period=0', '--force'])
}

async function startRegistry(): Promise<void> {
  await kubectl(['scale', ...REGISTRY, '--replicas=1'])
  await kubectl(['rollout', 'status', ...REGISTRY, '--timeout=120s'])
}

/**
 * Starts a build that waits once its base image is there, so that the registry can go before the push begins. The image
 * is made FROM scratch, because Kaniko fetches the layers of a base a second time when it writes the layout.
 */
async function startSlowBuild(pod: RunnerPod): Promise<ContainerStep> {
  const stages = [
    dockerfile(`${IMAGES.busyboxBase} AS tools`, 'RUN echo "based $((40 + 2))" && sleep 5 && cp /bin/busybox /echo'),
    dockerfile('scratch', 'COPY --from=tools /echo /echo', 'ENTRYPOINT ["/echo", "it ran"]')
  ]
  const directory = await installAction(pod, 'slow', { Dockerfile: stages.join('') })
  const step = await startContainerStep(pod, { dockerfile: `${directory}/Dockerfile` })
  await step.line(/^based 42$/)
  return step
}

const RETRY = /^Push failed .* attempt \d/

describe.skipIf(!(await canBuild()))('a registry that is gone when the push begins', () => {
  const runner = useRunnerPod('copy')
  afterEach(startRegistry)

  it('is tried again visibly, and the step succeeds once it is back, with one build', async () => {
    const step = await startSlowBuild(runner())
    await stopRegistry()
    await step.line(RETRY)
    await startRegistry()
    const { exitCode, lines, stdout } = await step.finished
    expect(exitCode, stdout).toBe(0)
    expect(lines.filter(({ text }) => text === 'based 42')).toHaveLength(1)
    expect(lines.filter(({ text }) => text === 'it ran')).toHaveLength(1)
  })

  it('ends the step with one error that names it when it stays away, with one build', async () => {
    const step = await startSlowBuild(runner())
    await stopRegistry()
    const run = await step.finished
    expect(run.exitCode).not.toBe(0)
    expect(run.lines.filter(({ text }) => text === 'based 42')).toHaveLength(1)
    expect(run.lines.filter(({ text }) => RETRY.test(text)).length).toBeGreaterThan(1)
    expect(errorsOf(run)).toHaveLength(1)
    expect(errorsOf(run)[0]).toMatch(/registry/i)
    expect(await get(['pods', '-n', runner().namespace, '-l', `runner-pod=${runner().name}`])).toEqual([])
  })
})
