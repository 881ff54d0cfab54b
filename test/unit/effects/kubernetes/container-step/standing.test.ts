/** Goal: what stands is taken by one step, and used, removed or left alone by nobody else. Method: the real code on a cluster in memory. */
import type { V1ObjectMeta, V1Pod, V1Secret } from '@kubernetes/client-node'
import { beforeEach, describe, expect, it } from 'vitest'
import { type ChosenBuilder, chooseBuilders } from '../../../../../src/effects/builders/choose.ts'
import type { Cluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import { aheadOf } from '../../../../../src/effects/kubernetes/container-step/ahead.ts'
import {
  findStanding,
  release,
  stand,
  standingAnnotations,
  take
} from '../../../../../src/effects/kubernetes/container-step/standing.ts'
import { takeStanding } from '../../../../../src/effects/kubernetes/container-step/taking.ts'
import type { Site } from '../../../../../src/effects/kubernetes/context/site.ts'
import type { Mount } from '../../../../../src/machines/types.ts'
import { REQUEST, SOURCE } from '../../../../support/container-step-model.ts'
import { inPlacePod, siteOf } from '../context-fixture.ts'

const { signal } = new AbortController()
const JOB = { pod: 'runner-abc-workflow', uid: 'uid-job', serviceNames: [] }
const POD = 'runner-abc-build-1'
const MARKER = 'slipway: built 01'
const [HOME, WORK]: Mount[] = [
  { source: '/home/runner/_work/_temp/_github_home', target: '/github/home', readOnly: false },
  { source: '/home/runner/_work/repo/repo', target: '/github/workspace', readOnly: false }
] as const

let pods: Map<string, V1Pod>
let secrets: Map<string, V1Secret>
let step: Site
let ahead: Site
beforeEach(() => {
  pods = new Map()
  secrets = new Map()
  const matches = (labels: Record<string, string> = {}, selector = '') =>
    selector.split(',').every((part) => {
      const [key = '', value] = part.split('=')
      return value === undefined ? key in labels : labels[key] === value
    })
  const cluster = {
    getPod: async (name: string) => pods.get(name),
    getSecret: async (name: string) => secrets.get(name),
    createPod: async (pod: V1Pod) => void pods.set(pod.metadata?.name ?? '', pod),
    createSecret: async (secret: V1Secret) => {
      const name = secret.metadata?.name ?? ''
      if (!secrets.has(name)) secrets.set(name, secret)
    },
    deletePod: async (name: string) => void pods.delete(name),
    deleteSecret: async (name: string) => void secrets.delete(name),
    list: async (kind: string, selector: string): Promise<V1ObjectMeta[]> =>
      [...(kind === 'pods' ? pods : secrets).values()]
        .map(({ metadata }) => metadata ?? {})
        .filter(({ labels }) => matches(labels, selector))
  } as unknown as Cluster
  let nowMs = 0
  const clock = {
    now: () => nowMs,
    jitter: (ms: number) => ms,
    sleep: async (ms: number) => {
      nowMs += ms
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  step = siteOf('volume', { cluster, clock, job: JOB })
  ahead = aheadOf(step)
  pods.set(JOB.pod, { metadata: { name: JOB.pod, uid: JOB.uid } })
})

/** A pod that was begun ahead. */
function begun(name = POD, mounts: readonly Mount[] = [HOME as Mount, WORK as Mount]): void {
  const request = { ...REQUEST, mounts }
  const input = { source: SOURCE, request, nonce: 'n', attempt: 1 }
  const [builder] = chooseBuilders({})
  const pod = inPlacePod(ahead, builder as ChosenBuilder, input, standingAnnotations(ahead, request, MARKER))
  pods.set(name, { ...pod, metadata: { ...pod.metadata, name } })
}
const found = (site = step, mounts: readonly Mount[] = [WORK as Mount, HOME as Mount]) =>
  findStanding(site, SOURCE, { mounts }, signal)

describe('a pod that was begun ahead', () => {
  it('is found by content and mounts, in whatever order, with the line that ends its log', async () => {
    expect(await found()).toBeUndefined()
    begun()
    expect(await found()).toEqual({ pod: POD, marker: MARKER })
    expect(await findStanding(step, { contentHash: 'd'.repeat(64) }, REQUEST, signal)).toBeUndefined()
  })

  it('stands for half an hour longer than one that a step has made', () => {
    begun()
    expect(JSON.stringify(pods.get(POD))).toContain("seconds='2700'")
  })

  it('is none for a step with other mounts or other services', async () => {
    begun()
    expect(await found(step, [HOME as Mount])).toBeUndefined()
    expect(await found(step, [HOME as Mount, { ...(WORK as Mount), readOnly: true }])).toBeUndefined()
    const withServices = { ...step, job: { ...JOB, address: '10.0.0.9', serviceNames: ['db'] } }
    expect(await found(withServices)).toBeUndefined()
  })

  it('is none that is going, belongs to another job, or was taken', async () => {
    begun()
    const pod = pods.get(POD) as V1Pod
    pods.set(POD, { ...pod, metadata: { ...pod.metadata, deletionTimestamp: new Date(0) } })
    expect(await found()).toBeUndefined()
    pods.set(POD, { ...pod, metadata: { ...pod.metadata, ownerReferences: [] } })
    expect(await found()).toBeUndefined()
    pods.set(POD, pod)
    await take(step, POD, 'one', signal)
    expect(await found()).toBeUndefined()
    begun('runner-abc-build-2')
    expect(await found()).toEqual({ pod: 'runner-abc-build-2', marker: MARKER })
  })

  it('is something to do nothing for, where somebody would build ahead, also when it is taken', async () => {
    begun()
    await take(step, POD, 'one', signal)
    expect(await found(ahead)).toMatchObject({ pod: POD })
  })
})

describe('taking', () => {
  it('gives a pod to one of all who ask at once, and to that one again', async () => {
    const answers = await Promise.all(['a', 'b', 'c'].map((nonce) => take(step, POD, nonce, signal)))
    expect(answers).toEqual([true, false, false])
    expect(await take(step, POD, 'a', signal)).toBe(true)
  })

  it('is noted where it goes with the job, and counted for a step only', async () => {
    await take(step, POD, 'a', signal)
    await take(ahead, 'other', 'b', signal)
    const [claim, removal] = [...secrets.values()].map(({ metadata }) => metadata)
    expect(claim?.ownerReferences).toMatchObject([{ name: JOB.pod, uid: JOB.uid }])
    expect([claim?.labels?.['slipway/ahead'], removal?.labels?.['slipway/ahead']]).toEqual(['taken', undefined])
  })

  it('needs a job pod', async () => {
    expect(await take({ ...step, job: undefined }, POD, 'a', signal)).toBe(false)
  })
})

describe('cleaning up', () => {
  const entry = (takenBy: string) => ({ name: POD, takenBy })

  it('of the step that has taken a pod removes it, and the note stays for who counts', async () => {
    begun()
    await take(step, POD, 'a', signal)
    await release(step, entry('a'), signal)
    expect([pods.has(POD), secrets.size]).toEqual([false, 1])
  })

  it('of anybody else leaves it', async () => {
    begun()
    await take(step, POD, 'a', signal)
    await release(step, entry('b'), signal)
    await release(ahead, entry('n'), signal)
    expect(pods.has(POD)).toBe(true)
  })

  it('of the build ahead removes what nobody has taken, and leaves no note', async () => {
    begun()
    await release(ahead, entry('n'), signal)
    expect([pods.has(POD), secrets.size]).toEqual([false, 0])
    await release(ahead, entry('n'), signal)
    expect(secrets.size).toBe(0)
  })

  it('removes it also where the job is over, and only then without asking', async () => {
    begun()
    pods.delete(JOB.pod)
    await release(ahead, entry('n'), signal)
    expect(pods.has(POD)).toBe(false)
  })

  it('of a step that was stopped before it had taken a pod leaves it to nobody', async () => {
    begun()
    await release(step, entry('a'), signal)
    expect(pods.has(POD)).toBe(false)
  })

  it('fails with what cannot be asked', async () => {
    begun()
    const refused = { ...step.cluster, createSecret: () => Promise.reject(new Error('no')) }
    await expect(release({ ...step, cluster: refused }, entry('a'), signal)).rejects.toThrow('no')
    expect(pods.has(POD)).toBe(true)
  })
})

describe('a step', () => {
  const [builder] = chooseBuilders({}) as [ChosenBuilder]
  const input = { source: SOURCE, request: REQUEST, nonce: 'a', standing: { pod: POD, marker: MARKER } }
  // No log can be read here, so that nothing is known to stand.
  const open = () => {
    throw new Error('it does not stand')
  }
  const taken = () => takeStanding(step, { builder, open }, input, signal)

  it('builds at once what another has taken, and leaves that alone', async () => {
    begun()
    await take(step, POD, 'b', signal)
    expect(await taken()).toEqual({})
    expect(pods.has(POD)).toBe(true)
  })

  it('does not wait for what is over, and nothing of it is counted as used', async () => {
    expect(await taken()).toEqual({})
    begun()
    pods.set(POD, { ...pods.get(POD), status: { phase: 'Failed' } })
    expect(await taken()).toEqual({})
    expect([pods.has(POD), secrets.size]).toEqual([false, 0])
  })

  it('waits a minute for what does not begin to build, and removes it', async () => {
    begun()
    const startedAtMs = step.clock.now()
    expect(await taken()).toEqual({})
    const tookMs = step.clock.now() - startedAtMs
    expect([tookMs > 60_000, tookMs < 70_000]).toEqual([true, true])
    expect([pods.has(POD), secrets.size]).toEqual([false, 0])
  })
})

describe('standing', () => {
  const built = { built: { pod: POD, marker: MARKER } }

  it('ends when a step has taken the pod', async () => {
    begun()
    let isOver = false
    const standing = stand(ahead, built, signal).then(() => {
      isOver = true
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(isOver).toBe(false)
    await take(step, POD, 'a', signal)
    await standing
  })

  it.each<[string, V1Pod | undefined]>([
    ['gone', undefined],
    ['at its end', { status: { phase: 'Failed' } }],
    ['being deleted', { metadata: { deletionTimestamp: new Date(0) } }]
  ])('fails when the pod is %s', async (_title, pod) => {
    if (pod !== undefined) pods.set(POD, pod)
    await expect(stand(ahead, built, signal)).rejects.toMatchObject({ code: 'builder-lost' })
  })
})
