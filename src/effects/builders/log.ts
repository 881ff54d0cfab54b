/** What a builder's log says, for the tables that tell why a build or a push failed. */
import { stripVTControlCharacters } from 'node:util'

/** How Go programs report that a network or the other end of it failed. */
export const NETWORK =
  /dial tcp|connection re(?:fused|set)|no such host|i\/o timeout|TLS handshake|context deadline exceeded|unexpected EOF|: EOF|broken pipe|TOOMANYREQUESTS|status code (?:429|5\d\d)|x509:|server gave HTTP response/i

/** A log without colours and carriage returns. */
export const plain = (log: string) => stripVTControlCharacters(log.replaceAll('\r', ''))

/** The first group of the last match; `pattern` is global. */
export const lastOf = (log: string, pattern: RegExp) => [...log.matchAll(pattern)].at(-1)?.[1]?.trim()

const LAST_LINES = 20
export const lastLines = (log: string) => log.trim().split('\n').slice(-LAST_LINES).join('\n')
