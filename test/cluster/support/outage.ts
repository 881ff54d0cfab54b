/** Takes the registry away from a build that has its base image already, so that the push does not find it. */
import { dockerfile, installAction } from './actions.ts'
import { type ContainerStep, type HookOptions, startContainerStep } from './hook.ts'
import { IMAGES } from './images.ts'
import { kubectl } from './kubectl.ts'
import type { RunnerPod } from './runner-pod.ts'

const REGISTRY = ['-n', 'default', 'deployment/docker-registry']

export async function stopRegistry(): Promise<void> {
  await kubectl(['scale', ...REGISTRY, '--replicas=0'])
  await kubectl(['delete', 'pods', '-n', 'default', '-l', 'app=docker-registry', '--grace-period=0', '--force'])
}

export async function startRegistry(): Promise<void> {
  await kubectl(['scale', ...REGISTRY, '--replicas=1'])
  await kubectl(['rollout', 'status', ...REGISTRY, '--timeout=120s'])
}

/** Of a push that did not find the registry. */
export const RETRY = /^Push failed .* attempt \d/

/**
 * Starts a build that waits once its base image is there, so that the registry can go before the push begins; it prints `based 42` then,
 * and the action prints `it ran`. The image is made FROM scratch, because Kaniko fetches the layers of a base a second time when it writes
 * the layout.
 */
export async function startSlowBuild(pod: RunnerPod, options?: HookOptions): Promise<ContainerStep> {
  const stages = [
    dockerfile(`${IMAGES.busyboxBase} AS tools`, 'RUN echo "based $((40 + 2))" && sleep 5 && cp /bin/busybox /echo'),
    dockerfile('scratch', 'COPY --from=tools /echo /echo', 'ENTRYPOINT ["/echo", "it ran"]')
  ]
  const directory = await installAction(pod, 'slow', { Dockerfile: stages.join('') })
  const step = await startContainerStep(pod, { dockerfile: `${directory}/Dockerfile` }, options)
  await step.line(/^based 42$/)
  return step
}
