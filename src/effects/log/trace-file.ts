/** A file of lines that is bounded in size, in a directory that is bounded in number, and never stops a run; for traces. */
import { closeSync, mkdirSync, openSync, readdirSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'

export interface TraceDirectory {
  readonly directory: string
  /** Nobody chose it: it is made only inside a directory that is there, and nothing is said when that is not so. */
  readonly isDefault: boolean
}

export interface BoundedFile {
  /** `isLast`: written even beyond the bound. */
  write(line: string, isLast?: boolean): void
  close(): void
}

/** Far more than five hundred attempts need. */
const FILE_BYTES_MAX = 1024 * 1024
/** A job of a hundred steps for each of several days; with the bound above at most 500 MiB, and in practice a few. */
export const FILES_MAX = 500
const ENDING = '.jsonl'
/** What createTrace calls its files; nothing else in the directory is touched. */
const OURS = /^\d{8}-\d{6}-.*\.jsonl$/

/**
 * Opens `<directory>/<name>.jsonl` and removes the oldest of its kind beyond FILES_MAX; names begin with their time. When
 * it cannot be made or written, `onFailure` is told once, unless the directory is the default one, and nothing more is written.
 * Writes are synchronous, so that a killed hook leaves every line it had.
 */
export function openBoundedFile(where: TraceDirectory, name: string, onFailure: (reason: string) => void): BoundedFile {
  let descriptor: number | undefined
  let bytes = 0
  const attempt = (action: () => void) => {
    try {
      action()
    } catch (thrown) {
      close()
      if (!where.isDefault) onFailure((thrown as Error).message)
    }
  }
  const close = () => {
    const open = descriptor
    descriptor = undefined
    if (open !== undefined) closeSync(open)
  }
  attempt(() => {
    makeDirectory(where)
    removeOldest(where.directory)
    descriptor = openSync(join(where.directory, `${name}${ENDING}`), 'wx', 0o600)
  })
  return {
    write(line, isLast = false) {
      attempt(() => {
        if (descriptor === undefined) return
        bytes += Buffer.byteLength(line)
        if (bytes <= FILE_BYTES_MAX || isLast) writeSync(descriptor, line)
      })
    },
    close: () => attempt(close)
  }
}

function makeDirectory({ directory, isDefault }: TraceDirectory): void {
  try {
    mkdirSync(directory, { recursive: !isDefault, mode: 0o700 })
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST' || !isDefault) throw thrown
  }
}

/** Leaves room for one more. Another hook may remove the same one at the same time. */
function removeOldest(directory: string): void {
  const ours = readdirSync(directory).filter((name) => OURS.test(name))
  const count = ours.length - (FILES_MAX - 1)
  if (count <= 0) return
  for (const name of ours.sort().slice(0, count)) {
    try {
      unlinkSync(join(directory, name))
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown
    }
  }
}
