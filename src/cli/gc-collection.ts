/** Looks through namespaces and the registry for garbage, removes it, and keeps a report of both, for `slipway gc`. */
import { type Cluster, connectCluster } from '../effects/kubernetes/api/cluster.ts'
import {
  type Found,
  findImages,
  findInNamespace,
  type Garbage,
  handlesIn
} from '../effects/kubernetes/cleanup/garbage.ts'
import { openRegistry } from '../effects/kubernetes/registry/credentials.ts'
import { createRedaction } from '../effects/log/redaction.ts'
import { systemClock, wallMs } from '../effects/system.ts'
import { toStepError } from '../errors.ts'
import type { Connection } from '../hooks/settings/config.ts'

export interface Collection {
  readonly connection: Connection
  /** Undefined: the one of the kubeconfig or the service account. */
  readonly namespaces: readonly (string | undefined)[]
  readonly imageAgeMs: number
  /** Nothing is removed. */
  readonly isDry: boolean
}

type Thing = Omit<Garbage, 'remove'>

/** One thing and what became of it. */
export interface Item extends Thing {
  readonly fate: 'removed' | 'would be removed' | 'kept' | 'not removed'
}

export interface Report {
  readonly items: readonly Item[]
  /** What could not be looked at or removed, in a line each. */
  readonly problems: readonly string[]
  /** What was not looked at, and need not be wrong. */
  readonly notes: readonly string[]
}

export const nameOf = ({ kind, namespace, name }: Thing): string =>
  `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`

/** `tell` gets a line for everything as it happens. Rejects when it is aborted; what was removed by then is gone. */
export async function collectGarbage(
  collection: Collection,
  tell: (line: string) => void,
  signal: AbortSignal
): Promise<Report> {
  const { connection, namespaces } = collection
  const redaction = createRedaction()
  const ledger = createReport(collection.isDry, tell, redaction.redact, signal)
  const clusters: Cluster[] = []
  let areAllKnown = true
  for (const namespace of namespaces) {
    const found = await ledger.attempt(namespace === undefined ? 'cluster' : `namespace ${namespace}`, async () => {
      const { service } = connection
      const cluster = await connectCluster({ service, namespace, clock: systemClock, onRetry: tell })
      clusters.push(cluster)
      return await findInNamespace(cluster, signal)
    })
    if (found === undefined) areAllKnown = false
    else await ledger.settle(found)
  }
  const { registry } = connection
  if (registry === undefined) ledger.note('no registry is configured: images were not looked at')
  else if (!areAllKnown) ledger.note('it is not known which runner pods there are: images were not looked at')
  else {
    const handles = async () => {
      const all = new Set<string>()
      for (const cluster of clusters) for (const handle of await handlesIn(cluster, signal)) all.add(handle)
      return all
    }
    const rules = { handles, madeBeforeMs: wallMs() - collection.imageAgeMs, path: registry.path }
    const found = await ledger.attempt(`registry ${registry.pushHost}`, async () => {
      // The registry's Secrets are in the first namespace, as in every other one.
      const { service } = connection
      const cluster = await connectCluster({ service, namespace: namespaces[0], clock: systemClock, onRetry: tell })
      const client = await openRegistry({ cluster, reporter: redaction }, registry, signal)
      const images = await findImages(client, rules, signal)
      if (images !== undefined) return images
      ledger.note(`registry ${registry.pushHost} does not list what it has: images were not looked at`)
      return undefined
    })
    if (found !== undefined) await ledger.settle(found)
  }
  return ledger.report
}

function createReport(
  isDry: boolean,
  tell: (line: string) => void,
  redact: (text: string) => string,
  signal: AbortSignal
) {
  const [items, problems, notes]: [Item[], string[], string[]] = [[], [], []]
  const fail = (text: string) => {
    const line = redact(text)
    problems.push(line)
    tell(line)
  }
  /** Undefined when it failed, which is a problem and stops nothing else. */
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (thrown) {
      signal.throwIfAborted()
      fail(`${what}: ${toStepError(thrown).message}`)
      return undefined
    }
  }
  const add = (thing: Thing, fate: Item['fate']) => {
    const { kind, namespace } = thing
    const [name, why] = [redact(thing.name), redact(thing.why)]
    items.push({ kind, namespace, name, why, fate })
    if (fate !== 'not removed') tell(`${nameOf({ kind, namespace, name, why })} ${fate}: ${why}`)
  }
  const remove = async (thing: Garbage): Promise<Item['fate']> => {
    if (isDry) return 'would be removed'
    const isRemoved = await attempt(nameOf(thing), async () => {
      await thing.remove(signal)
      return true
    })
    return isRemoved ? 'removed' : 'not removed'
  }
  return {
    report: { items, problems, notes },
    attempt,
    note(line: string) {
      notes.push(line)
      tell(line)
    },
    async settle({ garbage, kept, failures = [] }: Found) {
      for (const line of failures) fail(line)
      for (const thing of garbage) add(thing, await remove(thing))
      for (const thing of kept) add(thing, 'kept')
    }
  }
}
