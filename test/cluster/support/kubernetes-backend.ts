/** The Kubernetes backend under contract, driven from this process instead of a runner pod. */
import { createKubernetesPorts } from '../../../src/effects/kubernetes/container-step/backend.ts'
import type { KubernetesOptions } from '../../../src/effects/kubernetes/context/options.ts'
import { createReporter } from '../../../src/effects/log/reporter.ts'
import { createRegistryClient } from '../../../src/effects/registry/client.ts'
import { randomHex, systemClock } from '../../../src/effects/system.ts'
import type { Backend, OpenBackend } from '../../contract/backend.ts'
import { IMAGES, REGISTRY_NODE_PORT, REGISTRY_PORT } from './images.ts'
import { kubectl } from './kubectl.ts'
import type { RunnerPod } from './runner-pod.ts'

const FILES = { base: 'base/busybox:1', missing: 'no-such-image:1' }

/** This process has no cluster DNS: it reaches the registry by the address of its Service, as pods can, too. */
export async function registryHost(): Promise<string> {
  const { stdout: address } = await kubectl([
    ...['get', 'service', '-n', 'default', 'docker-registry'],
    ...['-o', 'jsonpath={.spec.clusterIP}']
  ])
  return `${address}:${REGISTRY_PORT}`
}

export type BuilderOptions = Pick<
  KubernetesOptions,
  'builder' | 'builderImage' | 'pusherImage' | 'builderDaemon' | 'seccompProfile' | 'buildMode' | 'inPlaceImage'
>

/** A backend whose pods belong to `runner`. `workDirectory` stands for the runner's `_work`, on this computer's disk. */
export function kubernetesBackend(
  runner: RunnerPod,
  pushHost: string,
  workDirectory: string,
  builder: BuilderOptions = { builderImage: IMAGES.kaniko }
): Backend {
  const registry = {
    pushHost,
    pullHost: `localhost:${REGISTRY_NODE_PORT}`,
    plainHttp: true
  }
  const imagesOn = (host: string) => ({ base: `${host}/${FILES.base}`, missing: `${host}/${FILES.missing}` })
  return {
    name: `kubernetes, storage mode ${runner.mode}, ${builder.builder ?? 'kaniko'}`,
    from: imagesOn(registry.pushHost),
    run: imagesOn(registry.pullHost),
    endsAtOnce: false,
    async open(): Promise<OpenBackend> {
      let log = ''
      const reporter = createReporter((data) => {
        log += Buffer.from(data).toString('utf8')
      })
      const options = {
        runnerPod: runner.name,
        namespace: runner.namespace,
        ...builder,
        registry,
        paths: {
          runnerWorkspace: `${workDirectory}/repo`,
          runnerTemp: `${workDirectory}/_temp`,
          githubWorkspace: `${workDirectory}/repo/repo`
        }
      }
      const ports = createKubernetesPorts(options, { reporter, clock: systemClock, randomHex })
      return { ports, client: createRegistryClient(registry), log: () => log, close: async () => {} }
    }
  }
}
