/** The trace of one command, opened while the command already waits for its first answer, so that its start is no later for it. */
import type { Trace } from '../effects/log/trace.ts'
import type { Observer } from '../effects/run/wire.ts'
import type { CommandTrace, HookDependencies } from './context.ts'
import type { HookInput } from './requests/protocol.ts'
import type { HookConfig } from './settings/config.ts'

/** Until then the first call to the cluster has been sent. */
const OPEN_AFTER_MS = 30

/** Undefined when none is wanted. */
export function traceOf(
  input: HookInput,
  config: HookConfig,
  dependencies: Pick<HookDependencies, 'clock' | 'cancels' | 'randomHex' | 'reporter'>
): CommandTrace | undefined {
  const { traces, runnerPod } = config
  if (traces === undefined) return undefined
  const { clock, cancels, randomHex, reporter } = dependencies
  const onFailure = (reason: string) => reporter.line(`This command is not traced: ${reason}`)
  const open = async () => {
    const [{ createTrace }, { maskFor }] = await Promise.all([import('../effects/log/trace.ts'), import('./mask.ts')])
    const ofCommand = maskFor(input)
    const mask = (text: string) => ofCommand(reporter.redact(text))
    return createTrace(traces, { command: input.command, runnerPod }, { mask, randomHex, onFailure })
  }
  return deferred(open, clock.sleep(OPEN_AFTER_MS, cancels.signal), onFailure)
}

/** Facts wait until the trace is open: when `later` is over, or at the end if that comes first. */
function deferred(open: () => Promise<Trace>, later: Promise<void>, onFailure: (reason: string) => void): CommandTrace {
  const waiting: Parameters<Observer>[] = []
  let opening: Promise<Trace | undefined> | undefined
  let opened: Trace | undefined
  const start = () => {
    opening ??= open().then(
      (trace) => {
        for (const [fact, atMs] of waiting.splice(0)) trace.observer(fact, atMs)
        opened = trace
        return trace
      },
      (thrown: unknown) => void onFailure(String(thrown))
    )
    return opening
  }
  later.then(start, start)
  return {
    observer(fact, atMs) {
      if (opened === undefined) waiting.push([fact, atMs])
      else opened.observer(fact, atMs)
    },
    async end(output) {
      const trace = await start()
      trace?.end(output)
    }
  }
}
