/** Goal: what is asked once is not asked again, a failure is no answer, and who waits may stop. Method: questions that count how often they are asked. */
import { describe, expect, it } from 'vitest'
import { askedEarly, remembered } from '../../../src/effects/remembered.ts'

const never = new AbortController().signal

/** Fails the first time. */
function question() {
  const asked: AbortSignal[] = []
  const ask = async (signal: AbortSignal) => {
    asked.push(signal)
    if (asked.length === 1) throw new Error('no')
    return asked.length
  }
  return { ask, asked }
}

describe('what is remembered', () => {
  it('is asked when it is needed, kept, and asked again after a failure', async () => {
    const { ask, asked } = question()
    const lookUp = remembered(ask)
    expect(asked).toHaveLength(0)
    await expect(lookUp(never)).rejects.toThrow('no')
    expect([await lookUp(never), await lookUp(never)]).toEqual([2, 2])
    expect(asked).toEqual([never, never])
  })
})

describe('what is asked early', () => {
  it('is asked at once, kept, and asked again after a failure', async () => {
    const { ask, asked } = question()
    const lookUp = askedEarly(ask)
    expect(asked).toHaveLength(1)
    await expect(lookUp(never)).rejects.toThrow('no')
    expect([await lookUp(never), await lookUp(never)]).toEqual([2, 2])
    expect(asked).toHaveLength(2)
  })

  it('ends with whoever waits for it', async () => {
    const stop = new AbortController()
    const lookUp = askedEarly(
      (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    )
    const looked = lookUp(stop.signal)
    stop.abort(new Error('enough'))
    await expect(looked).rejects.toThrow('enough')
  })

  it('is not waited for by who has stopped already', async () => {
    const { ask } = question()
    await expect(askedEarly(ask)(AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped')
  })
})
