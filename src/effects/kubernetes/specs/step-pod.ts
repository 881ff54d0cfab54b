/** The pod of one container action, pure: the image as it is, exact arguments, the /github mounts. */
import type { V1Pod, V1PodSpec, V1Secret } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { ImageInput, StepInput } from '../../../machines/inputs.ts'
import type { StepRequest } from '../../../machines/types.ts'
import type { Site } from '../context/site.ts'
import { workMount } from '../context/storage.ts'
import { environmentName, ownedMetadata, stepPodName } from '../names.ts'
import { podMetadata } from './metadata.ts'
import { type PodFiles, placement, podBase } from './parts.ts'
import { userNamespaceOfSteps } from './user-namespace.ts'
import { needsImage, type Program, startOf } from './variables.ts'

/** The action's container has the name the shipped hook gives it, which people's templates rely on. */
export const STEP_CONTAINER = 'job'
/** Kubernetes refuses larger Secrets. */
const ENVIRONMENT_BYTES_MAX = 1_000_000

/**
 * `isBuilt`: whether this step's own plan named the image. What a workflow names is pulled as anybody may pull it, wherever the
 * name points to. `program`: what the image runs, where `needsProgram` says that it is needed.
 */
export function stepPod(
  site: Site,
  files: PodFiles,
  { nonce, image, isBuilt, request }: ImageInput,
  program?: Program
): V1Pod {
  const variables = Object.keys(request.env).map((name, index) => ({
    name,
    valueFrom: { secretKeyRef: { name: environmentName(site.runnerPod, nonce), key: environmentKey(index) } }
  }))
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: podMetadata(site, stepPodName(site.runnerPod, nonce)),
    spec: {
      ...podBase(site),
      ...userNamespaceOfSteps(site),
      ...(isBuilt && pullSecrets(site)),
      ...placement(site, files, 'step'),
      ...serviceAliases(site),
      restartPolicy: 'Never',
      containers: [
        ...files.containers,
        {
          name: STEP_CONTAINER,
          image,
          ...startOf(variables, programOf(request), program),
          workingDir: request.workingDirectory,
          volumeMounts: request.mounts.map((mount) => workMount(site.storage, mount))
        }
      ],
      volumes: [files.volume]
    }
  }
}

const programOf = ({ entryPoint, args }: StepRequest): Program => ({
  entryPoint: entryPoint === undefined ? [] : [entryPoint],
  args
})

/** Whether a step cannot be without knowing what its image runs. */
export const needsProgram = (request: StepRequest): boolean => needsImage(Object.keys(request.env), programOf(request))

/** What pulls the runner's own image, and what pulls images that were built. */
function pullSecrets({ imagePullSecrets, registry }: Site): Pick<V1PodSpec, 'imagePullSecrets'> {
  if (registry?.pullSecret === undefined) return {}
  return { imagePullSecrets: [...imagePullSecrets, { name: registry.pullSecret }] }
}

/** Docker would put the action on the job's network; here the names of its services lead to the job pod. */
export function serviceAliases({ job }: Site): Pick<V1PodSpec, 'hostAliases'> {
  if (job?.address === undefined || job.serviceNames.length === 0) return {}
  return { hostAliases: [{ ip: job.address, hostnames: [...job.serviceNames] }] }
}

/** The environment as a Secret: tokens stay out of the pod's spec, and values are not expanded by Kubernetes. */
export function environmentSecret(site: Site, { nonce, request: { env } }: StepInput): V1Secret {
  const values = Object.values(env).map((value) => Buffer.from(value, 'utf8'))
  const bytes = values.reduce((sum, value) => sum + value.length, 0)
  if (bytes > ENVIRONMENT_BYTES_MAX) {
    throw new StepError(
      'invalid-input',
      `the step's environment has ${bytes} bytes, more than the ${ENVIRONMENT_BYTES_MAX} a Secret can hold: pass large values through files`
    )
  }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: ownedMetadata(environmentName(site.runnerPod, nonce), site.runnerPod),
    type: 'Opaque',
    immutable: true,
    data: Object.fromEntries(values.map((value, index) => [environmentKey(index), value.toString('base64')]))
  }
}

/** Environment names may hold characters that Secret keys may not, so the keys are numbered. */
const environmentKey = (index: number): string => `value-${index}`
