/** In which order and how gently a ledger is undone in the cluster: an image must not come back after it was removed. */
import { describe, expect, test } from 'vitest'
import type { Cluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import { createJanitor, labelled } from '../../../../../src/effects/kubernetes/cleanup/janitor.ts'
import type { RegistryClient } from '../../../../../src/effects/registry/client.ts'
import { StepError } from '../../../../../src/errors.ts'
import type { CleanUpInput } from '../../../../../src/machines/inputs.ts'
import type { Ledger } from '../../../../../src/machines/ledger.ts'

const LEDGER: Ledger = [
  { kind: 'build-pod', name: 'build-1' },
  { kind: 'image', name: 'registry:5000/handle:tag' },
  { kind: 'secret', name: 'environment' },
  { kind: 'pod', name: 'step' }
]
const { signal } = new AbortController()
const usual: CleanUpInput = { ledger: LEDGER, hurried: false, pushState: 'possible' }

/** A build pod that is asked to end is gone after a while, or never: its node does not answer. */
async function cleanUp(input: Partial<CleanUpInput>, { endsAfterMs = 200, refuses = '' } = {}) {
  const calls: string[] = []
  let nowMs = 0
  let goneAtMs = Number.POSITIVE_INFINITY
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms
    },
    jitter: (ms: number) => ms
  }
  const note = (call: string) => {
    calls.push(call)
    if (refuses !== '' && call.includes(refuses)) throw new StepError('cluster-unreachable', 'no answer')
  }
  const cluster = {
    async deletePod(name: string, _signal: AbortSignal, graceSeconds = 0) {
      note(`${graceSeconds === 0 ? 'kill' : 'stop'} ${name}`)
      if (name === 'build-1') goneAtMs = graceSeconds === 0 ? nowMs : nowMs + endsAfterMs
    },
    getPod: async () => (nowMs < goneAtMs ? {} : undefined),
    deleteSecret: async (name: string) => note(`secret ${name}`)
  } as unknown as Cluster
  const registry = {
    remove: async (name: string) => note(`${nowMs < goneAtMs ? 'too early: ' : ''}image ${name}`)
  } as unknown as RegistryClient
  const failure = await createJanitor({ cluster, clock }, registry)
    .cleanUp({ ...usual, ...input }, signal)
    .then(
      () => undefined,
      (error: StepError) => error
    )
  return { calls, failure, tookMs: nowMs }
}

const IMAGE = 'image registry:5000/handle:tag'

describe('a janitor', () => {
  test('asks a pod that may be pushing to end, and removes the image once it has', async () => {
    const { calls, failure } = await cleanUp({})
    expect(failure).toBeUndefined()
    expect(calls.toSorted()).toEqual([IMAGE, 'kill step', 'secret environment', 'stop build-1'])
    expect(calls.at(-1)).toBe(IMAGE)
  })

  test('kills a pod that does not end when it is asked to', async () => {
    const { calls, tookMs } = await cleanUp({}, { endsAfterMs: Number.POSITIVE_INFINITY })
    expect(calls.slice(-2)).toEqual(['kill build-1', IMAGE])
    expect(tookMs).toBe(3_000)
  })

  test('waits for nobody once the image is pushed', async () => {
    const { calls, tookMs } = await cleanUp({ pushState: 'done' })
    expect(calls.toSorted()).toEqual([IMAGE, 'kill build-1', 'kill step', 'secret environment'])
    expect([calls.at(-1), tookMs]).toEqual([IMAGE, 0])
  })

  test('does not ask the registry when nothing was pushed', async () => {
    const { calls, tookMs } = await cleanUp({ pushState: 'none' })
    expect(calls.toSorted()).toEqual(['kill build-1', 'kill step', 'secret environment'])
    expect(tookMs).toBe(0)
  })

  test('removes all at once in a hurry', async () => {
    const { calls, tookMs } = await cleanUp({ hurried: true })
    expect(calls).toEqual(['kill build-1', IMAGE, 'secret environment', 'kill step'])
    expect(tookMs).toBe(0)
  })

  test.each(['step', 'build-1', 'environment', 'image'])('says that %s remains, and removes the rest', async (name) => {
    const { calls, failure } = await cleanUp({ pushState: 'done' }, { refuses: name })
    expect(calls).toHaveLength(LEDGER.length)
    expect(failure).toMatchObject({ code: 'cleanup-failed', remaining: [expect.stringContaining(name)] })
  })
})

test('what is labelled for a runner is a ledger that knows its build pods', async () => {
  const owned = { labels: {}, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'runner', uid: 'u' }] }
  const found = {
    pods: [
      { name: 'runner', labels: {} },
      { ...owned, name: 'workflow' },
      { ...owned, name: 'x-step-y', labels: { 'slipway/build-pod': '' } }
    ],
    secrets: [{ ...owned, name: 'environment' }]
  }
  const cluster = { list: async (kind: 'pods' | 'secrets') => found[kind] } as unknown as Cluster
  expect(await labelled(cluster, 'runner', signal)).toEqual([
    { kind: 'pod', name: 'workflow' },
    { kind: 'build-pod', name: 'x-step-y' },
    { kind: 'secret', name: 'environment' }
  ])
})
