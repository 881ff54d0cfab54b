/** The life of the hook's process: cancelling, a bound on obeying them, and one explicit exit on every path. */
import { createReporter, type Reporter } from '../effects/log/reporter.ts'
import { systemClock } from '../effects/system.ts'
import { ERROR_CODES, toStepError } from '../errors.ts'
import type { Cancellation } from './context.ts'

/** The runner sends SIGINT, SIGTERM 7.5 s later and SIGKILL after another 2.5 s; this leaves time to say what remains. */
const FORCED_EXIT_MS = 7_000

export interface Life {
  readonly reporter: Reporter
  readonly cancels: Cancellation
  readonly mayRemain: (what: string) => void
}

/**
 * Runs `work` and exits with the code it resolves with. Never 0 unless `work` said so: an event loop that runs empty
 * first is a failure (the false green of the peer, hook-protocol section 10), and so is an error that nobody caught.
 * That one also stops the work as a signal would, so that nothing is left behind.
 */
export function live(host: NodeJS.Process, work: (life: Life) => Promise<number>): void {
  let state: 'working' | 'failed' | 'ended' = 'working'
  let remains = 'nothing'
  // A reader that went away must not turn the run into a crash; there is nobody left to tell.
  host.stdout.on('error', () => {})
  host.stderr.on('error', () => {})
  const reporter = createReporter((data) => host.stdout.write(data))
  const { cancels, give } = createCancellation(() => void forceExit())

  const exit = (code: number) => {
    state = 'ended'
    // Everything written so far is out when this write is.
    host.stdout.write('', () => host.exit(code))
  }
  const forceExit = async () => {
    await systemClock.sleep(FORCED_EXIT_MS, new AbortController().signal)
    reporter.endGroup()
    reporter.line(`Stopped after ${FORCED_EXIT_MS / 1_000} s; what may remain: ${remains}`)
    exit(ERROR_CODES.cancelled.exitCode)
  }
  const fail = (message: string) => {
    if (state !== 'working') return
    state = 'failed'
    reporter.error(message)
  }
  const crash = (thrown: unknown) => {
    fail(toStepError(thrown).message)
    give()
  }

  host.on('SIGINT', give)
  host.on('SIGTERM', give)
  host.on('uncaughtException', crash)
  host.on('unhandledRejection', crash)
  host.on('exit', () => {
    if (state === 'ended') return
    fail('Slipway stopped before it was done: nothing was left to wait for; this is a bug in Slipway')
    host.exitCode = ERROR_CODES.internal.exitCode
  })
  const mayRemain = (what: string) => {
    remains = what
  }
  work({ reporter, cancels, mayRemain }).then(
    (code) => exit(state === 'failed' ? ERROR_CODES.internal.exitCode : code),
    (thrown) => {
      fail(toStepError(thrown).message)
      exit(ERROR_CODES.internal.exitCode)
    }
  )
}

function createCancellation(onFirst: () => void): { readonly cancels: Cancellation; readonly give: () => void } {
  const controller = new AbortController()
  const listeners = new Set<() => void>()
  let count = 0
  return {
    cancels: {
      signal: controller.signal,
      listen(listener) {
        for (let given = 0; given < count; given += 1) listener()
        listeners.add(listener)
        return () => listeners.delete(listener)
      }
    },
    give() {
      count += 1
      controller.abort()
      if (count === 1) onFirst()
      for (const listener of listeners) listener()
    }
  }
}
