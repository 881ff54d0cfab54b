/**
 * Which images a job has built, for its later steps: each digest in a Secret, where no container can write. What a tag says is no
 * proof of who built it: whoever may push into the registry can move it.
 */
import { createHash } from 'node:crypto'
import type { V1ObjectMeta, V1Pod, V1Secret } from '@kubernetes/client-node'
import type { BuildPlan } from '../../../machines/types.ts'
import type { Reporter } from '../../log/reporter.ts'
import { parseReference } from '../../registry/reference.ts'
import type { Cluster } from '../api/cluster.ts'
import { AHEAD_LABEL, type AheadLabel, isOwnedBy, objectName, ownedMetadata } from '../names.ts'

/** The digest of what a reference points to; undefined when the registry has no such image. */
export type DigestOf = (reference: string, signal: AbortSignal) => Promise<string | undefined>

interface Job {
  readonly cluster: Cluster
  readonly reporter: Pick<Reporter, 'line'>
  readonly runnerPod: V1Pod
  readonly job?: { readonly uid: string } | undefined
  readonly aheadFor?: V1Pod | undefined
}

export interface BuiltImages {
  /** Digest of what this job has built from the same content, as long as the registry has it. */
  find(plan: BuildPlan, signal: AbortSignal): Promise<string | undefined>
  /** An image that cannot be remembered is built again: that is said, and fails nothing. */
  remember(plan: BuildPlan, digest: string, signal: AbortSignal): Promise<void>
}

/** On such Secrets, beside the labels that everything has. */
const LABEL = 'slipway/built-image'
const KEY = 'digest'
const DIGEST = /^sha256:[0-9a-f]{64}$/
const NAME_DIGITS = 24

/** They go with the job: cleanup_job, ARC and Kubernetes remove what is labelled for the runner pod and owned by it. */
export function createBuiltImages(
  { cluster, reporter, runnerPod, job, aheadFor }: Job,
  digestOf: DigestOf
): BuiltImages {
  const nameOf = (...parts: readonly string[]) => {
    const digits = createHash('sha256')
      .update([runnerPod.metadata?.uid, ...parts].join(' '))
      .digest('hex')
    return objectName(runnerPod.metadata?.name ?? '', 'image', digits.slice(0, NAME_DIGITS))
  }
  const secretOf = (name: string, digest: string): V1Secret => {
    const metadata = ownedMetadata(name, runnerPod, aheadFor)
    const labels = { ...metadata.labels, [LABEL]: '', ...(aheadFor && aheadLabel('built')) }
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...metadata, labels },
      type: 'Opaque',
      immutable: true,
      data: { [KEY]: Buffer.from(digest, 'utf8').toString('base64') }
    }
  }
  const keep = async (name: string, digest: string, signal: AbortSignal) => {
    await cluster.createSecret(secretOf(name, digest), signal)
    const secret = await cluster.getSecret(name, signal)
    return secret !== undefined && digestIn(secret) === digest
  }
  /** For who counts what was built for nothing. A note that cannot be left only makes the count wrong. */
  const noteUse = async (name: string, { metadata: found }: V1Secret, signal: AbortSignal) => {
    if (aheadFor !== undefined || found?.labels?.[AHEAD_LABEL] === undefined) return
    const metadata = ownedMetadata(`${name}-used`, runnerPod)
    const labels = { ...metadata.labels, ...aheadLabel('used') }
    const note: V1Secret = { apiVersion: 'v1', kind: 'Secret', metadata: { ...metadata, labels }, type: 'Opaque' }
    await cluster.createSecret(note, signal).catch(() => signal.throwIfAborted())
  }
  return {
    async find(plan, signal) {
      const name = nameOf(plan.contentHash)
      const secret = await cluster.getSecret(name, signal)
      if (secret === undefined) return undefined
      const digest = isOwnedBy(secret, runnerPod, job?.uid) ? digestIn(secret) : undefined
      const { host, repository } = parseReference(plan.pushReference)
      if (digest !== undefined) {
        const reference = `${host}/${repository}@${digest}`
        const [there] = await Promise.all([digestOf(reference, signal), noteUse(name, secret, signal)])
        if (there !== undefined) return digest
      }
      // What is built now is another image, even from the same content.
      await cluster.deleteSecret(name, signal)
      return undefined
    },

    async remember({ contentHash }, digest, signal) {
      try {
        // Steps that build the same at the same time make two images of it: the first is used again, and both go with the job.
        if (!(await keep(nameOf(contentHash), digest, signal))) await keep(nameOf(contentHash, digest), digest, signal)
      } catch (error) {
        signal.throwIfAborted()
        reporter.line(`The image is built again when this job needs it again: ${(error as Error).message}`)
      }
    }
  }
}

const aheadLabel = (value: AheadLabel) => ({ [AHEAD_LABEL]: value })

/** Every digest that is remembered in a runner pod's Secrets, for who removes its images: a tag may have been moved to another one. */
export async function rememberedDigests(
  cluster: Cluster,
  secrets: readonly V1ObjectMeta[],
  signal: AbortSignal
): Promise<string[]> {
  const remembering = secrets.filter(({ labels }) => labels?.[LABEL] !== undefined)
  const found = await Promise.all(remembering.map(({ name = '' }) => cluster.getSecret(name, signal)))
  return found.flatMap((secret) => (secret && digestIn(secret)) ?? [])
}

function digestIn({ data }: V1Secret): string | undefined {
  const digest = Buffer.from(data?.[KEY] ?? '', 'base64').toString('utf8')
  return DIGEST.test(digest) ? digest : undefined
}
