/** Goal: a step waits for a build ahead as long as that can bring an image, and no longer. Method: a pod and a digest that change in time. */
import type { V1ObjectMeta, V1Pod } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import type { Cluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import { aheadOf } from '../../../../../src/effects/kubernetes/container-step/ahead.ts'
import { findAhead, joinBuild } from '../../../../../src/effects/kubernetes/container-step/join.ts'
import { podMetadata } from '../../../../../src/effects/kubernetes/specs/metadata.ts'
import type { Clock } from '../../../../../src/machines/ports.ts'
import type { BuiltImage } from '../../../../../src/machines/types.ts'
import { DIGEST, PLAN, PUSHED_IMAGE } from '../../../../support/container-step-model.ts'
import { siteOf } from '../context-fixture.ts'

const { signal } = new AbortController()
const JOB = { pod: 'runner-abc-workflow', uid: 'uid-job', serviceNames: [] }
const REMEMBERED_MS = 3_000

const podIn = (phase: string, state?: object): V1Pod => ({
  metadata: { name: 'ahead-1' },
  status: { phase, ...(state && { initContainerStatuses: [{ name: 'build', state } as never] }) }
})
const building = podIn('Pending', { running: {} })

/** `podAt` and `digestAt`: what there is so many milliseconds after the beginning. */
async function joined(
  podAt: (ms: number) => V1Pod | undefined,
  digestAt: (ms: number) => string | undefined = () => undefined,
  takeOver: (built: BuiltImage) => Promise<string> = () => Promise.reject(new Error('nothing to take over'))
) {
  let nowMs = 0
  const clock = {
    now: () => nowMs,
    jitter: (ms: number) => ms,
    sleep: async (ms: number) => {
      nowMs += ms
      if (nowMs > 600_000) throw new Error('it waits for ever')
    }
  } as Clock
  const deleted: string[] = []
  const cluster = {
    getPod: async () => podAt(nowMs),
    deletePod: async (name: string) => void deleted.push(name)
  } as unknown as Cluster
  const site = siteOf('volume', { cluster, clock, job: JOB })
  const { image } = await joinBuild(
    site,
    { find: async () => digestAt(nowMs), takeOver },
    { plan: PLAN, building: { pod: 'ahead-1' } },
    signal
  )
  return { image, afterMs: nowMs, deleted }
}

describe('a step', () => {
  it('gets the image as soon as it is remembered', async () => {
    const { image, afterMs } = await joined(
      () => building,
      (ms) => (ms < REMEMBERED_MS ? undefined : DIGEST)
    )
    expect(image).toBe(PUSHED_IMAGE)
    expect(afterMs).toBeLessThan(REMEMBERED_MS + 1_000)
  })

  it('gets it also when the pod goes in the same moment', async () => {
    const { image } = await joined(
      () => undefined,
      () => DIGEST
    )
    expect(image).toBe(PUSHED_IMAGE)
  })

  it.each<[string, V1Pod | undefined]>([
    ['is gone', undefined],
    ['has failed', podIn('Failed', { terminated: {} })],
    ['is being deleted', { ...building, metadata: { deletionTimestamp: new Date(0) } }]
  ])('does not wait for a pod that %s', async (_title, pod) => {
    expect(await joined(() => pod)).toEqual({ image: undefined, afterMs: 0, deleted: [] })
  })

  it('waits a little for who remembers what was pushed, and then no more', async () => {
    const { image, afterMs } = await joined(() => podIn('Succeeded', { terminated: {} }))
    expect(image).toBeUndefined()
    expect(afterMs).toBeGreaterThan(3_000)
    expect(afterMs).toBeLessThan(10_000)
  })

  it('sees to a push itself that nobody looks after any more', async () => {
    const pushed = podIn('Succeeded', { terminated: { message: DIGEST } })
    const takeOver = async ({ digest, pod }: BuiltImage) => `${pod} ${digest}`
    expect((await joined(() => pushed, undefined, takeOver)).image).toBe(`ahead-1 ${DIGEST}`)
    expect((await joined(() => pushed)).image).toBeUndefined()
  })

  it('waits a minute for a build that does not begin, and ends it', async () => {
    const { image, afterMs, deleted } = await joined(() => podIn('Pending', { waiting: {} }))
    expect(image).toBeUndefined()
    expect(Math.round(afterMs / 10_000)).toBe(6)
    expect(deleted).toEqual(['ahead-1'])
  })
})

describe('a build that goes on', () => {
  const listed: V1ObjectMeta[] = []
  const selectors: string[] = []
  const cluster = {
    list: async (_kind: string, selector: string) => {
      selectors.push(selector)
      return listed
    }
  } as unknown as Cluster
  const site = siteOf('volume', { cluster, job: JOB })
  const metadata = podMetadata(aheadOf(site), 'ahead-1')

  it('belongs to the job pod, and is found by what it builds', async () => {
    expect(metadata.ownerReferences).toMatchObject([{ name: JOB.pod, uid: JOB.uid }])
    listed.splice(0, 1, metadata)
    expect(await findAhead(site, PLAN, signal)).toEqual({ pod: 'ahead-1' })
    expect(selectors.at(-1)).toBe(`runner-pod=runner-abc,slipway/content=${'c'.repeat(40)},slipway/ahead`)
  })

  it('is any build for who would build ahead', async () => {
    await findAhead(aheadOf(site), PLAN, signal)
    expect(selectors.at(-1)).toBe(`runner-pod=runner-abc,slipway/content=${'c'.repeat(40)}`)
  })

  it('is none that somebody else owns, or that is being deleted', async () => {
    listed.splice(0, 1, { ...metadata, ownerReferences: [] })
    expect(await findAhead(site, PLAN, signal)).toBeUndefined()
    listed.splice(0, 1, { ...metadata, deletionTimestamp: new Date(0) })
    expect(await findAhead(site, PLAN, signal)).toBeUndefined()
  })

  it('is none without a job pod', async () => {
    expect(await findAhead({ ...site, job: undefined }, PLAN, signal)).toBeUndefined()
  })
})

describe('what is made ahead', () => {
  const made: string[] = []
  let jobPod: V1Pod | undefined
  const cluster = {
    getPod: async () => jobPod,
    createPod: async ({ metadata }: V1Pod) => void made.push(metadata?.name ?? ''),
    createSecret: async ({ metadata }: V1Pod) => void made.push(metadata?.name ?? '')
  } as unknown as Cluster
  const site = aheadOf(siteOf('volume', { cluster, job: JOB }))

  it('is made while the job pod is there', async () => {
    jobPod = { metadata: { uid: JOB.uid } }
    await site.cluster.createPod({ metadata: { name: 'p' } }, signal)
    await site.cluster.createSecret({ metadata: { name: 's' } }, signal)
    expect(made.splice(0)).toEqual(['p', 's'])
  })

  it.each<[string, V1Pod | undefined]>([
    ['gone', undefined],
    ['another one', { metadata: { uid: 'uid-2' } }],
    ['being deleted', { metadata: { uid: JOB.uid, deletionTimestamp: new Date(0) } }]
  ])('is not made once that is %s', async (_title, pod) => {
    jobPod = pod
    await expect(site.cluster.createPod({ metadata: { name: 'p' } }, signal)).rejects.toMatchObject({
      code: 'run-lost'
    })
    await expect(site.cluster.createSecret({ metadata: { name: 's' } }, signal)).rejects.toMatchObject({
      code: 'run-lost'
    })
    expect(made).toEqual([])
  })

  it('needs a job pod at all', () => {
    expect(() => aheadOf(siteOf('volume', {}))).toThrow('is gone')
  })
})
