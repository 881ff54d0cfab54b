/** A check as data, and running many of them in order: each one once, and none whose prerequisite did not hold. For `slipway doctor`. */
import { toStepError } from '../../errors.ts'
import type { Failure } from '../../machines/run.ts'

export const STATUSES = ['pass', 'warn', 'fail', 'skipped'] as const
export type Status = (typeof STATUSES)[number]

/** What a check found. */
export interface Finding {
  readonly status: Status
  /** What was seen, or why not; one line, and more below it when somebody else's words have more. */
  readonly why: string
  /** What to do, exactly: a command, a variable, or YAML to apply. Undefined when nothing has to be done. */
  readonly fix?: string | undefined
}

export interface Check {
  /** What is looked at, in a few words; unique. */
  readonly name: string
  /** Names of earlier checks without which this one says nothing. */
  readonly needs: readonly string[]
  /** Also after an interruption, because it tells what that has left. */
  readonly isLast?: true
  /** Rejects with a StepError when it cannot find out; that counts as failed. */
  run(signal: AbortSignal): Promise<Finding>
}

export interface Result extends Finding {
  readonly name: string
}

export const pass = (why: string): Finding => ({ status: 'pass', why })
export const warn = (why: string, fix?: string): Finding => ({ status: 'warn', why, fix })
export const fail = (why: string, fix?: string): Finding => ({ status: 'fail', why, fix })
export const skipped = (why: string): Finding => ({ status: 'skipped', why })

export const INTERRUPTED = 'interrupted'

export interface Listener {
  readonly begins: (name: string) => void
  readonly ends: (result: Result) => void
}

/** Runs checks in the given order; an aborted signal skips what is left. */
export async function runChecks(
  checks: readonly Check[],
  signal: AbortSignal,
  listener: Listener
): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const check of checks) {
    const unmet = results.filter(({ name, status }) => check.needs.includes(name) && !holds(status))
    listener.begins(check.name)
    const finding = unmet.length > 0 ? because(unmet) : await findingOf(check, signal)
    const result = { name: check.name, ...finding }
    results.push(result)
    listener.ends(result)
  }
  return results
}

const holds = (status: Status): boolean => status === 'pass' || status === 'warn'

const because = (unmet: readonly Result[]): Finding =>
  skipped(
    unmet.some(({ why }) => why === INTERRUPTED)
      ? INTERRUPTED
      : `not checked: it needs ${unmet.map(({ name }) => name).join(', ')}`
  )

async function findingOf(check: Check, signal: AbortSignal): Promise<Finding> {
  if (signal.aborted && !check.isLast) return skipped(INTERRUPTED)
  try {
    return await check.run(signal)
  } catch (thrown) {
    if (signal.aborted && !check.isLast) return skipped(INTERRUPTED)
    return fail(explain(toStepError(thrown)))
  }
}

/** A failure in its own words, with what only an operator needs below. */
export function explain({ message, detail }: Pick<Failure, 'message' | 'detail'>): string {
  const more = detail?.trim() ?? ''
  return message.includes(more) ? message : `${message}\n${more}`
}
