/** What a program's own words mean, by tables of rules, for whatever knows a failure by its text only: the first rule that matches decides. */
import { type ErrorCode, StepError, type StepErrorOptions } from '../errors.ts'

/** One kind of failure; `message` is for the author, made of what is known besides the words, and of what the pattern found in them. */
export interface Rule<Report> {
  readonly pattern: RegExp
  readonly code: ErrorCode
  readonly message: (report: Report, match: RegExpExecArray) => string
}

export interface Table<Report> {
  readonly rules: readonly Rule<Report>[]
  readonly otherwise: { readonly code: ErrorCode; readonly message: (report: Report) => string }
}

/** The error that `text` stands for. Its detail is that text, unless `options` say otherwise. */
export function failureFrom<Report>(
  { rules, otherwise }: Table<Report>,
  text: string,
  report: Report,
  options: StepErrorOptions = { detail: text }
): StepError {
  for (const { pattern, code, message } of rules) {
    const match = pattern.exec(text)
    if (match !== null) return new StepError(code, oneLine(message(report, match)), options)
  }
  return new StepError(otherwise.code, oneLine(otherwise.message(report)), options)
}

/** An annotation is one line, and not a page: 300 characters say what is wrong. */
const MESSAGE_LENGTH_MAX = 300

/** Cut in the middle where it is too long: programs name the cause last. */
function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  if (line.length <= MESSAGE_LENGTH_MAX) return line
  const half = (MESSAGE_LENGTH_MAX - 1) / 2
  return `${line.slice(0, Math.ceil(half))}…${line.slice(-Math.floor(half))}`
}

/** The first line of a text, so that an annotation stays one line. */
export const firstLine = (text: string): string => text.trim().split('\n')[0] ?? ''

/** The last line with text in it, where programs say what went wrong. */
export const lastLine = (output: string): string =>
  (output.trimEnd().split('\n').at(-1) ?? '').trim().replace(/^(Error|ERROR): /, '')
