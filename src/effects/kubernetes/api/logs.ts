/**
 * A container's whole log in order, nothing lost and nothing doubled over dropped connections, for build and step output.
 *
 * Follows with timestamps and, after a cut, asks again from the last one seen. The client library's own Log raises an
 * uncaught error when a followed log is aborted (docs/adr/0004-kubernetes-client.md), so the request is made here.
 */
import type { IncomingMessage } from 'node:http'
import { LAST_WORDS_BYTES_MAX } from '../../capture.ts'
import { timeoutSignal } from '../../system.ts'
import type { ContainerAddress } from './container.ts'
import { isTransient } from './errors.ts'
import { apiPath } from './path.ts'
import { openRequest, readBody } from './request.ts'

/**
 * Lines that may be written in another order than they were stamped: a runtime stamps stdout and stderr apart, before it writes
 * them one after the other.
 */
const UNORDERED_LINES_MAX = 100
/** RFC 3339 with nanoseconds and offset has 35 characters. */
const TIMESTAMP_BYTES_MAX = 64
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})$/
/** A tail is for explanations only: what has not come by then is done without. */
const TAIL_MS_MAX = 10_000
const NEWLINE = 10
const SPACE = 32

/** `cut`: there is, or may be, more to read. `refused`: the server says that there is not. */
export type LogReading = 'whole' | 'cut' | 'refused'

export interface LogReader {
  /** Reads what is there, or with `follow` until the container ends. */
  read(follow: boolean, signal: AbortSignal): Promise<LogReading>
}

/** How far a reader came: lines may share a timestamp, and the last one may have been cut in the middle. */
interface Position {
  /** Timestamps of the last lines begun, in their order. */
  readonly recent: string[]
  /** The latest timestamp of the lines begun before those, and how many of them have it: nothing new is older. */
  before: { timestamp: string; lines: number }
  /** Bytes passed on of the last line, its newline included. */
  bytes: number
  complete: boolean
}

/**
 * A reader that remembers how far it came, and passes each byte of the log to `write` exactly once. `since`: a time as Kubernetes
 * writes it; nothing older need be read.
 */
export function createLogReader(source: ContainerAddress, write: (chunk: Buffer) => void, since = ''): LogReader {
  const position: Position = { recent: [], before: { timestamp: '', lines: 0 }, bytes: 0, complete: true }
  return {
    async read(follow, signal) {
      try {
        const response = await open(source, { follow, sinceTime: earliest(position.recent) || since }, signal)
        return (await passOn(response, position, write)) ? 'whole' : 'cut'
      } catch (error) {
        return isTransient(error) ? 'cut' : 'refused'
      }
    }
  }
}

