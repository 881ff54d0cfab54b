/** What hooks that crashed left behind: pods, Secrets and images whose runner pod is gone, for `slipway gc`. */
import type { V1ObjectMeta } from '@kubernetes/client-node'
import { StepError, toStepError } from '../../../errors.ts'
import type { RegistryClient } from '../../registry/client.ts'
import { isReference } from '../../registry/reference.ts'
import { timeMs, timeoutSignal } from '../../system.ts'
import type { Cluster } from '../api/cluster.ts'
import { isNotFound } from '../api/errors.ts'
import { apiPath } from '../api/path.ts'
import { requestJson } from '../api/request.ts'
import { HANDLE, handleOf } from '../context/site.ts'
import { MANAGED_BY, RUNNER_POD_LABEL, runnerPodLabel } from '../names.ts'

/** One thing that nobody needs any more. */
export interface Garbage {
  readonly kind: 'pod' | 'secret' | 'image'
  /** Undefined for images. */
  readonly namespace?: string | undefined
  readonly name: string
  /** Why it is garbage, or why it stays. */
  readonly why: string
  /** Removing what is gone is not an error. */
  remove(signal: AbortSignal): Promise<void>
}

export interface Found {
  readonly garbage: readonly Garbage[]
  /** What looks like garbage and is left alone. */
  readonly kept: readonly Garbage[]
  /** What could not be looked at, and why, in a line each; absent when there is nothing. */
  readonly failures?: readonly string[] | undefined
}

const LOOK_TIMEOUT_MS = 15_000

/** An empty list would say the same of a namespace that does not exist. Who may not look at namespaces sees no such list. */
async function mustExist({ namespace, access }: Cluster, signal: AbortSignal): Promise<void> {
  const timed = AbortSignal.any([signal, timeoutSignal(LOOK_TIMEOUT_MS)])
  await requestJson(access, { method: 'GET', path: apiPath({ namespace }) }, timed).catch((thrown) => {
    if (isNotFound(thrown)) throw new StepError('invalid-input', `there is no namespace ${namespace}`)
  })
}

/**
 * Looks through one namespace. What is labelled is listed before the pods it may belong to, so that a runner pod that comes
 * in between is seen: nothing is made for a runner pod that is not there.
 */
export async function findInNamespace(cluster: Cluster, signal: AbortSignal): Promise<Found> {
  const { namespace } = cluster
  await mustExist(cluster, signal)
  const selector = `${RUNNER_POD_LABEL},${MANAGED_BY.label}=${MANAGED_BY.value}`
  // One after the other: of two refusals at once, sometimes the one and sometimes the other would be the answer.
  const pods = await cluster.list('pods', selector, signal)
  const secrets = await cluster.list('secrets', selector, signal)
  const all = await cluster.list('pods', undefined, signal)
  const alive = new Set(all.map(({ name = '' }) => runnerPodLabel(name)))
  const aliveUids = new Set(all.map(({ uid }) => uid))
  const orphans = (kind: 'pod' | 'secret', found: readonly V1ObjectMeta[]): Garbage[] =>
    found.flatMap(({ name = '', labels, ownerReferences = [] }) => {
      const runnerPod = labels?.[RUNNER_POD_LABEL] ?? ''
      if (alive.has(runnerPod) || ownerReferences.some(({ uid }) => aliveUids.has(uid))) return []
      const remove: Garbage['remove'] = (signal) =>
        kind === 'pod' ? cluster.deletePod(name, signal) : cluster.deleteSecret(name, signal)
      return { kind, namespace, name, why: `runner pod ${runnerPod} is gone`, remove }
    })
  return { garbage: [...orphans('pod', pods), ...orphans('secret', secrets)], kept: [] }
}

/** Repositories of the runner pods that are there now. */
export async function handlesIn(cluster: Cluster, signal: AbortSignal): Promise<readonly string[]> {
  return (await cluster.list('pods', undefined, signal)).map((metadata) => handleOf({ metadata }))
}

export interface ImageRules {
  /** Of every runner pod that there is; asked after the registry, so that one that came in between is seen. */
  readonly handles: () => Promise<ReadonlySet<string>>
  /** Younger images stay: their runner may be in a namespace that was not looked at. Wall time, milliseconds. */
  readonly madeBeforeMs: number
  /** The registry's path: repositories elsewhere are not ours. */
  readonly path?: string | undefined
}

/**
 * Looks through the repositories that have a name like ours. Undefined: the registry does not list what it has. Whatever one
 * image or repository is like, the others are looked at; only a registry that does not answer ends it.
 */
export async function findImages(
  client: RegistryClient,
  rules: ImageRules,
  signal: AbortSignal
): Promise<Found | undefined> {
  const repositories = await client.repositories(signal)
  if (repositories === undefined) return undefined
  const prefix = rules.path === undefined ? '' : `${rules.path}/`
  const ours = repositories.filter((name) => {
    const handle = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    return HANDLE.test(handle)
  })
  const [garbage, kept, failures]: [Garbage[], Garbage[], string[]] = [[], [], []]
  const attempt = async <T>(what: string, work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work
    } catch (thrown) {
      signal.throwIfAborted()
      await client.ping(signal)
      failures.push(`${what}: ${toStepError(thrown).message}`)
      return undefined
    }
  }
  const tagged = new Map<string, readonly string[]>()
  for (const repository of ours) {
    const references = await attempt(`repository ${repository}`, client.tagged(repository, signal))
    if (references !== undefined) tagged.set(repository, references)
  }
  const alive = await rules.handles()
  for (const [repository, names] of tagged) {
    if (alive.has(repository.slice(prefix.length))) continue
    for (const name of names) {
      const image = { kind: 'image', name, remove: (signal: AbortSignal) => client.remove(name, signal) } as const
      if (!isReference(name)) kept.push({ ...image, why: 'its tag is none that an image can have' })
      else await attempt(`image ${name}`, judge(client, image, rules, { garbage, kept }, signal))
    }
  }
  return { garbage, kept, ...(failures.length > 0 && { failures }) }
}

async function judge(
  client: RegistryClient,
  image: Omit<Garbage, 'why'>,
  { madeBeforeMs }: ImageRules,
  { garbage, kept }: { readonly garbage: Garbage[]; readonly kept: Garbage[] },
  signal: AbortSignal
): Promise<void> {
  const created = await client.createdAt(image.name, signal)
  const createdMs = created === undefined ? undefined : timeMs(created)
  if (createdMs === undefined) kept.push({ ...image, why: 'it does not say when it was made' })
  else if (createdMs > madeBeforeMs) kept.push({ ...image, why: `it was made at ${created}` })
  else garbage.push({ ...image, why: `its runner pod is gone, and it was made at ${created}` })
}
