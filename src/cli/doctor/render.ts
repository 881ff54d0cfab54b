/** What the results of doctor's checks look like: lines for people, or one JSON document. */
import type { Line } from '../screen.ts'
import { type Result, STATUSES, type Status } from './check.ts'

const SIGNS = {
  pass: { sign: '✓', colour: 'green' },
  warn: { sign: '!', colour: 'yellow' },
  fail: { sign: '✗', colour: 'red' },
  skipped: { sign: '-', colour: 'gray' }
} as const satisfies Record<Status, object>

const NAME_WIDTH = 20
/** Of somebody else's words, such as the builder's log. */
const WHY_LINES_MAX = 20

const indented = (text: string): string => `    ${text}`.trimEnd()
/** Somebody else's words in a fix are not to be taken for another result; ours begin no line so. */
const LIKE_A_RESULT = /^[✓!✗] /u

/** Renders one result after the other; a fix that was shown already is not shown again. */
export function createResultRenderer(): (result: Result) => readonly Line[] {
  const shownAt = new Map<string, string>()
  return ({ name, status, why, fix }) => {
    const { sign, colour } = SIGNS[status]
    const [first = '', ...more] = why.trimEnd().split(/\r?\n/)
    const head = `${sign} ${name.padEnd(NAME_WIDTH)} ${first}`
    const left = more.length - WHY_LINES_MAX
    const shown = left > 0 ? [`(${left} lines before these)`, ...more.slice(left)] : more
    const lines: Line[] = [{ text: head, colour }, ...shown.map((text) => ({ text: indented(text) }))]
    if (fix === undefined) return lines
    const before = shownAt.get(fix)
    shownAt.set(fix, before ?? name)
    const [start = '', ...rest] = before === undefined ? fix.trimEnd().split('\n') : [`the same as for ${before}`]
    // What follows the first line is to be copied, so it stands as it is: a shell needs the end of a document at the line's start.
    const copied = rest.map((text) => (LIKE_A_RESULT.test(text) ? indented(text) : text))
    return [...lines, ...[`  fix: ${start}`, ...copied].map((text) => ({ text }))]
  }
}

const SUMMARY_WORDS: Readonly<Record<Status, string>> = {
  pass: 'passed',
  warn: 'with a warning',
  fail: 'failed',
  skipped: 'not checked'
}

export type Counts = Readonly<Record<Status, number>>

export const countsOf = (results: readonly Result[]): Counts =>
  Object.fromEntries(
    STATUSES.map((status) => [status, results.filter((result) => result.status === status).length])
  ) as Counts

/** `12 passed, 1 failed, 3 not checked`. */
export function summaryOf(results: readonly Result[]): string {
  const counts = countsOf(results)
  return STATUSES.filter((status) => counts[status] > 0)
    .map((status) => `${counts[status]} ${SUMMARY_WORDS[status]}`)
    .join(', ')
}

/** For programs. */
export const reportOf = (results: readonly Result[]): object => ({
  ok: countsOf(results).fail === 0,
  counts: countsOf(results),
  checks: results
})
