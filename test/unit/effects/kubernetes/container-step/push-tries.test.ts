/** Goal: each attempt of the machine tells of one try of the push, and none is told twice. Method: logs that grow, a clock that stands. */
import { describe, expect, it } from 'vitest'
import { kaniko } from '../../../../../src/effects/builders/kaniko.ts'
import { watchPushTries } from '../../../../../src/effects/kubernetes/container-step/push-tries.ts'

const TRIES_MAX = 3
const retrying = (reason: string) => `WARN[0001] Retrying operation after 1s due to ${reason}\n`
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
  const tries = watchPushTries(clock, kaniko, { told: 0, max: TRIES_MAX }, async () => {
    push.reads += 1
    return push.log
  })
  const lookLater = async () => {
    push.nowMs += 1_000
    await tries.look(signal)
  }
  return { push, tries, lookLater }
}

describe('the tries of a push', () => {
  it('are told one by one, each once', async () => {
    const { push, tries, lookLater } = watch()
    push.log = retrying('connection refused') + retrying('status code 503')
    await lookLater()
    const told = [tries.next(), tries.next(), tries.next()]
    expect(told.map((failure) => failure?.message)).toEqual([
      'The registry could not be reached: connection refused',
      'The registry could not be reached: status code 503',
      undefined
    ])
    await lookLater()
    expect(tries.next()).toBeUndefined()
  })

  it('are looked for once a second', async () => {
    const { push, tries } = watch()
    await tries.look(signal)
    expect(push.reads).toBe(0)
    push.nowMs = 1_000
    await tries.look(signal)
    await tries.look(signal)
    expect(push.reads).toBe(1)
  })

  it('end with the reason of the last one', async () => {
    const { push, tries } = watch()
    push.log = retrying('connection refused') + retrying('status code 503') + gaveUp('dial tcp: i/o timeout')
    const told = [await tries.ended(signal), await tries.ended(signal), await tries.ended(signal)]
    expect(told.map(({ code }) => code)).toEqual(Array(TRIES_MAX).fill('registry-unreachable'))
    expect(told[2]?.message).toContain('i/o timeout')
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
    expect(await tries.pushed(signal)).toBe(digest)
    push.log = line(`Pushing image to registry:5000/handle:1, Pushed registry:5000/handle@${digest}`)
    expect(await tries.pushed(signal)).toBeUndefined()
  })

  it('are asked for again when the log of a push that has ended cannot be had', async () => {
    const { push, tries } = watch()
    const failure = await tries.ended(signal)
    expect([failure.code, push.reads]).toEqual(['layout-lost', 5])
  })
})
