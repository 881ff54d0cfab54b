/** What a builder's log says, for the tables that tell why a build or a push failed. */
import { stripVTControlCharacters } from 'node:util'

/** How Go programs report that a network or the other end of it failed. */
export const NETWORK =
  /dial tcp|connection re(?:fused|set)|no such host|i\/o timeout|TLS handshake|context deadline exceeded|unexpected EOF|: EOF|broken pipe|TOOMANYREQUESTS|status code (?:429|5\d\d)|x509:|server gave HTTP response/i

/** A log without colours and carriage returns. */
export const plain = (log: string) => stripVTControlCharacters(log.replaceAll('\r', ''))

/** The first group of the last match; `pattern` is global. */
export const lastOf = (log: string, pattern: RegExp) => [...log.matchAll(pattern)].at(-1)?.[1]?.trim()

/** More would hide each other. */
const KEPT_LINES_MAX = 10
/** Of a line that has not ended. */
const LINE_LENGTH_MAX = 4_096

export interface KeptLines {
  add(chunk: Uint8Array): void
  /** The first groups, each once, in their order. */
  lines(): readonly string[]
}

/** The lines of a log that match, as far as somebody will read them; it may be of any length. */
export function keepLines(pattern: RegExp): KeptLines {
  const kept = new Set<string>()
  let line = ''
  return {
    add(chunk) {
      if (kept.size >= KEPT_LINES_MAX) return
      const [first = '', ...others] = Buffer.from(chunk).toString('utf8').split('\n')
      line = (line + first).slice(0, LINE_LENGTH_MAX)
      for (const next of others) {
        const words = pattern.exec(plain(line))?.[1]?.trim()
        if (words && kept.size < KEPT_LINES_MAX) kept.add(words)
        line = next.slice(0, LINE_LENGTH_MAX)
      }
    },
    lines: () => [...kept]
  }
}

const LAST_LINES = 20
export const lastLines = (log: string) => log.trim().split('\n').slice(-LAST_LINES).join('\n')
