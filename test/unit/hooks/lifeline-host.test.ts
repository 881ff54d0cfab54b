/** The same life as in lifeline.test.ts, of a process that is only an object here: what it listens to, and the one exit on every path. */
import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../src/effects/system.ts'
import { StepError } from '../../../src/errors.ts'
import { type Life, live } from '../../../src/hooks/lifeline.ts'

/** Sleeps of the life: how long, and how to end them. */
let sleeps: { readonly ms: number; readonly wake: () => void }[] = []
beforeEach(() => {
  sleeps = []
  vi.spyOn(systemClock, 'sleep').mockImplementation(
    (ms) => new Promise((resolve) => sleeps.push({ ms, wake: resolve }))
  )
})
afterEach(() => void vi.restoreAllMocks())

/** Starts a life; `order` is what the process does, in order. */
function start(work: (life: Life) => Promise<number>) {
  const order: string[] = []
  const stream = () =>
    Object.assign(new EventEmitter(), {
      write(data: Uint8Array | string, done?: () => void) {
        if (data.length > 0) order.push(Buffer.from(data).toString('utf8').trimEnd())
        done?.()
        return true
      }
    })
  const host = Object.assign(new EventEmitter(), {
    stdout: stream(),
    stderr: stream(),
    exitCode: undefined as number | undefined,
    exit: (code: number) => void order.push(`exit ${code}`)
  })
  live(host as unknown as NodeJS.Process, work)
  return { host, order }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))
/** Work that is never done. */
const endless = () => new Promise<never>(() => {})

describe('work that is done', () => {
  it.each([0, 42])('exits with its code %i, and the event that follows changes nothing', async (code) => {
    const { host, order } = start(async () => code)
    await settled()
    host.emit('exit')
    expect([order, host.exitCode]).toEqual([[`exit ${code}`], undefined])
  })

  it('exits after all that it has said is written', async () => {
    const { order } = start(async ({ reporter }) => {
      reporter.line('said')
      return 3
    })
    await settled()
    expect(order).toEqual(['said', 'exit 3'])
  })

  it('that rejects says why once, and exits with 1', async () => {
    const { order } = start(async () => {
      throw new StepError('invalid-input', 'this cannot be')
    })
    await settled()
    expect(order).toEqual(['::error::this cannot be', 'exit 1'])
  })
})

it('an event loop that runs empty is a failure, and a bug of ours', () => {
  const { host, order } = start(endless)
  host.emit('exit')
  expect(order).toEqual([expect.stringMatching(/^::error::.*before it was done.*bug in Slipway/)])
  expect(host.exitCode).toBe(1)
})

describe.each(['uncaughtException', 'unhandledRejection'])('%s', (event) => {
  it('is said once, stops the work, and the exit code is not 0', async () => {
    let finish = (_code: number) => {}
    let signal: AbortSignal | undefined
    const { host, order } = start(({ cancels }) => {
      signal = cancels.signal
      return new Promise((resolve) => {
        finish = resolve
      })
    })
    host.emit(event, new Error('nobody caught this'))
    host.emit(event, new Error('nor this'))
    expect(signal?.aborted).toBe(true)
    finish(0)
    await settled()
    host.emit('exit')
    expect(order).toEqual(['::error::Slipway failed unexpectedly: nobody caught this', 'exit 1'])
  })
})

describe.each(['SIGINT', 'SIGTERM'])('%s', (event) => {
  it('is passed on to all who listen, also to those who come later, until they stop listening', async () => {
    const heard: string[] = []
    let life: Life | undefined
    const { host } = start((given) => {
      life = given
      return endless()
    })
    const stop = life?.cancels.listen(() => heard.push('early'))
    expect([life?.cancels.signal.aborted, heard]).toEqual([false, []])
    host.emit(event)
    expect([life?.cancels.signal.aborted, heard]).toEqual([true, ['early']])
    host.emit(event)
    stop?.()
    life?.cancels.listen(() => heard.push('late'))
    expect(heard).toEqual(['early', 'early', 'late', 'late'])
    host.emit(event)
    expect(heard).toEqual(['early', 'early', 'late', 'late', 'late'])
  })

  it('forces an exit when the work does not end in time, and says what may remain', async () => {
    const { host, order } = start(({ reporter, mayRemain }) => {
      mayRemain('pods of runner-a')
      reporter.group('Build')
      return endless()
    })
    host.emit(event)
    // A second one gives no more time.
    host.emit('SIGTERM')
    await settled()
    expect([order, sleeps.map(({ ms }) => ms)]).toEqual([['::group::Build'], [7_000]])
    sleeps[0]?.wake()
    await settled()
    expect(order).toEqual([
      '::group::Build',
      '::endgroup::',
      'Stopped after 7 s; what may remain: pods of runner-a',
      'exit 130'
    ])
  })
})

it('nothing remains where nothing was begun', async () => {
  const { host, order } = start(endless)
  host.emit('SIGINT')
  sleeps[0]?.wake()
  await settled()
  expect(order).toEqual(['Stopped after 7 s; what may remain: nothing', 'exit 130'])
})

it.each(['stdout', 'stderr'] as const)('a reader of %s that went away is no crash', (name) => {
  const { host } = start(endless)
  expect(() => host[name].emit('error', new Error('EPIPE'))).not.toThrow()
})
