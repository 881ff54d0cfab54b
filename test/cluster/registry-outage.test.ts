/** A registry that goes away when the image is to be pushed: the push is tried again, the build is not. */
import { afterEach, describe, expect, it } from 'vitest'
import { useRunnerPod } from './support/harness.ts'
import { canBuild } from './support/images.ts'
import { get } from './support/kubectl.ts'
import { errorsOf } from './support/leftovers.ts'
import { RETRY, startRegistry, startSlowBuild, stopRegistry } from './support/outage.ts'

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
