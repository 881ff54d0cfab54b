/** The BuildKit daemon of deploy/buildkit in a namespace of its own, for tests that build with it. Its root is nobody on the node. */
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { IMAGES, REGISTRY_PORT } from './images.ts'
import { kubectl } from './kubectl.ts'
import { registryHost } from './kubernetes-backend.ts'
import { GIVEN_LABEL } from './leftovers.ts'
import { mustRun } from './process.ts'

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url))
const OVERLAY_NAMESPACE = 'slipway-test-buildkitd'
/** As overlays/buildkit/buildkitd.toml has it. */
const PLACEHOLDER = 'registry-with-a-password:5001'
/** On two cores with builds beside it. */
const UP_SECONDS_MAX = 240
export const CLIENT_SECRET = 'buildkit-client'

export interface BuildkitDaemon {
  readonly address: string
  /** Gives the runners of a namespace the certificate that the daemon lets in. */
  admit(runnersNamespace: string): Promise<void>
  remove(): Promise<void>
}

/** It speaks plain HTTP to the suite's registry, and to `registry` (`host:port`) if there is one. */
export async function startBuildkitDaemon(registry = PLACEHOLDER): Promise<BuildkitDaemon> {
  const namespace = `slipway-test-buildkitd-${randomBytes(4).toString('hex')}`
  const { stdout } = await kubectl(['kustomize', path('test/cluster/overlays/buildkit')])
  const objects = stdout
    .replaceAll(OVERLAY_NAMESPACE, namespace)
    .replaceAll(`registry-address:${REGISTRY_PORT}`, await registryHost())
    .replaceAll(PLACEHOLDER, registry)
  // Without certificates it cannot start, and what has failed to start is long in going away.
  await kubectl(['apply', '-f', '-'], { input: objects.replace('replicas: 1', 'replicas: 0') })
  let isUp = false
  const admit = async (runnersNamespace: string) => {
    await mustRun('sh', [path('deploy/buildkit/certificates'), namespace, runnersNamespace])
    await kubectl(['label', 'secret', CLIENT_SECRET, '-n', runnersNamespace, `${GIVEN_LABEL}=`])
    const deployment = ['-n', namespace, 'deployment/buildkitd']
    // It reads its certificates when it starts.
    await kubectl(isUp ? ['rollout', 'restart', ...deployment] : ['scale', '--replicas=1', ...deployment])
    isUp = true
    await kubectl(['rollout', 'status', ...deployment, `--timeout=${UP_SECONDS_MAX}s`])
  }
  return {
    address: `tcp://buildkitd.${namespace}.svc:1234`,
    admit,
    async remove() {
      await kubectl(['delete', 'namespace', namespace, '--wait=false'])
    }
  }
}

/** What a runner in an admitted namespace sets. */
export const buildkitEnvironment = ({ address }: Pick<BuildkitDaemon, 'address'>): Record<string, string> => ({
  ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER: 'buildkit',
  ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER_IMAGE: IMAGES.buildkit,
  ACTIONS_RUNNER_CONTAINER_HOOKS_PUSHER_IMAGE: IMAGES.kaniko,
  ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_HOST: address,
  ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_TLS_SECRET: CLIENT_SECRET
})
