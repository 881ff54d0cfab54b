/** Tables that say what a builder's own words mean, for the files that hold one builder's each: the first rule that matches decides. */
import { stripVTControlCharacters } from 'node:util'
import { type ErrorCode, StepError } from '../../errors.ts'

/** One kind of failure; `message` is for the author, made of what the builder's report says. */
export interface Rule<Report> {
  readonly pattern: RegExp
  readonly code: ErrorCode
  readonly message: (report: Report, match: RegExpExecArray) => string
}

export interface Table<Report> {
  readonly rules: readonly Rule<Report>[]
  readonly otherwise: { readonly code: ErrorCode; readonly message: string }
}

/** How Go programs report that a network or the other end of it failed. */
export const NETWORK =
  /dial tcp|connection re(?:fused|set)|no such host|i\/o timeout|TLS handshake|context deadline exceeded|unexpected EOF|: EOF|broken pipe|TOOMANYREQUESTS|status code (?:429|5\d\d)|x509:|server gave HTTP response/i

/** The error for a report. The log has been shown already while it was written, so the detail is the builder's own reason. */
export function toError<Report extends { readonly reason: string }>(
  { rules, otherwise }: Table<Report>,
  report: Report
): StepError {
  for (const { pattern, code, message } of rules) {
    const match = pattern.exec(report.reason)
    if (match !== null) return new StepError(code, oneLine(message(report, match)), { detail: report.reason })
  }
  return new StepError(otherwise.code, oneLine(`${otherwise.message}: ${report.reason}`), { detail: report.reason })
}

/** A log without colours and carriage returns. */
export const plain = (log: string) => stripVTControlCharacters(log.replaceAll('\r', ''))

/** What follows the last occurrence of `marker`. */
export function after(log: string, marker: string): string | undefined {
  const index = log.lastIndexOf(marker)
  return index < 0 ? undefined : log.slice(index + marker.length)
}

/** The first group of the last match; `pattern` is global. */
export const lastOf = (log: string, pattern: RegExp) => [...log.matchAll(pattern)].at(-1)?.[1]?.trim()

const LAST_LINES = 20
export const lastLines = (log: string) => log.trim().split('\n').slice(-LAST_LINES).join('\n')

/** An annotation is one line, and not a page: 300 characters say what is wrong. */
const MESSAGE_LENGTH_MAX = 300

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length <= MESSAGE_LENGTH_MAX ? line : `${line.slice(0, MESSAGE_LENGTH_MAX - 1)}…`
}
