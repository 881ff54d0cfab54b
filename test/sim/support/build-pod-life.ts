/** The life of a simulated build pod: an init container that builds, then one that pushes and is started again when it fails. */
import { begin, type Life, runProgram } from './pod-life.ts'
import type { BuildStory, PushTry } from './story.ts'
import type { Done } from './world.ts'

/** Kubelets start a container again at once, then after longer and longer pauses. */
const RESTART_MS = [500, 10_000, 20_000, 40_000] as const
export const DIGEST = `sha256:${'d'.repeat(64)}`
const REFUSED = 'Error: pushing image: dial tcp 10.96.0.9:5000: connect: connection refused\nUsage:\n'

export async function liveBuildPod(
  life: Life,
  story: BuildStory | undefined,
  images: Map<string, string>,
  done: Done
): Promise<void> {
  if (story === undefined) throw new Error('no story says how this build goes')
  await begin(life, story, 'build', true)
  const { program } = story
  for (let restarts = 0; ; restarts += 1) {
    await runProgram(life, 'build', program, [], true)
    if (program.exitCode !== 0) done.buildsFailedAtMs.push(life.clock.now())
    await life.clock.sleep(story.reportedAfterMs, life.signal)
    const { exitCode } = program
    const terminated = { exitCode, ...(exitCode === 0 && { message: DIGEST }) }
    life.report('build', { state: { terminated }, restartCount: restarts }, true)
    if (exitCode === 0) break
    await life.clock.sleep(restartMs(restarts), life.signal)
    life.report('build', { lastState: { terminated }, restartCount: restarts + 1 }, true)
  }
  life.pod.status = { ...life.pod.status, phase: 'Running' }
  await push(life, story, images)
}

async function push(life: Life, story: BuildStory, images: Map<string, string>): Promise<void> {
  const destination = life.pod.spec?.containers[0]?.args?.find((arg) => arg.startsWith('--destination=')) ?? ''
  for (let restarts = 0; ; restarts += 1) {
    const attempt = (story.pushes[restarts] ?? story.pushes.at(-1)) as PushTry
    const lines = attempt.isAccepted ? [] : [{ atMs: 0, text: REFUSED }]
    const program = { lines, endsAfterMs: attempt.endsAfterMs, exitCode: attempt.isAccepted ? 0 : 1 }
    await runProgram(life, 'push', program, [])
    if (attempt.isAccepted) images.set(destination.slice(destination.indexOf('/') + 1), DIGEST)
    await life.clock.sleep(story.reportedAfterMs, life.signal)
    const terminated = { exitCode: program.exitCode }
    if (attempt.isAccepted) {
      life.report('push', { state: { terminated }, restartCount: restarts })
      life.pod.status = { ...life.pod.status, phase: 'Succeeded' }
      return
    }
    life.report('push', { state: { terminated }, restartCount: restarts })
    if (restartMs(restarts) > story.reportedAfterMs) {
      await life.clock.sleep(story.reportedAfterMs, life.signal)
      life.report('push', { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated } })
    }
    await life.clock.sleep(restartMs(restarts), life.signal)
    life.report('push', { lastState: { terminated }, restartCount: restarts + 1 })
  }
}

const restartMs = (restarts: number): number => RESTART_MS[restarts] ?? RESTART_MS.at(-1) ?? 0
