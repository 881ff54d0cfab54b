import { expect, test } from 'vitest'
import { watchArrival } from '../../../../../src/effects/kubernetes/container-step/push-arrival.ts'
import { StepError } from '../../../../../src/errors.ts'
import type { Clock } from '../../../../../src/machines/ports.ts'

const clock: Clock = { now: () => 0, sleep: async () => {}, jitter: (ms) => ms }
const image = { reference: 'registry:5000/handle:tag', digest: 'sha256:1' }
const { signal } = new AbortController()

test('an image has arrived when the registry has the digest that was built, and not before', async () => {
  const answers = [undefined, 'sha256:0', 'sha256:1']
  const asked: string[] = []
  const digestOf = async (reference: string) => {
    asked.push(reference)
    return answers[asked.length - 1]
  }
  const arrival = watchArrival(clock, digestOf, image, signal)
  const seen = [arrival.hasArrived()]
  for (const _ of answers) {
    await arrival.pause()
    seen.push(arrival.hasArrived())
  }
  expect(seen).toEqual([false, false, false, true])
  expect(new Set(asked)).toEqual(new Set([image.reference]))
})

test('a registry that cannot be asked from here is asked once', async () => {
  let calls = 0
  const digestOf = async () => {
    calls += 1
    throw new StepError('registry-unreachable', 'no route')
  }
  const arrival = watchArrival(clock, digestOf, image, signal)
  await arrival.pause()
  await arrival.pause()
  expect([calls, arrival.hasArrived()]).toEqual([1, false])
})
