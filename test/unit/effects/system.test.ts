/** A sleep lasts as long as was asked for, also where one timer of Node's cannot. Method: timers that take down how long they are set for. */
import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { sleepWith, systemClock } from '../../../src/effects/system.ts'

const NODE_TIMER_MS_MAX = 2 ** 31 - 1
const timers: number[] = []
const sleep = sleepWith(async (ms, signal) => {
  signal.throwIfAborted()
  timers.push(ms)
})
beforeEach(() => {
  timers.length = 0
})

const never = new AbortController().signal
/** Up to what ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS takes, and beyond. */
const anyMs = fc.oneof(
  fc.integer({ min: 0, max: 1e11 }),
  fc.integer({ min: -2, max: 2 }).map((by) => NODE_TIMER_MS_MAX + by)
)

test('no sleep is cut short by what one timer can hold', async () => {
  await fc.assert(
    fc.asyncProperty(anyMs, async (ms) => {
      timers.length = 0
      await sleep(ms, never)
      expect(timers.reduce((sum, one) => sum + one, 0)).toBe(ms)
      for (const one of timers) expect(one).toBeLessThanOrEqual(NODE_TIMER_MS_MAX)
    })
  )
})

test('a long sleep that is aborted between two timers ends there', async () => {
  const signal = AbortSignal.abort(new Error('cancelled'))
  await expect(sleep(10 * NODE_TIMER_MS_MAX, signal)).rejects.toThrow('cancelled')
  expect(timers).toEqual([])
})

test('the time that is slept passes, and an end that was asked for comes at once', async () => {
  const startedAt = systemClock.now()
  await systemClock.sleep(20, never)
  expect(systemClock.now() - startedAt).toBeGreaterThan(18)
  await expect(systemClock.sleep(10_000, AbortSignal.timeout(5))).rejects.toThrow()
})
