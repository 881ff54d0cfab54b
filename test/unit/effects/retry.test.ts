/** Goal: what is tried again below the machine is bounded, waits by the injected clock, and says so. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { EXCEPTIONS, retry } from '../../../src/effects/retry.ts'

const never = new AbortController().signal

/** Work that fails so often before it succeeds, and what came of it. */
async function tried(failures: number, options: Partial<Parameters<typeof retry>[2]> = {}) {
  const waits: number[] = []
  const said: string[] = []
  let tries = 0
  const clock = {
    now: () => 0,
    jitter: (ms: number) => ms,
    sleep: async (ms: number) => {
      waits.push(ms)
    }
  }
  const work = async () => {
    tries += 1
    if (tries <= failures) throw new Error(`failure ${tries}`)
    return 'done'
  }
  const say = (error: Error) => said.push(error.message)
  const result = await retry('apiCall', work, { clock, signal: never, mayHeal: () => true, say, ...options }).catch(
    (error: Error) => error.message
  )
  return { result, tries, waits, said }
}

describe('what is tried again', () => {
  it('waits twice as long each time, and says each failure', async () => {
    const { waitMs } = EXCEPTIONS.apiCall
    expect(await tried(2)).toEqual({
      result: 'done',
      tries: 3,
      waits: [waitMs, 2 * waitMs],
      said: ['failure 1', 'failure 2']
    })
  })

  it('is given up after its bound, with the last failure, which is not said to be tried again', async () => {
    const { retriesMax } = EXCEPTIONS.apiCall
    const { result, tries, said } = await tried(100)
    expect([result, tries, said.length]).toEqual([`failure ${retriesMax + 1}`, retriesMax + 1, retriesMax])
  })

  it('fails at once when nothing can heal', async () => {
    expect(await tried(1, { mayHeal: () => false })).toEqual({ result: 'failure 1', tries: 1, waits: [], said: [] })
  })

  it('waits as long as it is asked to, but not for ever', async () => {
    expect((await tried(1, { askedForMs: () => 3_000 })).waits).toEqual([3_000])
    expect((await tried(1, { askedForMs: () => 3_600_000 })).waits).toEqual([EXCEPTIONS.apiCall.waitMsMax])
  })

  it('ends when it is aborted', async () => {
    const controller = new AbortController()
    const say = () => controller.abort(new Error('stopped'))
    expect(await tried(100, { signal: controller.signal, say })).toMatchObject({ result: 'stopped', tries: 1 })
  })
})

it('is the only module that uses p-retry, so that its exceptions are all there are', () => {
  const root = new URL('../../../src/', import.meta.url)
  const users = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .filter((path) => readFileSync(new URL(path, root), 'utf8').includes("'p-retry'"))
  expect(users).toEqual(['effects/retry.ts'])
})
