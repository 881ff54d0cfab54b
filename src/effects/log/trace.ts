/** The record of one command as JSON lines in a file, for `slipway replay` and for whoever has to find out what happened. */
/// <reference path="./pino-browser.d.ts" />
// The whole pino takes about 15 ms to compile at every start, and its worker threads and transports are not needed here.
import { pino } from 'pino/browser.js'
import type { Observer } from '../run/wire.ts'
import { utcStamp } from '../system.ts'
import type { ShownOutput } from './progress.ts'
import { openBoundedFile, type TraceDirectory } from './trace-file.ts'

/** What the first line says. `command` is the runner's name for it. */
export interface TraceHead {
  readonly command: string
  readonly runnerPod: string
}

/** How a command ended; `stages` and `image` only where a machine ran. */
export interface TraceEnd extends Omit<ShownOutput, 'stages'> {
  readonly stages?: ShownOutput['stages'] | undefined
  readonly failure?:
    | { readonly code: string; readonly stage?: string; readonly message: string; readonly detail?: string | undefined }
    | undefined
  /** What cleanup could not remove. */
  readonly remaining?: readonly string[] | undefined
}

export interface Trace {
  /** Writes every fact. */
  readonly observer: Observer
  /** Writes how the command ended and closes the file; later ends are ignored. */
  end(output: TraceEnd): void
}

/** Of the first line. Format 1 had no such line. */
export const TRACE_FORMAT = 'slipway-trace-3'
const SUFFIX_LENGTH = 8
/** Kept of the end of what only the operator needs. */
const DETAIL_LENGTH_MAX = 64 * 1024

interface TraceOptions {
  /** Hides secrets in what failures say: the runner masks its log, and not this file. */
  readonly mask: (text: string) => string
  readonly randomHex: (length: number) => string
  /** Told once when nothing can be recorded. */
  readonly onFailure: (reason: string) => void
}

/** Opens the trace of one command in a directory. A trace never stops a run. */
export function createTrace(where: TraceDirectory, head: TraceHead, options: TraceOptions): Trace {
  const { command, runnerPod } = head
  const name = `${utcStamp()}-${runnerPod}-${command.replaceAll('_', '-')}-${options.randomHex(SUFFIX_LENGTH)}`
  const file = openBoundedFile(where, name, options.onFailure)
  let isEnding = false
  const logger = pino({
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: ['message', 'failure.message', 'failure.detail'],
      censor: (value: unknown) => (typeof value === 'string' ? options.mask(value) : value)
    },
    browser: { write: (line: object) => file.write(`${JSON.stringify(line)}\n`, isEnding) }
  })
  logger.info({ type: 'started', format: TRACE_FORMAT, ...head })
  return {
    observer: (fact, atMs) => logger.info({ atMs, ...fact }),
    end({ outcome, exitCode, image, imageSource, stages, failure, remaining, removed }) {
      if (isEnding) return
      isEnding = true
      const detail = failure?.detail?.slice(-DETAIL_LENGTH_MAX)
      const shown = failure && { code: failure.code, stage: failure.stage, message: failure.message, detail }
      logger.info({ type: 'ended', outcome, exitCode, image, imageSource, failure: shown, remaining, removed, stages })
      file.close()
    }
  }
}
