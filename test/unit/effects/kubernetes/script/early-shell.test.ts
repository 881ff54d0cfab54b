/** openEarly: one shell that waits for its user, and for everything else a shell of its own. */
import { PassThrough, type Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { openEarly } from '../../../../../src/effects/kubernetes/script/early-shell.ts'

interface Opened {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly signal: AbortSignal
  end(exitCode: number): void
  fail(error: Error): void
}

/** Shells that end when the test says so. */
function shells() {
  const opened: Opened[] = []
  const shell = openEarly(
    (stdin, stdout, signal) =>
      new Promise((resolve, reject) => {
        const fail = (error: Error) => {
          // As exec does.
          stdout.on('error', () => {}).destroy(error)
          reject(error)
        }
        signal.addEventListener('abort', () => fail(signal.reason as Error))
        const end = (exitCode: number) => stdout.end(() => resolve({ exitCode, stderr: '' }))
        opened.push({ stdin, stdout, signal, end, fail })
      })
  )
  return { opened, shell }
}

const never = new AbortController().signal

describe('a shell that is opened early', () => {
  it('is there before anybody asks, and serves the first who does', async () => {
    const { opened, shell } = shells()
    expect(opened).toHaveLength(1)
    const [early] = opened as [Opened]
    const [stdin, stdout] = [new PassThrough(), new PassThrough()]
    stdin.end('typed\n')
    const result = shell(stdin, stdout, never)
    expect(await text(early.stdin)).toBe('typed\n')
    early.stdout.write('said\n')
    early.end(7)
    expect(await text(stdout)).toBe('said\n')
    expect(await result).toEqual({ exitCode: 7, stderr: '' })
    expect(opened).toHaveLength(1)
  })

  it('slows the sender down with its user', async () => {
    const { opened, shell } = shells()
    const [early] = opened as [Opened]
    let take = () => {}
    const slow = new Writable({
      highWaterMark: 1,
      write(_chunk, _encoding, done) {
        take = done
      }
    })
    void shell(new PassThrough(), slow, never)
    expect(early.stdout.write(Buffer.alloc(64 * 1024))).toBe(false)
    expect(early.stdout.writableNeedDrain).toBe(true)
    const drained = new Promise((resolve) => early.stdout.once('drain', resolve))
    take()
    await drained
    early.end(0)
  })

  it('leaves a shell of its own to everybody else', async () => {
    const { opened, shell } = shells()
    void shell(new PassThrough(), new PassThrough(), never)
    const stdin = new PassThrough()
    const second = shell(stdin, new PassThrough().resume(), never)
    expect(opened).toHaveLength(2)
    expect(opened[1]?.stdin).toBe(stdin)
    opened[1]?.end(3)
    expect((await second).exitCode).toBe(3)
  })

  it('ends with the order of its user', async () => {
    const { opened, shell } = shells()
    const stop = new AbortController()
    const stdout = new PassThrough()
    const result = shell(new PassThrough(), stdout, stop.signal)
    stop.abort(new Error('enough'))
    await expect(result).rejects.toThrow('enough')
    expect(opened[0]?.signal.aborted).toBe(true)
    expect(stdout.destroyed).toBe(true)
  })

  it.each(['before', 'after'])('tells its user why it could not be opened, %s there is one', async (when) => {
    const { opened, shell } = shells()
    const stdout = new PassThrough()
    const fail = () => opened[0]?.fail(new Error('refused'))
    if (when === 'before') {
      fail()
      await new Promise(setImmediate)
    }
    const result = shell(new PassThrough(), stdout, never)
    if (when === 'after') fail()
    await expect(result).rejects.toThrow('refused')
    expect(stdout.destroyed).toBe(true)
    void shell(new PassThrough(), new PassThrough(), never)
    expect(opened).toHaveLength(2)
  })
})
