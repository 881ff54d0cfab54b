/** The log of one container of a simulated pod, with the timestamps that a container runtime gives to lines. */

export interface LogLine {
  readonly atMs: number
  readonly text: string
}

export interface PodLog {
  readonly lines: readonly LogLine[]
  readonly hasEnded: boolean
  add(line: LogLine): void
  end(): void
  /** Calls `changed` after every change until the returned function is called. */
  watch(changed: () => void): () => void
}

export function createPodLog(): PodLog {
  const lines: LogLine[] = []
  const watchers = new Set<() => void>()
  let hasEnded = false
  const tell = () => {
    for (const watcher of [...watchers]) watcher()
  }
  return {
    lines,
    get hasEnded() {
      return hasEnded
    },
    add(line) {
      lines.push(line)
      tell()
    },
    end() {
      hasEnded = true
      tell()
    },
    watch(changed) {
      watchers.add(changed)
      return () => watchers.delete(changed)
    }
  }
}

const START_MS = Date.UTC(2026, 0, 1)

/** RFC 3339 with nanoseconds, as kubelets write it. */
export const timestamp = (atMs: number): string => `${new Date(START_MS + atMs).toISOString().slice(0, -1)}000000Z`

/** Whether a line is part of an answer to `sinceTime`, of which servers read whole seconds only. */
export const isSince = (line: LogLine, sinceTime: string | null): boolean =>
  sinceTime === null || START_MS + line.atMs >= Math.floor(Date.parse(sinceTime) / 1_000) * 1_000
