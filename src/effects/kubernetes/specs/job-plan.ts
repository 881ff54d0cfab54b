/** What prepare_job will create, decided from the request, the runner pod and the template before anything is created. */
import type { V1Pod, V1Secret } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { ContainerRequest, JobRequest, RegistryCredentials } from '../../../machines/types.ts'
import { JOB_EXTERNALS } from '../../work-tree/layout.ts'
import type { Site } from '../context/site.ts'
import { FILES_CONTAINER, JOB_CONTAINER, ownedMetadata } from '../names.ts'
import { applyTemplate } from '../template/merge.ts'
import { unhealthyAfterMs } from './docker-options/health-check.ts'
import { parseCreateOptions } from './docker-options/options.ts'
import { cut } from './docker-options/refusal.ts'
import { jobPod, KEEP_ALIVE, OWN_CONTAINERS, type PlannedContainer } from './job-pod.ts'
import { planVolumes } from './job-volumes.ts'
import type { PodFiles } from './parts.ts'
import { containerPorts } from './ports.ts'
import { isHostName, serviceNames } from './service-names.ts'

/** Where GitHub's runner images have them, for requests that name a path of another machine. */
const EXTERNALS_DEFAULT = '/home/runner/externals'

/** What docker and the kubelet call Docker Hub in a config file. */
const DOCKER_HUB = 'https://index.docker.io/v1/'

/** By registry. */
type Auths = Map<string, { username: string; password: string; auth: string }>

/** A container that has to be up before the job can start. */
export interface ExpectedContainer {
  readonly name: string
  /** For messages: `the job container`, `the service redis`. */
  readonly title: string
  /** Having ended well counts as up. */
  readonly mayEnd: boolean
  /** How long it may be unhealthy; undefined without a health check. Milliseconds. */
  readonly unhealthyAfterMs?: number | undefined
}

export interface JobPlan {
  readonly pod: V1Pod
  readonly secrets: readonly V1Secret[]
  readonly expected: readonly ExpectedContainer[]
  /** Sources of user volumes, to be made when they are missing. */
  readonly directories: readonly string[]
  /** Each for one line of the log. */
  readonly warnings: readonly string[]
  /** Of the pod; its job container can see it. */
  readonly nonce: string
  /** The job container idles and is all there is to wait for: when it answers, the job can start. */
  readonly isAlone: boolean
}

/** Random names. */
export interface NewNames {
  readonly secret: () => string
  readonly nonce: string
}

/** Throws `invalid-input` or `not-supported` for what cannot be done. */
export function planJob(site: Site, files: PodFiles, request: JobRequest, newNames: NewNames): JobPlan {
  const { container, services, mounts } = request
  if (container === undefined) throw jobContainerRequired()
  const requests = [container, ...services]
  const images = services.map(({ image }) => image)
  const names = [JOB_CONTAINER, ...serviceNames(images, OWN_CONTAINERS)]
  const volumes = planVolumes(site.storage, { system: mounts, user: requests.map((one) => one.volumes) })
  const credentials = requests.flatMap((one) => one.credentials ?? [])
  const secrets = pullSecrets(site.runnerPod, credentials, newNames.secret)
  const containers = names.map((name, index): PlannedContainer => {
    const one = requests[index] as ContainerRequest
    const options = parseCreateOptions(one.createOptions)
    const ports = containerPorts(one.ports, site.hostPorts)
    return { index, name, request: one, options, mounts: volumes.mounts[index] ?? [], ports }
  })
  const externals = mounts.find(({ target }) => target === JOB_EXTERNALS)?.source || EXTERNALS_DEFAULT
  const plain = jobPod(site, files, {
    job: containers[0] as PlannedContainer,
    services: containers.slice(1),
    volumes: volumes.volumes,
    externals: [...new Set([externals, EXTERNALS_DEFAULT])],
    pullSecrets: secrets.flatMap(({ metadata }) => metadata?.name ?? []),
    nonce: newNames.nonce
  })
  const { pod, warnings } = applyTemplate(plain, site.template, 'job')
  return {
    pod,
    secrets,
    directories: volumes.directories,
    warnings: [...containers.flatMap(optionWarnings), ...volumes.warnings, ...warnings],
    expected: containers.map(({ index, name, options: { health } }) => ({
      name,
      title: titleOf({ index, name }),
      mayEnd: index > 0,
      unhealthyAfterMs: health && unhealthyAfterMs(health)
    })),
    nonce: newNames.nonce,
    isAlone: isAlone(pod)
  }
}

/** As few secrets as can be: another one only when two images of one registry need different credentials. */
export function pullSecrets(
  owner: V1Pod,
  credentials: readonly RegistryCredentials[],
  newName: () => string
): V1Secret[] {
  const configs: Auths[] = []
  for (const { server, username, password } of credentials) {
    const key = server === '' ? DOCKER_HUB : server
    const auth = Buffer.from(`${username}:${password}`, 'utf8').toString('base64')
    const config = configs.find((auths) => [undefined, auth].includes(auths.get(key)?.auth))
    if (config === undefined) configs.push(new Map([[key, { username, password, auth }]]))
    else config.set(key, { username, password, auth })
  }
  return configs.map((auths) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: ownedMetadata(newName(), owner),
    type: 'kubernetes.io/dockerconfigjson',
    immutable: true,
    data: {
      '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: Object.fromEntries(auths) }), 'utf8').toString('base64')
    }
  }))
}

const titleOf = ({ index, name }: Pick<PlannedContainer, 'index' | 'name'>): string =>
  index === 0 ? 'the job container' : `the service ${name}`

/** One line for everything that was left out of a container's options. */
function optionWarnings(container: PlannedContainer): string[] {
  const { ignored, names, hosts } = container.options
  const invalid = [...names, ...hosts.map(({ name }) => name)].filter((name) => !isHostName(name))
  const left = [...ignored, ...invalid.map((name) => `the name ${cut(name)}`)]
  if (left.length === 0) return []
  return [`options of ${titleOf(container)} that Kubernetes has nothing for are left out: ${left.join(', ')}`]
}

function isAlone({ spec }: V1Pod): boolean {
  const others = spec?.containers.filter(({ name }) => name !== JOB_CONTAINER && name !== FILES_CONTAINER)
  const job = spec?.containers.find(({ name }) => name === JOB_CONTAINER)
  return others?.length === 0 && job?.command?.[0] === KEEP_ALIVE[0] && job.readinessProbe === undefined
}

const jobContainerRequired = () =>
  new StepError(
    'not-supported',
    'a job container is required: on Kubernetes the steps reach services only from one; add container: to the job'
  )
