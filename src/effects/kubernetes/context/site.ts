/** What every Kubernetes effect of one run shares: the cluster, the runner pod that owns everything, and where the work directory is. */
import { createHash } from 'node:crypto'
import type { V1LocalObjectReference, V1Pod } from '@kubernetes/client-node'
import { architecture } from '../../system.ts'
import { type Cluster, connectCluster } from '../api/cluster.ts'
import { SERVICE_NAMES_ANNOTATION } from '../names.ts'
import { lookAtOwnPods } from '../pods/own.ts'
import type { Pods } from '../pods/start-watch.ts'
import type { RegistrySettings } from '../registry/settings.ts'
import type { PodTemplate } from '../template/read.ts'
import type { KubernetesDependencies, KubernetesOptions, Origin } from './options.ts'
import { usualResolverFile } from './resolver-file.ts'
import { discoverStorage, runnerContainer, type Storage, workPath } from './storage.ts'

const HANDLE_LENGTH = 24
/** What every handle looks like. */
export const HANDLE = new RegExp(`^[0-9a-f]{${HANDLE_LENGTH}}$`)

/** The job pod, for steps of a job that has one. */
export interface JobSite {
  readonly pod: string
  readonly uid: string
  /** Undefined until the pod has an address. */
  readonly address?: string | undefined
  /** Names under which the job's services are known. */
  readonly serviceNames: readonly string[]
}

export interface Site
  extends Pods,
    Pick<KubernetesOptions, 'buildUserNamespace' | 'stepUserNamespace' | 'hostPorts' | 'baseImageSecret'> {
  readonly cluster: Cluster
  readonly runnerPod: V1Pod
  readonly storage: Storage
  /** GITHUB_WORKSPACE relative to the work directory. */
  readonly workspacePath: string
  /** How much a step may hand back in copy mode, bytes; undefined: as much as unpacking allows by itself. */
  readonly bytesMax?: number | undefined
  readonly job?: JobSite | undefined
  /** The job pod, where nothing is made for a step but for the job as a whole: it owns that. */
  readonly aheadFor?: V1Pod | undefined
  /** Name of a pod that stands where the job pod would, and is not this runner's. */
  readonly stranger?: string | undefined
  /** The runner's processor's. */
  readonly architecture: string
  /** For labels and annotations of pods. */
  readonly origin?: Origin | undefined
  /** The administrator's; undefined when none is configured. */
  readonly template?: PodTemplate | undefined
  /** Image of the containers that move files: the runner's own, so it is on the node and has tar. */
  readonly runnerImage: string
  readonly imagePullSecrets: readonly V1LocalObjectReference[]
  /** The runner pod's own, where build pods get the same; undefined where that is not sure. */
  readonly resolverFile?: string | undefined
  /** Undefined when none is configured. */
  readonly registry?: RegistrySettings | undefined
  /** Repository of this runner's images: unguessable, and the same for every command of a job, so that builds are found again. */
  readonly handle: string
}

/** Looks at the runner pod and the job pod once; fails as `lookAtOwnPods` does. */
export async function discoverSite(
  options: KubernetesOptions,
  deps: KubernetesDependencies,
  signal: AbortSignal
): Promise<Site> {
  const { reporter, clock } = deps
  const cluster = await connectCluster({
    service: options.service,
    namespace: options.namespace,
    clock,
    onRetry: reporter.aside
  })
  const [{ runnerPod, jobPod, stranger }, template] = await Promise.all([
    lookAtOwnPods(cluster, options, signal),
    templateAt(options.templatePath)
  ])
  const storage = await discoverStorage(cluster, runnerPod, options, signal)
  return {
    cluster,
    clock,
    reporter,
    runnerPod,
    storage,
    workspacePath: workPath(storage, options.paths.githubWorkspace),
    bytesMax: options.bytesMax,
    hostPorts: options.hostPorts,
    job: jobPod && jobSite(jobPod),
    stranger,
    architecture,
    origin: options.origin,
    template,
    runnerImage: options.runnerImage ?? runnerContainer(runnerPod)?.image ?? '',
    imagePullSecrets: runnerPod.spec?.imagePullSecrets ?? [],
    // Without a service account the hook may be anywhere.
    resolverFile: options.service && (await usualResolverFile(runnerPod, template)),
    registry: options.registry,
    baseImageSecret: options.baseImageSecret,
    buildUserNamespace: options.buildUserNamespace,
    stepUserNamespace: options.stepUserNamespace,
    handle: handleOf(runnerPod)
  }
}

/** Most runners have none, and checking one takes a while to load. */
async function templateAt(path: string | undefined): Promise<PodTemplate | undefined> {
  if (path === undefined) return undefined
  const { readTemplate } = await import('../template/read.ts')
  return await readTemplate(path)
}

function jobSite(pod: V1Pod): JobSite {
  const names = pod.metadata?.annotations?.[SERVICE_NAMES_ANNOTATION] ?? ''
  return {
    pod: pod.metadata?.name ?? '',
    uid: pod.metadata?.uid ?? '',
    address: pod.status?.podIP,
    serviceNames: names.split(',').filter((name) => name !== '')
  }
}

/** Derived from the runner pod's UID, which the API server draws at random (ADR 0034 asks for a random handle per job). */
export function handleOf(runnerPod: Pick<V1Pod, 'metadata'>): string {
  return createHash('sha256').update(`slipway ${runnerPod.metadata?.uid}`).digest('hex').slice(0, HANDLE_LENGTH)
}
