/** The record of one run as JSON lines in a file, for `slipway replay` and for whoever has to find out what happened. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type Logger, pino, stdTimeFunctions } from 'pino'
import type { RunOutput } from './progress.ts'
import type { Observer } from './wire.ts'

export interface Trace {
  /** Writes every fact. It sees nothing else, and facts hold no secrets. */
  readonly observer: Observer
  /** Writes how the run ended and closes the file. */
  end(output: RunOutput): void
}

/** A run of ten thousand facts; a file beyond it helps nobody. */
const TRACE_BYTES_MAX = 4 * 1024 * 1024

/**
 * Opens `<directory>/<name>.jsonl`. A trace never stops a run: when the file cannot be made or written, `onFailure` is
 * told once and nothing more is recorded. Writes are synchronous, so that a killed hook leaves every line it had.
 */
export function createTrace(directory: string, name: string, onFailure: (reason: string) => void): Trace {
  const file = createFile(join(directory, `${name}.jsonl`), onFailure)
  const logger: Logger = pino({ base: null, timestamp: stdTimeFunctions.isoTime }, file)
  return {
    observer: (fact, atMs) => logger.info({ atMs, ...fact }),
    end(output) {
      logger.info({ type: 'ended', ...output })
      file.close()
    }
  }
}

/** A bounded file that reports its first failure instead of throwing. */
function createFile(path: string, onFailure: (reason: string) => void) {
  let descriptor: number | undefined
  let bytes = 0
  const attempt = (action: () => void) => {
    try {
      action()
    } catch (thrown) {
      descriptor = undefined
      onFailure((thrown as Error).message)
    }
  }
  attempt(() => {
    mkdirSync(join(path, '..'), { recursive: true })
    descriptor = openSync(path, 'wx', 0o600)
  })
  return {
    write(line: string) {
      attempt(() => {
        if (descriptor === undefined) return
        bytes += Buffer.byteLength(line)
        if (bytes > TRACE_BYTES_MAX) throw new Error(`the trace grew beyond ${TRACE_BYTES_MAX} bytes`)
        writeSync(descriptor, line)
      })
    },
    close() {
      attempt(() => {
        if (descriptor !== undefined) closeSync(descriptor)
        descriptor = undefined
      })
    }
  }
}
