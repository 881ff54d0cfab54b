/** Goal: what a job's machines know reaches the ports and the output. Method: ports that note what they are given, run to the end. */
import { expect, test } from 'vitest'
import { runJobCleanup, runJobStart } from '../../../src/effects/run/wire.ts'
import { StepError } from '../../../src/errors.ts'
import { CLEANUP_BUDGETS } from '../../../src/machines/cleanup-stages.ts'
import { type Ledger, record } from '../../../src/machines/ledger.ts'
import type { Clock, JobCleaner, JobHost } from '../../../src/machines/ports.ts'
import { JOB_BUDGETS } from '../../../src/machines/stages.ts'

const REQUEST = { services: [], mounts: [{ source: '/w', target: '/__w', readOnly: false }] }
const POD = { kind: 'pod', name: 'job' } as const
const OLD_POD = { kind: 'pod', name: 'old' } as const
const SECRET = { kind: 'secret', name: 'pull' } as const
const FACTS = { pod: 'job', storage: 'copy', isAlpine: true } as const
const NOW_MS = 7

/** Sleeps of budgets last until they are aborted; back-offs are over at once. */
const clock: Clock = {
  now: () => NOW_MS,
  jitter: () => 0,
  sleep: (ms, signal) =>
    ms === 0
      ? Promise.resolve()
      : new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}

function startJob(parts: Partial<JobHost> = {}, leftovers: Ledger = [OLD_POD]) {
  const given: [method: string, input: unknown][] = []
  const note =
    <T>(method: string, answer: T) =>
    (input: unknown) => {
      given.push([method, input])
      return Promise.resolve(answer)
    }
  const host: JobHost = {
    plan: note('plan', { nonce: 'n', creates: [POD], leftovers }),
    sweep: note('sweep', undefined),
    place: note('place', undefined),
    start: note('start', { isAlpine: true }),
    inspect: note('inspect', FACTS),
    ...parts
  }
  const ports = { host, janitor: { cleanUp: note('cleanUp', undefined) }, clock }
  const run = runJobStart({ request: REQUEST, ports, budgets: JOB_BUDGETS, observers: [] })
  return run.then((output) => ({ output, given }))
}

test('each call of a job host is given all it needs', async () => {
  const { output, given } = await startJob()
  const job = { request: REQUEST, nonce: 'n' }
  expect(given).toEqual([
    ['plan', REQUEST],
    ['sweep', [OLD_POD]],
    ['place', { ...job, leftovers: [OLD_POD] }],
    ['start', { ...job, startedAtMs: NOW_MS }],
    ['inspect', { ...job, isAlpine: true }]
  ])
  expect(output).toMatchObject({ outcome: 'succeeded', exitCode: 0, facts: FACTS })
})

test('a job that cannot start is cleaned up with what it has created, and no image of it is anywhere', async () => {
  const place = () => Promise.reject(new StepError('invalid-input', 'no'))
  const { output, given } = await startJob({ place }, [])
  expect(given.map(([method]) => method)).toEqual(['plan', 'cleanUp'])
  expect(given.at(-1)?.[1]).toEqual({ ledger: [POD], hurried: false, pushState: 'none' })
  expect(output.facts).toBeUndefined()
})

function cleanUpJob(parts: Partial<JobCleaner>) {
  const images: unknown[] = []
  const cleaner: JobCleaner = {
    list: async () => ({ objects: [SECRET, POD], images: { repository: 'r', digests: ['d'] } }),
    removeObjects: async () => {},
    confirm: async () => {},
    async removeImages(input) {
      images.push(input)
      return [{ kind: 'image', name: 'r:1' }]
    },
    ...parts
  }
  const options = { request: { runnerPod: 'runner' }, budgets: CLEANUP_BUDGETS, observers: [] }
  return runJobCleanup({ ...options, ports: { cleaner, clock } }).then((output) => ({ output, images }))
}

test('what was removed is told: pods, images, the rest', async () => {
  const { output, images } = await cleanUpJob({})
  expect(images).toEqual([{ repository: 'r', digests: ['d'] }])
  expect(output.removed).toEqual(['pod job', 'image r:1', 'secret pull'])
  expect(output.imagesStay).toBeUndefined()
})

test('images that stay are told with their reason, and fail nothing', async () => {
  const failure = new StepError('push-denied', 'not yours', { detail: '403' })
  const { output } = await cleanUpJob({ removeImages: () => Promise.reject(failure) })
  expect(output).toMatchObject({
    outcome: 'succeeded',
    removed: ['pod job', 'secret pull'],
    imagesStay: { code: 'push-denied', message: 'not yours', detail: '403' }
  })
})

test('what could not be listed was not removed', async () => {
  const { output } = await cleanUpJob({ list: () => Promise.reject(new StepError('cluster-forbidden', 'no')) })
  expect([output.outcome, output.removed]).toEqual(['failed', []])
})

test('a ledger has each thing once, however often it is recorded', () => {
  expect(record([POD], [POD, SECRET])).toEqual([POD, SECRET])
})
