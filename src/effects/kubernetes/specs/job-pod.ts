/** The pod of a job, pure: its container, its services, and what moves the runner's files there. */
import type { V1Container, V1ContainerPort, V1HostAlias, V1Pod, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { ContainerRequest } from '../../../machines/types.ts'
import { JOB_EXTERNALS } from '../../work-tree/layout.ts'
import type { Site } from '../context/site.ts'
import {
  COPY_IN_CONTAINER,
  FILES_CONTAINER,
  JOB_CONTAINER,
  jobPodName,
  SERVICE_NAMES_ANNOTATION,
  VARIABLES_ANNOTATION
} from '../names.ts'
import { readinessProbe } from './docker-options/health-check.ts'
import type { CreateOptions } from './docker-options/options.ts'
import { EXTERNALS_VOLUME, type VolumePlan } from './job-volumes.ts'
import { podMetadata } from './metadata.ts'
import { helperContainer, type PodFiles, placement, podBase, unexpanded } from './parts.ts'
import { isHostName } from './service-names.ts'
import { userNamespaceOfSteps } from './user-namespace.ts'
import { isTaken, startOf } from './variables.ts'

/** What the job container runs between the steps. */
export const KEEP_ALIVE = ['tail', '-f', '/dev/null'] as const
const FILL_CONTAINER = 'fs-init'
const EXTERNALS_PATH = '/externals'

/** Names that services cannot have. */
export const OWN_CONTAINERS: readonly string[] = [JOB_CONTAINER, FILL_CONTAINER, COPY_IN_CONTAINER, FILES_CONTAINER]

/** A container of the workflow with everything that was decided about it. */
export interface PlannedContainer {
  /** 0 for the job container; services follow. */
  readonly index: number
  readonly name: string
  readonly request: ContainerRequest
  readonly options: CreateOptions
  readonly mounts: readonly V1VolumeMount[]
  readonly ports: readonly V1ContainerPort[]
}

export interface JobPodPlan {
  readonly job: PlannedContainer
  readonly services: readonly PlannedContainer[]
  readonly volumes: VolumePlan['volumes']
  /** Where the runner's own image may have the externals; the first that exists is taken. */
  readonly externals: readonly string[]
  readonly pullSecrets: readonly string[]
  /** Random; a file of this name shows that a container belongs to this pod and no other of its name. */
  readonly nonce: string
}

/** Where the job container finds the nonce. */
export const noncePath = (nonce: string): string => `${JOB_EXTERNALS}/.slipway-${nonce}`

export function jobPod(site: Site, files: PodFiles, plan: JobPodPlan): V1Pod {
  const { job, services } = plan
  const { fsGroup } = files
  const base = podBase(site)
  const all = [job, ...services]
  const metadata = podMetadata(site, jobPodName(site.runnerPod.metadata?.name ?? ''))
  const { hostname } = job.options
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      annotations: {
        ...metadata.annotations,
        [SERVICE_NAMES_ANNOTATION]: namesOf(plan).join(','),
        ...jobVariables(plan)
      }
    },
    spec: {
      ...base,
      ...userNamespaceOfSteps(site),
      ...placement(site, files, 'job'),
      ...(fsGroup !== undefined && { securityContext: { ...base.securityContext, fsGroup } }),
      imagePullSecrets: [...(base.imagePullSecrets ?? []), ...plan.pullSecrets.map((name) => ({ name }))],
      ...(hostname !== undefined && isHostName(hostname) && !hostname.includes('.') && { hostname }),
      hostAliases: hostAliases(plan),
      restartPolicy: 'Never',
      initContainers: [fillContainer(site, files, plan)],
      containers: [jobContainer(job), ...services.map(container), ...files.containers],
      volumes: [
        files.volume,
        { name: EXTERNALS_VOLUME, emptyDir: {} },
        ...plan.volumes,
        ...all.flatMap((planned) => memoryVolumes(planned).map(({ volume }) => volume))
      ]
    }
  }
}

/** Kept alive for the steps; an entrypoint of the options gets that as its arguments, as docker would give it. */
function jobContainer(job: PlannedContainer): V1Container {
  const { request, options } = job
  const entryPoint = request.entryPoint ?? (options.entryPoint || undefined)
  // Its steps are given the others.
  const own = container({
    ...job,
    request: { ...request, env: variablesOf(request.env, isTaken) },
    options: { ...options, env: variablesOf(options.env, isTaken) }
  })
  if (entryPoint === undefined) return { ...own, command: KEEP_ALIVE.slice(0, 1), args: KEEP_ALIVE.slice(1) }
  const args = request.args.length > 0 ? request.args.map(unexpanded) : argumentsFor(entryPoint)
  return { ...own, command: [unexpanded(entryPoint)], args }
}

const variablesOf = (env: Readonly<Record<string, string>>, isWanted: (name: string) => boolean) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => isWanted(name)))

/** What a shell keeps of its environment; our own stands between the container and its scripts. */
const OF_SHELLS = /^[A-Za-z_]\w*$/

/** The variables of the job container that do not reach its scripts by themselves. */
function jobVariables({ job: { request, options } }: JobPodPlan): Readonly<Record<string, string>> {
  const odd = variablesOf({ ...options.env, ...request.env }, (name) => !OF_SHELLS.test(name))
  return Object.keys(odd).length === 0 ? {} : { [VARIABLES_ANNOTATION]: JSON.stringify(odd) }
}

