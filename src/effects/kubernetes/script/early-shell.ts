/**
 * A shell that is opened before there is anything to type, for script steps: the cluster takes about as long to open one as the
 * hook takes to load the rest of itself.
 */
import { PassThrough, type Readable, Writable } from 'node:stream'
import type { ExecResult } from '../api/exec.ts'

/** Runs a shell to its end; rejects as `exec` does. */
export type OpenShell = (stdin: Readable, stdout: Writable, signal: AbortSignal) => Promise<ExecResult>

/** Opens a shell now, which the first call of the returned function uses; every later call opens one of its own. */
export function openEarly(open: OpenShell): OpenShell {
  const stdin = new PassThrough()
  const closing = new AbortController()
  let user: Writable | undefined
  // Nothing is lost before there is a user: a shell says nothing unasked.
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      if (user === undefined) done()
      else user.write(chunk, done)
    },
    final(done) {
      if (user === undefined) done()
      else user.end(done)
    },
    destroy(error, done) {
      if (user !== undefined) giveUp(user, error)
      done(error)
    }
  })
  const ended = open(stdin, stdout, closing.signal)
  // Whoever uses it is told.
  ended.catch(() => {})

  return async (givenStdin, givenStdout, signal) => {
    signal.throwIfAborted()
    if (user !== undefined) return await open(givenStdin, givenStdout, signal)
    user = givenStdout
    if (stdout.destroyed) giveUp(user, stdout.errored)
    const close = () => closing.abort(signal.reason)
    signal.addEventListener('abort', close, { once: true })
    givenStdin.pipe(stdin)
    try {
      return await ended
    } finally {
      signal.removeEventListener('abort', close)
    }
  }
}

/** The call itself tells the error. */
const giveUp = (stream: Writable, error: Error | null) => stream.on('error', () => {}).destroy(error ?? undefined)
