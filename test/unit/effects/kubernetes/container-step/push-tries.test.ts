/** Goal: each try of the push is told once, when it has failed and when it has begun. Method: logs that grow, a clock that is moved. */
import { describe, expect, it } from 'vitest'
import { kaniko } from '../../../../../src/effects/builders/kaniko.ts'
import { watchPushTries } from '../../../../../src/effects/kubernetes/container-step/push-tries.ts'

const TRIES_MAX = 3
const retrying = (reason: string, pause = '2s') => `WARN[0001] Retrying operation after ${pause} due to ${reason}\n`
const gaveUp = (reason: string) => `Error: pushing image: ${reason}\nUsage:\n`
const { signal } = new AbortController()

function watch() {
  const push = { log: '', nowMs: 0, reads: 0 }
  const clock = {
    now: () => push.nowMs,
    sleep: async (ms: number) => {
      push.nowMs += ms
    },
    jitter: (ms: number) => ms
  }
  const told: string[] = []
  const readLog = async () => {
    push.reads += 1
    return push.log
  }
  const tries = watchPushTries(
    clock,
    kaniko,
    TRIES_MAX,
    (event) => void told.push(event.type === 'TRY_FAILED' ? event.error.message : 'next try'),
    readLog
  )
  const lookAfter = async (ms: number) => {
    push.nowMs += ms
    await tries.look(signal)
  }
  return { push, tries, told, lookAfter }
}

const REFUSED = 'The registry could not be reached: connection refused'
const BUSY = 'The registry could not be reached: status code 503'

describe('the tries of a push', () => {
  it('are told one by one, each once', async () => {
    const { push, told, lookAfter } = watch()
    push.log = retrying('connection refused')
    await lookAfter(1_000)
    await lookAfter(1_000)
    expect(told).toEqual([REFUSED])
    push.log += retrying('status code 503')
    await lookAfter(1_000)
    expect(told).toEqual([REFUSED, 'next try', BUSY])
  })

  it('begin when the container has waited as long as it said', async () => {
    const { push, told, lookAfter } = watch()
    push.log = retrying('connection refused', '2s')
    await lookAfter(1_000)
    await lookAfter(1_999)
    expect(told).toEqual([REFUSED])
    await lookAfter(1)
    expect(told).toEqual([REFUSED, 'next try'])
  })

  it('that were missed are told in their order', async () => {
    const { push, told, lookAfter } = watch()
    push.log = retrying('connection refused') + retrying('status code 503')
    await lookAfter(1_000)
    expect(told).toEqual([REFUSED, 'next try', BUSY])
  })

  it('are not told again when the log cannot be had for once', async () => {
    const { push, told, lookAfter } = watch()
    const log = retrying('connection refused')
    for (const text of [log, '', log]) {
      push.log = text
      await lookAfter(1_000)
    }
    expect(told.filter((one) => one === REFUSED)).toHaveLength(1)
  })

  it('are looked for once a second', async () => {
    const { push, tries, lookAfter } = watch()
    await tries.look(signal)
    expect(push.reads).toBe(0)
    await lookAfter(1_000)
    await tries.look(signal)
    expect(push.reads).toBe(1)
  })

  it('end with the reason of the last one, and the others are told', async () => {
    const { push, tries, told } = watch()
    push.log = retrying('connection refused') + retrying('status code 503') + gaveUp('dial tcp: i/o timeout')
    expect(await tries.ended(signal)).toMatchObject({
      code: 'registry-unreachable',
      message: expect.stringContaining('i/o timeout')
    })
    expect(told).toEqual([REFUSED, 'next try', BUSY, 'next try'])
  })

  it('that end before the last one are not tried again', async () => {
    const { push, tries } = watch()
    push.log = gaveUp('loading image: layout: unexpected EOF')
    const failure = await tries.ended(signal)
    expect(failure).toMatchObject({ code: 'layout-lost', retryable: false })
    expect(failure.message).toContain('loading image: layout: unexpected EOF')
  })

  it('say at last what was pushed, in the words of the container that pushed', async () => {
    const { push, tries } = watch()
    const digest = `sha256:${'e'.repeat(64)}`
    // As Kaniko v1.28.3 wrote it.
    const line = (text: string) => `\u001b[36mINFO\u001b[0m[0000] ${text} \n`
    push.log = `${line('Pushing image to registry:5000/handle:1')}${line(`Pushed registry:5000/handle@${digest}`)}`
    expect([await tries.pushed(signal), push.reads]).toEqual([digest, 1])
    push.log = line(`Pushing image to registry:5000/handle:1, Pushed registry:5000/handle@${digest}`)
    expect(await tries.pushed(signal)).toBeUndefined()
  })

  it('are asked for again when the log of a push that has ended cannot be had', async () => {
    const { push, tries } = watch()
    const failure = await tries.ended(signal)
    expect([failure.code, push.reads]).toEqual(['layout-lost', 10])
  })

  it('are asked for again when the log of a push that ended well is cut', async () => {
    const { push, tries } = watch()
    push.log = 'INFO[0000] Pushing image to registry:5000/handle:1\n'
    const pushed = tries.pushed(signal)
    push.log += `INFO[0001] Pushed registry:5000/handle@sha256:${'e'.repeat(64)}\n`
    expect([await pushed, push.reads]).toEqual([`sha256:${'e'.repeat(64)}`, 2])
  })
})
