/** Goal: a job runs again what it has built itself, and nothing that somebody else has named. Method: a cluster and a registry in memory. */
import type { V1Secret } from '@kubernetes/client-node'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Cluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import { createBuiltImages, rememberedDigests } from '../../../../../src/effects/kubernetes/registry/built-images.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { StepError } from '../../../../../src/errors.ts'
import type { BuildPlan } from '../../../../../src/machines/types.ts'
import { runnerPod, siteOf } from '../context-fixture.ts'

const { signal } = new AbortController()
const REPOSITORY = 'registry.arc.svc:5000/handle'
const [OURS, OTHER] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`]
const plan: BuildPlan = {
  contextDirectory: '/home/runner/_work/_actions/owner/action/v1',
  dockerfile: 'Dockerfile',
  contentHash: 'c'.repeat(64),
  pushReference: `${REPOSITORY}:${'c'.repeat(40)}`,
  pullRepository: 'localhost:30500/handle'
}

const secrets = new Map<string, V1Secret>()
/** What the registry has, by reference. */
const registry = new Map<string, string>()
let refusal: StepError | undefined
let said = ''

beforeEach(() => {
  secrets.clear()
  registry.clear()
  refusal = undefined
  said = ''
})

const nameOf = ({ metadata }: V1Secret): string => metadata?.name ?? ''
const cluster = {
  namespace: 'arc',
  getSecret: async (name: string) => secrets.get(name),
  createSecret: async (secret: V1Secret) => {
    if (refusal !== undefined) throw refusal
    if (!secrets.has(nameOf(secret))) secrets.set(nameOf(secret), secret)
  },
  deleteSecret: async (name: string) => {
    secrets.delete(name)
  },
  list: async (_resource: string, selector = '') => {
    const wanted = selector.split(',').map((part) => part.split('='))
    return [...secrets.values()]
      .map(({ metadata }) => metadata ?? {})
      .filter(({ labels = {} }) => wanted.every(([key = '', value]) => key in labels && (value ?? '') === labels[key]))
  }
} as unknown as Cluster
const reporter = createReporter((text) => {
  said += text
})

const imagesOf = (uid = '00000000-1111-2222-3333-444444444444', name = 'runner-abc') => {
  const pod = { ...runnerPod('copy'), metadata: { name, uid } }
  const site = siteOf('copy', { cluster, reporter, runnerPod: pod })
  return createBuiltImages(site, async (reference) => registry.get(reference))
}
const arrive = (digest: string) => registry.set(`${REPOSITORY}@${digest}`, digest)

describe('what a job has built', () => {
  it('is found again, by its digest', async () => {
    await imagesOf().remember(plan, OURS, signal)
    arrive(OURS)
    expect(await imagesOf().find(plan, signal)).toBe(OURS)
    const [secret] = secrets.values()
    expect(secret).toMatchObject({ immutable: true, metadata: { labels: { 'runner-pod': 'runner-abc' } } })
    expect(
      await rememberedDigests(cluster, await cluster.list('secrets', 'runner-pod=runner-abc', signal), signal)
    ).toEqual([OURS])
  })

  it('is not asked of a tag, which anybody can move', async () => {
    registry.set(plan.pushReference, OTHER)
    arrive(OTHER)
    expect(await imagesOf().find(plan, signal)).toBeUndefined()
    await imagesOf().remember(plan, OURS, signal)
    arrive(OURS)
    expect(await imagesOf().find(plan, signal)).toBe(OURS)
  })

  it('is found for the same content only, the whole hash of it', async () => {
    await imagesOf().remember(plan, OURS, signal)
    arrive(OURS)
    const contentHash = `${plan.contentHash.slice(0, 63)}d`
    expect(await imagesOf().find({ ...plan, contentHash }, signal)).toBeUndefined()
  })

  it('is not found by another runner pod, of the same name or of another one', async () => {
    await imagesOf().remember(plan, OURS, signal)
    arrive(OURS)
    expect(await imagesOf('another-uid').find(plan, signal)).toBeUndefined()
    expect(await imagesOf('another-uid', 'runner-def').find(plan, signal)).toBeUndefined()
  })

  it('is forgotten when the registry has lost it, so that the next one can be remembered', async () => {
    await imagesOf().remember(plan, OURS, signal)
    expect(await imagesOf().find(plan, signal)).toBeUndefined()
    await imagesOf().remember(plan, OTHER, signal)
    arrive(OTHER)
    expect(await imagesOf().find(plan, signal)).toBe(OTHER)
  })

  it('is known to who removes images, also where two steps build the same at the same time', async () => {
    await imagesOf().remember(plan, OURS, signal)
    await imagesOf().remember(plan, OTHER, signal)
    await imagesOf().remember(plan, OTHER, signal)
    arrive(OURS)
    arrive(OTHER)
    expect(await imagesOf().find(plan, signal)).toBe(OURS)
    expect(
      await rememberedDigests(cluster, await cluster.list('secrets', 'runner-pod=runner-abc', signal), signal)
    ).toEqual([OURS, OTHER])
  })

  it.each<[string, (secret: V1Secret) => V1Secret]>([
    ['belongs to nobody', ({ metadata, ...rest }) => ({ ...rest, metadata: { ...metadata, ownerReferences: [] } })],
    [
      'belongs to another pod',
      ({ metadata, ...rest }) => ({
        ...rest,
        metadata: {
          ...metadata,
          ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'runner-abc', uid: 'another-uid' }]
        }
      })
    ],
    ['holds no digest', ({ data: _none, ...rest }) => rest],
    ['holds more than a digest', (secret) => ({ ...secret, data: { digest: btoa(`${OURS}@evil`) } })]
  ])('is not taken from a Secret that %s', async (_title, change) => {
    await imagesOf().remember(plan, OURS, signal)
    arrive(OURS)
    for (const [name, secret] of secrets) secrets.set(name, change(secret))
    expect(await imagesOf().find(plan, signal)).toBeUndefined()
  })

  it('that was built ahead belongs to the job pod, and a use of it is noted once', async () => {
    const job = { pod: 'runner-abc-workflow', uid: 'uid-job', serviceNames: [] }
    const pod = runnerPod('copy')
    pod.metadata = { name: 'runner-abc', uid: '00000000-1111-2222-3333-444444444444' }
    const site = siteOf('copy', { cluster, reporter, runnerPod: pod, job })
    const digestOf = async (reference: string) => registry.get(reference)
    const ahead = createBuiltImages({ ...site, aheadFor: { metadata: { name: job.pod, uid: job.uid } } }, digestOf)
    await ahead.remember(plan, OURS, signal)
    arrive(OURS)
    const labelsOf = () => [...secrets.values()].map(({ metadata }) => metadata?.labels?.['slipway/ahead'])
    expect([...secrets.values()][0]?.metadata?.ownerReferences).toMatchObject([{ uid: 'uid-job' }])
    // Who builds ahead is no step.
    expect(await ahead.find(plan, signal)).toBe(OURS)
    expect(labelsOf()).toEqual(['built'])
    for (let uses = 0; uses < 2; uses += 1)
      expect(await createBuiltImages(site, digestOf).find(plan, signal)).toBe(OURS)
    expect(labelsOf()).toEqual(['built', 'used'])
    expect(
      await rememberedDigests(cluster, await cluster.list('secrets', 'runner-pod=runner-abc', signal), signal)
    ).toEqual([OURS])
  })

  it('is not taken from a Secret of another job pod', async () => {
    const site = siteOf('copy', { cluster, reporter, runnerPod: runnerPod('copy') })
    const job = { pod: 'runner-abc-workflow', uid: 'uid-job', serviceNames: [] }
    const aheadFor = { metadata: { name: job.pod, uid: 'uid-of-another' } }
    const digestOf = async (reference: string) => registry.get(reference)
    await createBuiltImages({ ...site, job, aheadFor }, digestOf).remember(plan, OURS, signal)
    arrive(OURS)
    expect(await createBuiltImages({ ...site, job }, digestOf).find(plan, signal)).toBeUndefined()
  })

  it('fails no step when it cannot be remembered', async () => {
    refusal = new StepError('cluster-rejected', 'exceeded quota')
    await imagesOf().remember(plan, OURS, signal)
    expect(said).toMatch(/^The image is built again when this job needs it again: exceeded quota$/m)
  })
})
