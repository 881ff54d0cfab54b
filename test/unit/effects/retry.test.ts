/** What effects repeat by themselves is bounded, waits as it is told to, and tells of every try that failed. */
import { describe, expect, it } from 'vitest'
import { type Retry, retried } from '../../../src/effects/retry.ts'

function trying(failures: readonly string[], parts: Partial<Retry> = {}) {
  const seen: string[] = []
  const stopping = new AbortController()
  const clock = {
    now: () => 0,
    sleep: async (ms: number, signal: AbortSignal) => {
      signal.throwIfAborted()
      seen.push(`waits ${ms}`)
    },
    jitter: (ms: number) => ms
  }
  const retry: Retry = {
    name: 'The push',
    attemptsMax: 3,
    isRetryable: ({ message }) => message !== 'for good',
    backOffMs: (attempt) => 10 * attempt,
    onFailed: ({ message }, attempt) => void seen.push(`${attempt} failed: ${message}`),
    ...parts
  }
  const work = async (attempt: number) => {
    const failure = failures[attempt - 1]
    if (failure === 'stop') stopping.abort()
    if (failure !== undefined) throw new Error(failure)
    return `done by ${attempt}`
  }
  return { seen, result: retried(retry, work, clock, stopping.signal) }
}

describe('what is tried again', () => {
  it('is so after a wait, and each failure is told before it', async () => {
    const { seen, result } = trying(['a', 'b'])
    expect(await result).toBe('done by 3')
    expect(seen).toEqual(['1 failed: a', 'waits 10', '2 failed: b', 'waits 20'])
  })

  it('ends with the last failure, which is not told', async () => {
    const { seen, result } = trying(['a', 'b', 'c', 'd'])
    await expect(result).rejects.toThrow('c')
    expect(seen.at(-1)).toBe('waits 20')
  })

  it('is not what fails for good', async () => {
    const { seen, result } = trying(['for good'])
    await expect(result).rejects.toThrow('for good')
    expect(seen).toEqual([])
  })

  it('is not what was cancelled', async () => {
    const { seen, result } = trying(['stop'])
    await expect(result).rejects.toMatchObject({ code: 'cancelled', message: 'The push was cancelled' })
    expect(seen).toEqual([])
  })
})
