/** How much longer a step takes than the pods it cannot do without, each pair measured right after one another. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from '../cluster/support/actions.ts'
import { useRunnerPod } from '../cluster/support/harness.ts'
import { runContainerStep } from '../cluster/support/hook.ts'
import { canBuild, IMAGES, REGISTRY_HOST, REGISTRY_NODE_PORT, REGISTRY_PORT } from '../cluster/support/images.ts'
import { kubectl } from '../cluster/support/kubectl.ts'
import type { ContainerAction } from '../cluster/support/protocol.ts'
import { HOME, NODE, type RunnerPod, WORK } from '../cluster/support/runner-pod.ts'

const IMAGE_STEP_RATIO_MAX = 1.2
const DOCKERFILE_STEP_RATIO_MAX = 1.1
const FLOOR = `${HOME}/floor.cjs`
const REPOSITORY = 'bench/floor'

interface Pair {
  readonly stepMs: number
  readonly floorMs: number
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** The kubelet looks at containers once a second: what starts right after something ended would always be lucky. */
const anyMoment = () => delay(Math.random() * 1_000)

/** Prints the medians and gives their ratio. */
function report(what: string, pairs: readonly Pair[]): number {
  const [step, floor] = [median(pairs.map(({ stepMs }) => stepMs)), median(pairs.map(({ floorMs }) => floorMs))]
  const ratio = step / floor
  const all = pairs.map(({ stepMs, floorMs }) => `${Math.round(stepMs)}/${Math.round(floorMs)}`).join(' ')
  process.stdout.write(
    `\nbench: ${what}: step ${Math.round(step)} ms, floor ${Math.round(floor)} ms, ratio ${ratio.toFixed(2)} (${all})\n`
  )
  return ratio
}

const pod = (container: object, volumes: readonly object[] = []) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `floor-${randomBytes(4).toString('hex')}` },
  spec: {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    containers: [{ name: 'floor', imagePullPolicy: 'IfNotPresent', ...container }],
    volumes
  }
})

const hasBuilder = await canBuild()

describe('in storage mode volume', () => {
  const runner = useRunnerPod('volume')
  /** What `kubectl exec` itself takes, which the runner's own call of the hook does not. */
  let execMs = 0

  beforeAll(async () => {
    await runner().write(HOME, { 'floor.cjs': await readFile(new URL('floor.cjs', import.meta.url), 'utf8') })
    const times: number[] = []
    for (let run = 0; run < 5; run += 1) times.push((await runner().exec(['true'])).durationMs)
    execMs = median(times)
  })
  // Before the oracle looks at what is left.
  afterEach(async () => {
    const directory = `/var/lib/registry/docker/registry/v2/repositories/${REPOSITORY}`
    await kubectl(['exec', '-n', 'default', 'deployment/docker-registry', '--', 'rm', '-rf', directory])
  })

  async function step(action: ContainerAction): Promise<number> {
    const { exitCode, durationMs, stdout } = await runContainerStep(runner(), action)
    expect(exitCode, stdout).toBe(0)
    return durationMs - execMs
  }

  async function floor(from: RunnerPod, pods: readonly object[]): Promise<number> {
    const { exitCode, stdout, stderr } = await from.exec([NODE, FLOOR], { input: JSON.stringify(pods) })
    expect(exitCode, stderr).toBe(0)
    return (JSON.parse(stdout) as number[]).reduce((sum, ms) => sum + ms, 0)
  }

  it(`an image step takes at most ${IMAGE_STEP_RATIO_MAX} times as long as a bare pod`, async () => {
    const action = { image: IMAGES.debian, entryPoint: '/bin/echo', args: ['done'] }
    const bare = () => pod({ image: IMAGES.debian, command: ['/bin/echo', 'done'] })
    const pairs: Pair[] = []
    for (let run = 0; run < 15; run += 1) {
      await anyMoment()
      const floorMs = await floor(runner(), [bare()])
      await anyMoment()
      pairs.push({ floorMs, stepMs: await step(action) })
    }
    expect(report('image step', pairs)).toBeLessThanOrEqual(IMAGE_STEP_RATIO_MAX)
  })

  it.skipIf(!hasBuilder)(
    `a Dockerfile step takes at most ${DOCKERFILE_STEP_RATIO_MAX} times as long as a bare Kaniko pod and a bare pod of its image`,
    async () => {
      const directory = await installAction(runner(), 'bench', {
        Dockerfile: dockerfile(
          IMAGES.debianBase,
          'RUN echo built > /built',
          'COPY data /data',
          'ENTRYPOINT ["/bin/echo", "done"]'
        ),
        data: 'data\n'
      })
      const subPath = directory.slice(WORK.length + 1)
      const context = { name: 'work', persistentVolumeClaim: { claimName: `${runner().name}-work` } }
      const registry = `${REGISTRY_HOST}:${REGISTRY_PORT}`
      const bare = (tag: string) => [
        pod(
          {
            image: IMAGES.kaniko,
            args: [
              '--context=dir:///context',
              `--destination=${registry}/${REPOSITORY}:${tag}`,
              `--insecure-registry=${registry}`
            ],
            volumeMounts: [{ name: 'work', mountPath: '/context', subPath, readOnly: true }]
          },
          [context]
        ),
        pod({ image: `localhost:${REGISTRY_NODE_PORT}/${REPOSITORY}:${tag}` })
      ]
      const pairs: Pair[] = []
      for (let run = 0; run < 5; run += 1) {
        await anyMoment()
        const floorMs = await floor(runner(), bare(`run-${run}`))
        await anyMoment()
        pairs.push({ floorMs, stepMs: await step({ dockerfile: `${directory}/Dockerfile` }) })
      }
      expect(report('Dockerfile step, cold', pairs)).toBeLessThanOrEqual(DOCKERFILE_STEP_RATIO_MAX)
    }
  )
})