/** Writes a timestamped stream without its timestamps, starting after `position`, which it keeps up to date. */
function passOn(response: IncomingMessage, position: Position, write: (chunk: Buffer) => void): Promise<boolean> {
  const { before, bytes: bytesOfLast, complete: isLastComplete } = position
  const last = position.recent.at(-1)
  const seen = countsOf(position.recent)
  seen.set(before.timestamp, (seen.get(before.timestamp) ?? 0) + before.lines)
  let head: Buffer = Buffer.alloc(0)
  /** Bytes of the current line still to skip; undefined while its timestamp is being read. */
  let toSkip: number | undefined
  /** Of one chunk, to be written at once: a write for each line takes longer than all else. */
  let pieces: Buffer[] = []

  /** How much of the line that starts with `timestamp` has been written by an earlier connection. */
  const begin = (timestamp: string): number => {
    const left = seen.get(timestamp) ?? 0
    if (left > 0) {
      seen.set(timestamp, left - 1)
      return timestamp === last && left === 1 && !isLastComplete ? bytesOfLast : Number.POSITIVE_INFINITY
    }
    if (timestamp < before.timestamp) return Number.POSITIVE_INFINITY
    position.recent.push(timestamp)
    if (position.recent.length > UNORDERED_LINES_MAX) drop(position, position.recent.shift() as string)
    position.bytes = 0
    position.complete = false
    return 0
  }
  const passLine = (bytes: Buffer, isEnd: boolean) => {
    const skipped = Math.min(toSkip ?? 0, bytes.length)
    if (toSkip !== undefined) toSkip -= skipped
    if (skipped === bytes.length) return
    position.bytes += bytes.length - skipped
    position.complete = isEnd
    pieces.push(bytes.subarray(skipped))
  }
  const split = (chunk: Buffer) => {
    let rest = head.length === 0 ? chunk : Buffer.concat([head, chunk])
    head = Buffer.alloc(0)
    while (rest.length > 0) {
      if (toSkip === undefined) {
        const space = rest.indexOf(SPACE)
        if (space < 0 && rest.length <= TIMESTAMP_BYTES_MAX && !rest.includes(NEWLINE)) {
          head = rest
          return
        }
        const timestamp = rest.subarray(0, Math.max(0, Math.min(space, TIMESTAMP_BYTES_MAX))).toString('latin1')
        const isBegun = TIMESTAMP.test(timestamp)
        // Else it is the end of a long line that began before the time asked for: the kubelet keeps such lines in parts, and
        // gives only the first one a timestamp. An earlier connection has passed it on, or we would have asked for all of it.
        toSkip = isBegun ? begin(timestamp) : Number.POSITIVE_INFINITY
        if (isBegun) rest = rest.subarray(space + 1)
      }
      const newline = rest.indexOf(NEWLINE)
      const length = newline < 0 ? rest.length : newline + 1
      passLine(rest.subarray(0, length), newline >= 0)
      if (newline >= 0) toSkip = undefined
      rest = rest.subarray(length)
    }
  }
  const consume = (chunk: Buffer) => {
    pieces = []
    split(chunk)
    if (pieces.length > 0) write(Buffer.concat(pieces))
  }
  return new Promise((resolve) => {
    response.on('data', consume)
    response.once('end', () => resolve(response.complete))
    response.once('close', () => resolve(false))
  })
}

function drop(position: Position, timestamp: string): void {
  const { before } = position
  if (timestamp > before.timestamp) position.before = { timestamp, lines: 1 }
  else if (timestamp === before.timestamp) position.before = { timestamp, lines: before.lines + 1 }
}

/** Empty when there are none. */
const earliest = (timestamps: readonly string[]): string => timestamps.toSorted()[0] ?? ''

function countsOf(timestamps: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const timestamp of timestamps) counts.set(timestamp, (counts.get(timestamp) ?? 0) + 1)
  return counts
}

/** The last `lines` lines of a container, or of its previous instance; empty when there is no log. */
export async function logTail(
  source: ContainerAddress,
  options: { readonly lines: number; readonly previous: boolean },
  signal: AbortSignal
): Promise<string> {
  const query = {
    tailLines: String(options.lines),
    previous: String(options.previous),
    limitBytes: String(LAST_WORDS_BYTES_MAX)
  }
  const timed = AbortSignal.any([signal, timeoutSignal(TAIL_MS_MAX)])
  const response = await openPath(source, query, timed).catch(() => undefined)
  if (response === undefined) return ''
  // A tail is for explanations only: what arrived is good enough.
  return (await readBody(response, LAST_WORDS_BYTES_MAX)).toString('utf8')
}

function open(source: ContainerAddress, options: { follow: boolean; sinceTime: string }, signal: AbortSignal) {
  return openPath(
    source,
    {
      timestamps: 'true',
      follow: String(options.follow),
      // The server reads whole seconds only: earlier lines of that second come again and are skipped.
      ...(options.sinceTime !== '' && { sinceTime: options.sinceTime })
    },
    signal
  )
}

const openPath = (
  source: ContainerAddress,
  query: Record<string, string>,
  signal: AbortSignal
): Promise<IncomingMessage> =>
  openRequest(
    source.access,
    {
      method: 'GET',
      path: apiPath({ namespace: source.namespace, resource: 'pods', name: source.pod, part: 'log' }),
      query: { container: source.container, ...query }
    },
    signal
  )
