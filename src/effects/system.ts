/** The only place that reads the computer's clock and its randomness, for everything else to be given. */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import type { Clock } from '../machines/ports.ts'

/** A timer of Node's that is set for longer ends at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

type Timer = (ms: number, signal: AbortSignal) => Promise<void>

/** A sleep of any length, made of timers that hold at most TIMER_MS_MAX. */
export const sleepWith =
  (timer: Timer): Clock['sleep'] =>
  async (ms, signal) => {
    let leftMs = ms
    for (; leftMs > TIMER_MS_MAX; leftMs -= TIMER_MS_MAX) await timer(TIMER_MS_MAX, signal)
    await timer(leftMs, signal)
  }

/** Monotonic time, abortable sleep, and jitter between half and all of a delay. */
export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: sleepWith((ms, signal) => delay(ms, undefined, { signal })),
  jitter: (ms) => ms * (0.5 + Math.random() / 2)
}

/** Resolves when what has arrived on open connections has been handled. */
export const turn = (): Promise<void> => setImmediate()

/** `length` random lowercase hexadecimal digits. */
export const randomHex = (length: number): string =>
  randomBytes(Math.ceil(length / 2))
    .toString('hex')
    .slice(0, length)

/** Wall time for the names of files, `20261124-135229-123` with its milliseconds: they sort by it. */
export const utcStamp = (): string =>
  new Date().toISOString().slice(0, -1).replaceAll(/[-:]/g, '').replaceAll(/[T.]/g, '-')

/** Wall time, milliseconds since 1970: for what others have dated. */
export const wallMs = (): number => Date.now()

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i

/** The same of a date as text (RFC 3339); undefined when it is none. */
export function timeMs(text: string): number | undefined {
  const ms = RFC_3339.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

/** Where Node names a processor's architecture otherwise than images and nodes do. */
const OCI_NAMES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }

/** Of the processor, as images and the nodes' labels name it: `amd64`. */
export const architecture: string = OCI_NAMES[process.arch] ?? process.arch

/** Whether files can be looked up below an open directory, in /proc/self/fd. */
export const isLinux: boolean = process.platform === 'linux'

/** Aborts after `ms`, and does not keep the process alive for it. */
export const timeoutSignal = (ms: number): AbortSignal => AbortSignal.timeout(ms)

/** Calls `action` every `ms` milliseconds until the returned function is called; does not keep the process alive. */
export function every(ms: number, action: () => void): () => void {
  const timer = setInterval(action, ms)
  timer.unref()
  return () => clearInterval(timer)
}
