/** The life of a simulated build pod: an init container that builds, then one that pushes and tries again when it fails. */
import type { V1Pod } from '@kubernetes/client-node'
import type { Done } from './pod-life.ts'
import { begin, type Life, runProgram } from './pod-life.ts'
import type { BuildStory, PushTry } from './story.ts'

/** Kaniko doubles it with every try. */
const FIRST_PAUSE_MS = 1_000
export const DIGEST = `sha256:${'d'.repeat(64)}`
const REFUSED = 'dial tcp 10.96.0.9:5000: connect: connection refused'

export const isBuildPod = (pod: V1Pod): boolean => pod.spec?.containers.some(({ name }) => name === 'push') ?? false

/** The story of the attempt that a build pod belongs to; the last one is for all further attempts. */
export function buildOf({ metadata }: V1Pod, builds: readonly BuildStory[]): BuildStory | undefined {
  const attempt = Number(metadata?.name?.split('-').at(-1)) - 1
  return builds[attempt] ?? builds.at(-1)
}

/** A pod whose image is not on the node, and is never pulled. */
export async function liveTrialPod(life: Life, story: BuildStory | undefined): Promise<void> {
  if (story === undefined) throw new Error('no story says what the node can')
  await begin(life, { ...story, mishap: undefined }, 'build', false)
  life.report('build', { state: { waiting: { reason: 'ErrImageNeverPull' } } })
}

export async function liveBuildPod(
  life: Life,
  story: BuildStory | undefined,
  images: Map<string, string>,
  done: Done
): Promise<void> {
  if (story === undefined) throw new Error('no story says how this build goes')
  await begin(life, story, 'build', true)
  if (life.pod.spec?.restartPolicy !== 'Never') throw new Error('a kubelet would run a failing Dockerfile again')
  const { program } = story
  done.builds += 1
  const { exitCode } = program
  await runProgram(life, 'build', program, [], true)
  if (exitCode !== 0) done.buildsFailedAtMs.push(life.clock.now())
  await life.clock.sleep(story.reportedAfterMs, life.signal)
  const terminated = { exitCode, ...(exitCode === 0 && { message: DIGEST }) }
  life.report('build', { state: { terminated } }, true)
  life.pod.status = { ...life.pod.status, phase: exitCode === 0 ? 'Running' : 'Failed' }
  if (exitCode === 0) await push(life, story, images)
}

async function push(life: Life, story: BuildStory, images: Map<string, string>): Promise<void> {
  const args = life.pod.spec?.containers[0]?.args ?? []
  const flagOf = (flag: string) => args.find((arg) => arg.startsWith(`${flag}=`))?.slice(flag.length + 1) ?? ''
  const log = life.openLog('push')
  const say = (text: string) => log.add({ atMs: life.clock.now(), text })
  const end = async (exitCode: number) => {
    log.end()
    await life.clock.sleep(story.reportedAfterMs, life.signal)
    life.report('push', { state: { terminated: { exitCode } } })
    life.pod.status = { ...life.pod.status, phase: exitCode === 0 ? 'Succeeded' : 'Failed' }
  }
  life.report('push', { state: { running: {} } })
  for (let retries = 0; ; retries += 1) {
    const attempt = (story.pushes[retries] ?? story.pushes.at(-1)) as PushTry
    await life.clock.sleep(attempt.endsAfterMs, life.signal)
    if (attempt.isAccepted) {
      const destination = flagOf('--destination')
      images.set(destination.slice(destination.indexOf('/') + 1), DIGEST)
      say(`INFO[0001] Pushed ${destination.slice(0, destination.lastIndexOf(':'))}@${DIGEST}`)
      return end(0)
    }
    if (retries === Number(flagOf('--push-retry'))) {
      for (const line of [`Error: pushing image: ${REFUSED}`, 'Usage:', '  executor push <path> [flags]']) say(line)
      return end(1)
    }
    const pauseMs = FIRST_PAUSE_MS * 2 ** retries
    say(`WARN[0000] Retrying operation after ${pauseMs / 1_000}s due to ${REFUSED}`)
    await life.clock.sleep(pauseMs, life.signal)
  }
}
