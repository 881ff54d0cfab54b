/** How much longer a step takes than the pods it cannot do without, each pair measured right after one another. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from '../cluster/support/actions.ts'
import { useRunnerPod } from '../cluster/support/harness.ts'
import { runContainerStep } from '../cluster/support/hook.ts'
import { canBuild, IMAGES, REGISTRY_HOST, REGISTRY_NODE_PORT, REGISTRY_PORT } from '../cluster/support/images.ts'
import { kubectl } from '../cluster/support/kubectl.ts'
import type { ContainerAction } from '../cluster/support/protocol.ts'
import { WORK } from '../cluster/support/runner-pod.ts'
import { expectRatio } from './support/comparison.ts'
import { barePod, barePodWithMounts, installFloor, measureExec, measureFloor } from './support/floor.ts'
import { takeTurns } from './support/turns.ts'

const IMAGE_STEP_RATIO_MAX = 1.2
const DOCKERFILE_STEP_RATIO_MAX = 1.1
/** The kubelet looks once a second, and few rounds fall on either side of that. */
const ROUNDS = { image: 15, dockerfile: 9 }
const REPOSITORY = 'bench/floor'

const hasBuilder = await canBuild()

describe('in storage mode volume', () => {
  const runner = useRunnerPod('volume')

  beforeAll(async () => await installFloor(runner()))
  // Before the oracle looks at what is left.
  afterEach(async () => {
    const directory = `/var/lib/registry/docker/registry/v2/repositories/${REPOSITORY}`
    await kubectl(['exec', '-n', 'default', 'deployment/docker-registry', '--', 'rm', '-rf', directory])
  })

  async function step(action: ContainerAction): Promise<number> {
    const execMs = await measureExec(runner())
    const { exitCode, durationMs, stdout } = await runContainerStep(runner(), action)
    expect(exitCode, stdout).toBe(0)
    return durationMs - execMs
  }

  it(`an image step takes at most ${IMAGE_STEP_RATIO_MAX} times as long as a bare pod with the same mounts`, async () => {
    const action = { image: IMAGES.debian, entryPoint: '/bin/echo', args: ['done'] }
    const container = { image: IMAGES.debian, command: ['/bin/echo', 'done'] }
    const { ours, mounted, plain } = await takeTurns(ROUNDS.image, {
      ours: () => step(action),
      mounted: () => measureFloor(runner(), [barePodWithMounts(runner(), container)]),
      plain: () => measureFloor(runner(), [barePod(container)])
    })
    const what = 'image step, volume'
    expectRatio({ what, than: 'a bare pod with the same mounts', ratioMax: IMAGE_STEP_RATIO_MAX, ours, other: mounted })
    expectRatio({ what, than: 'a bare pod without any volume', ours, other: plain })
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
        barePod(
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
        barePodWithMounts(runner(), { image: `localhost:${REGISTRY_NODE_PORT}/${REPOSITORY}:${tag}` })
      ]
      const { ours, other } = await takeTurns(ROUNDS.dockerfile, {
        ours: () => step({ dockerfile: `${directory}/Dockerfile` }),
        other: (round) => measureFloor(runner(), bare(`run-${round}`))
      })
      expectRatio({
        what: 'Dockerfile step, cold, volume',
        than: 'a bare Kaniko pod and a bare pod of its image',
        ratioMax: DOCKERFILE_STEP_RATIO_MAX,
        ours,
        other
      })
    }
  )
})