const SHELL = /^(.*\/)?(ba|da|a|z|k)?sh$/

/** A shell runs a command as a string; any other entrypoint is expected to run its arguments. */
const argumentsFor = (entryPoint: string): string[] =>
  SHELL.test(entryPoint) ? ['-c', KEEP_ALIVE.join(' ')] : [...KEEP_ALIVE]

function container(planned: PlannedContainer): V1Container {
  const { name, request, options, mounts, ports } = planned
  const env = { CI: 'true', ...options.env, ...request.env, GITHUB_ACTIONS: 'true' }
  const entryPoint = request.entryPoint ?? (options.entryPoint || undefined)
  const workingDir = options.workingDirectory ?? request.workingDirectory
  return {
    name,
    image: request.image,
    ...startOf(
      Object.entries(env).map(([key, value]) => ({ name: key, value: unexpanded(value) })),
      { entryPoint: entryPoint === undefined ? [] : [entryPoint], args: request.args }
    ),
    ...(workingDir !== undefined && { workingDir }),
    ...(ports.length > 0 && { ports: [...ports] }),
    ...resourcesOf(options),
    ...securityOf(options),
    ...(options.health !== undefined && { readinessProbe: readinessProbe(options.health) }),
    volumeMounts: [...mounts, ...memoryVolumes(planned).map(({ mount }) => mount)]
  }
}

/** Docker's options are caps and reserve nothing, so neither does the pod: only a reservation is a request. */
function resourcesOf({ cpus, memory, memoryReservation }: CreateOptions): Pick<V1Container, 'resources'> {
  const limits = { ...(cpus !== undefined && { cpu: cpus }), ...(memory !== undefined && { memory }) }
  const requests = {
    ...(cpus !== undefined && { cpu: '0' }),
    ...((memory ?? memoryReservation) !== undefined && { memory: memoryReservation ?? '0' })
  }
  return Object.keys(requests).length === 0 ? {} : { resources: { limits, requests } }
}

function securityOf(options: CreateOptions): Pick<V1Container, 'securityContext'> {
  const { user, group, privileged, readOnly, capAdd, capDrop } = options
  const capabilities = {
    ...(capAdd.length > 0 && { add: [...capAdd] }),
    ...(capDrop.length > 0 && { drop: [...capDrop] })
  }
  const securityContext = {
    ...(user !== undefined && { runAsUser: user }),
    ...(group !== undefined && { runAsGroup: group }),
    ...(privileged === true && { privileged }),
    ...(readOnly === true && { readOnlyRootFilesystem: true }),
    ...(Object.keys(capabilities).length > 0 && { capabilities })
  }
  return Object.keys(securityContext).length === 0 ? {} : { securityContext }
}

/** `--shm-size` and `--tmpfs`. */
function memoryVolumes({ index, options }: PlannedContainer): { volume: V1Volume; mount: V1VolumeMount }[] {
  const shm = options.shmSize === undefined ? [] : [{ path: '/dev/shm', size: options.shmSize }]
  return [...shm, ...options.tmpfs].map(({ path, size }, number) => {
    const volume = `memory-${index}-${number}`
    return {
      volume: { name: volume, emptyDir: { medium: 'Memory', ...(size !== undefined && { sizeLimit: size }) } },
      mount: { name: volume, mountPath: path }
    }
  })
}

/** Everything shares one network: the names of services lead to the pod itself. */
function hostAliases(plan: JobPodPlan): V1HostAlias[] {
  const added = [plan.job, ...plan.services].flatMap(({ options }) => options.hosts)
  const names = namesOf(plan)
  return [
    ...(names.length > 0 ? [{ ip: '127.0.0.1', hostnames: names }] : []),
    ...added.filter(({ name }) => isHostName(name)).map(({ ip, name }) => ({ ip, hostnames: [name] }))
  ]
}

/** Under which names the containers of the job are found, those of their options included. */
function namesOf({ job, services }: JobPodPlan): string[] {
  const names = [...job.options.names, ...services.flatMap(({ name, options }) => [name, ...options.names])]
  return [...new Set(names.filter(isHostName))]
}

/** `$0` is the nonce, the rest are the places to look at. */
const FILL = [
  'for from in "$@"; do',
  `if [ -d "$from" ]; then cp -a "$from"/* ${EXTERNALS_PATH}; found=1; break; fi;`,
  'done;',
  'if [ -z "$found" ]; then echo "none of $* is in the image of the runner"; exit 1; fi;',
  `: > ${EXTERNALS_PATH}/.slipway-$0`
].join(' ')

/** Brings what JavaScript actions run with; where files have to arrive the same container waits for them, since each one costs time. */
function fillContainer(site: Site, { arrival }: PodFiles, { externals, nonce }: JobPodPlan): V1Container {
  const mount: V1VolumeMount = { name: EXTERNALS_VOLUME, mountPath: EXTERNALS_PATH }
  const waiting = arrival === undefined ? [] : [arrival]
  return helperContainer(site, {
    name: arrival === undefined ? FILL_CONTAINER : COPY_IN_CONTAINER,
    command: ['sh', '-ec', [FILL, ...waiting.map(({ words }) => words)].join('; '), nonce, ...externals],
    volumeMounts: [...waiting.map((part) => part.mount), mount]
  })
}
