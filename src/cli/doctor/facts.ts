/** What doctor's checks find out once and share: who we are, the settings, the cluster and the runner's site in it. */
import { openAccess } from '../../effects/kubernetes/api/access.ts'
import { type Cluster, connectCluster } from '../../effects/kubernetes/api/cluster.ts'
import type { Access } from '../../effects/kubernetes/api/request.ts'
import { type ApiRequest, requestJson } from '../../effects/kubernetes/api/request.ts'
import { type BuildPlace, buildPlaceOf } from '../../effects/kubernetes/context/build-place.ts'
import type { KubernetesDependencies } from '../../effects/kubernetes/context/options.ts'
import { discoverSite, type Site } from '../../effects/kubernetes/context/site.ts'
import { openRegistry } from '../../effects/kubernetes/registry/credentials.ts'
import type { RegistryClient } from '../../effects/registry/client.ts'
import { timeoutSignal } from '../../effects/system.ts'
import { type Environment, type HookConfig, readConfig, readSettings } from '../../hooks/settings/config.ts'

/** Whom the API server takes us for (SelfSubjectReview). */
export interface Identity {
  readonly username: string
  /** Of a service account only. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string } | undefined
  /** The pod that our token belongs to. */
  readonly pod?: { readonly name: string; readonly uid: string } | undefined
}

export interface Facts {
  readonly environment: Environment
  readonly deps: KubernetesDependencies
  /** Throws as the hook would. */
  config(): HookConfig
  access(): Promise<Access>
  identity(signal: AbortSignal): Promise<Identity>
  cluster(): Promise<Cluster>
  site(signal: AbortSignal): Promise<Site>
  /** With the credentials and certificates that the hook would use; undefined when none is configured. */
  registry(signal: AbortSignal): Promise<RegistryClient | undefined>
}

/** How long one question to the API server may take. */
const ASK_MS_MAX = 15_000

/** Asks the API server one thing, once. */
export const ask = <T>(access: Access['access'], request: ApiRequest, signal: AbortSignal): Promise<T> =>
  requestJson<T>(access, request, AbortSignal.any([signal, timeoutSignal(ASK_MS_MAX)]))

/** `environment` is the hook's. Nothing is looked at before it is asked for; what worked once is kept. */
export function createFacts(environment: Environment, deps: KubernetesDependencies): Facts {
  const access = kept(async () => {
    const names = ['namespace', 'kubeconfig', 'serviceHost', 'servicePort'] as const
    const { namespace, kubeconfig, serviceHost: host, servicePort: port } = readSettings(environment, names)
    const isInPod = kubeconfig === undefined && host !== undefined && port !== undefined
    return await openAccess(isInPod ? { host, port } : undefined, namespace)
  })
  const config = () => readConfig(environment)
  const cluster = kept(() => {
    const { service, namespace } = config()
    return connectCluster({ service, namespace, clock: deps.clock, onRetry: deps.reporter.line })
  })
  return {
    environment,
    deps,
    config,
    access,
    identity: kept(async (signal: AbortSignal) => identityOf(await access(), signal)),
    cluster,
    site: kept((signal: AbortSignal) => discoverSite(config(), deps, signal)),
    registry: kept(async (signal: AbortSignal) => {
      const { registry } = config()
      return registry && (await openRegistry({ cluster: await cluster(), reporter: deps.reporter }, registry, signal))
    })
  }
}

/** Where Dockerfiles would be built; with settings that cannot be read `registry`, whose checks then are not made. */
export function placeOf({ config }: Pick<Facts, 'config'>): BuildPlace {
  try {
    return buildPlaceOf(config())
  } catch {
    // The check of the settings says why.
    return 'registry'
  }
}

function kept<Args extends unknown[], T>(find: (...args: Args) => Promise<T>): (...args: Args) => Promise<T> {
  let found: Promise<T> | undefined
  return (...args) => {
    found ??= find(...args).catch((thrown) => {
      found = undefined
      throw thrown
    })
    return found
  }
}

interface SelfSubjectReview {
  readonly status: {
    readonly userInfo: { readonly username: string; readonly extra?: Readonly<Record<string, readonly string[]>> }
  }
}

async function identityOf({ access }: Access, signal: AbortSignal): Promise<Identity> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
  const { status } = await ask<SelfSubjectReview>(access, { method: 'POST', path, body }, signal)
  const { username, extra } = status.userInfo
  const [, namespace, account] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? []
  const [pod] = extra?.['authentication.kubernetes.io/pod-name'] ?? []
  const [uid] = extra?.['authentication.kubernetes.io/pod-uid'] ?? []
  return {
    username,
    serviceAccount: namespace !== undefined && account !== undefined ? { namespace, name: account } : undefined,
    pod: pod !== undefined && uid !== undefined ? { name: pod, uid } : undefined
  }
}
