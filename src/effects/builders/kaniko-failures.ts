/** What Kaniko's real error output means, as tables: the text of its last error decides the code and the author's message. */
import { StepError } from '../../errors.ts'
import { failureFrom, type Rule, type Table } from '../failure-table.ts'
import { type FailedPush, REFUSAL } from './definition.ts'
import { lastLines, lastOf, NETWORK, plain } from './log.ts'

/** What a message can be made of. */
interface Report {
  /** Kaniko's own words, without the `error building image:` in front. */
  readonly reason: string
  /** The Dockerfile instruction that was being carried out, if the log tells it. */
  readonly instruction: string | undefined
  /** The image that FROM or COPY --from was fetching last. */
  readonly baseImage: string | undefined
}

const at = ({ instruction }: Report) => (instruction === undefined ? 'The Dockerfile' : `'${instruction}'`)
const base = ({ baseImage }: Report) => (baseImage === undefined ? 'A base image' : `The base image ${baseImage}`)

const DENIED = /UNAUTHORIZED|DENIED|status code 40[13]\b/
const ABSENT = /MANIFEST_UNKNOWN|NAME_UNKNOWN|NOT_FOUND|status code 404|no child with platform/

/** What an instruction did comes before the network: when a RUN cannot reach something, that is the RUN's failure. */
const BUILD_RULES: readonly Rule<Report>[] = [
  {
    pattern: /^unsupported compression algorithm/,
    code: 'dockerfile-failed',
    message: (report) =>
      `${at(report)} adds an archive that Kaniko cannot unpack: pack it with gzip, or unpack it in a RUN`
  },
  {
    pattern: /copying file: read \/proc\//,
    code: 'dockerfile-failed',
    message: (report) =>
      `${at(report)} copies all of a stage, /proc included: copy its directories one by one, or begin with FROM <that stage>`
  },
  {
    pattern: /no space left on device/,
    code: 'builder-lost',
    message: () => 'The builder ran out of disk space'
  },
  {
    pattern: /waiting for process to exit: signal: killed/,
    code: 'builder-out-of-memory',
    message: (report) => `${at(report)} was killed, most likely because the build ran out of memory`
  },
  {
    pattern: /waiting for process to exit: exit status (\d+)/,
    code: 'dockerfile-failed',
    message: (report, [, status]) => `${at(report)} failed with exit code ${status}; its output is in the build log`
  },
  {
    pattern: /failed to get fileinfo for (\S+): lstat/,
    code: 'dockerfile-failed',
    message: (_report, [, path = '']) =>
      `COPY or ADD: ${path.split('/').pop()} is not in the build context (the Dockerfile's directory without what .dockerignore leaves out)`
  },
  {
    pattern: /failed to (?:execute command|get files used from context): ([\s\S]*)/,
    code: 'dockerfile-failed',
    message: (report, [, why]) => `${at(report)} failed: ${why}`
  },
  {
    pattern: /dockerfile parse error(?: on)? line (\d+): ([\s\S]*)/,
    code: 'dockerfile-failed',
    message: (_report, [, line, why]) => `The Dockerfile cannot be read, line ${line}: ${why}`
  },
  {
    pattern: /(?:parsing dockerfile|expanding meta ARGs|stage \d+|resolving args|could not parse reference): ([\s\S]*)/,
    code: 'dockerfile-failed',
    message: ({ reason }) => `The Dockerfile cannot be built: ${reason}`
  },
  {
    pattern: ABSENT,
    code: 'base-image-not-found',
    message: (report) => `${base(report)} does not exist for this platform; check its name and tag in the Dockerfile`
  },
  {
    pattern: DENIED,
    code: 'base-image-denied',
    message: (report) => `${base(report)} does not exist or may not be pulled`
  },
  {
    pattern: NETWORK,
    code: 'base-registry-unreachable',
    message: (report) => `${base(report)} could not be fetched: ${report.reason}`
  }
]

const PUSH_RULES: readonly Rule<Report>[] = [
  { pattern: DENIED, code: 'push-denied', message: ({ reason }) => `The registry refused the push: ${reason}` },
  {
    pattern: NETWORK,
    code: 'registry-unreachable',
    message: ({ reason }) => `The registry could not be reached: ${reason}`
  }
]

const BUILD_FAILURES: Table<Report> = {
  rules: BUILD_RULES,
  otherwise: { code: 'dockerfile-failed', message: ({ reason }) => `The image cannot be built: ${reason}` }
}
const PUSH_FAILURES: Table<Report> = {
  rules: PUSH_RULES,
  otherwise: { code: 'push-failed', message: ({ reason }) => `The push failed: ${reason}` }
}

/**
 * Kaniko writes to stderr, in colours. What a program in RUN writes to stdout comes by another pipe: all of a burst can stand behind Kaniko's last
 * word, and all of it stands behind the instruction.
 */
export const TELLING = /(?:INFO|FATA)[^ ]*\[\d+\] |error (?:building|pushing) image: /

/** Why `executor` failed. A log without Kaniko's last word means that it was ended from outside: `builder-lost`. */
export function classifyBuildFailure(logTail: string): StepError {
  const log = plain(logTail)
  // Not at the start of a line when the Dockerfile's own output did not end its last one.
  // `pushing` is what Kaniko calls writing the layout; layers of the base image are fetched only then.
  const reason =
    after(log, 'error building image: ') ??
    after(log, 'error pushing image: ') ??
    usageError(log) ??
    fatalError(logTail)
  if (reason === undefined) {
    return new StepError('builder-lost', 'The builder ended without saying why', { detail: lastLines(log) })
  }
  const instruction = lastInstruction(log)
  if (instruction?.startsWith(REFUSAL)) return new StepError('not-supported', instruction.slice(REFUSAL.length))
  return failure(BUILD_FAILURES, reason, { instruction, baseImage: lastBaseImage(log) })
}

/** Why `executor push` gave up. */
export function classifyPushFailure(logText: string): StepError {
  const log = plain(logText)
  const reason = usageError(log)
  if (reason === undefined) {
    return new StepError('push-failed', 'The push ended without saying why', { detail: lastLines(log) })
  }
  return pushFailure(reason)
}

/** What Kaniko says between two tries (its `util.Retry`). */
const RETRYING = /^WARN\[\d+\] Retrying operation after (\S+) due to (.*)$/gm

/** Why each try of `executor push` failed that it will repeat, or has repeated, and how long it waits before it does. */
export const failedPushes = (logText: string): readonly FailedPush[] =>
  [...plain(logText).matchAll(RETRYING)].map(([, pause = '', reason = '']) => ({
    failure: pushFailure(reason),
    pauseMs: goDurationMs(pause)
  }))

const UNITS_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }

/** Milliseconds of `1m4s`, as Go writes durations; what it would not write counts for nothing. */
const goDurationMs = (text: string): number =>
  [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[hms])/g)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (UNITS_MS[unit] ?? 0),
    0
  )

/** Its last word of a push that ended well; lines may have blanks at their end. */
const PUSHED = /^INFO\[\d+\] Pushed \S+@(sha256:[0-9a-f]{64}) *$/gm

export const pushedDigest = (logText: string): string | undefined => lastOf(plain(logText), PUSHED)

const pushFailure = (reason: string) => failure(PUSH_FAILURES, reason, { instruction: undefined, baseImage: undefined })

/** The log has been shown already while it was written, so the detail is Kaniko's own reason. */
function failure(table: Table<Report>, said: string, known: Omit<Report, 'reason'>): StepError {
  const reason = concise(said)
  return failureFrom(table, reason, { ...known, reason })
}

/** What follows the last occurrence of `marker`. */
function after(log: string, marker: string): string | undefined {
  const index = log.lastIndexOf(marker)
  return index < 0 ? undefined : log.slice(index + marker.length)
}

/** An error that Kaniko prints its usage after: everything in `push`, and what is found wrong before a build. */
const usageError = (log: string) => [...log.matchAll(/^Error: ([\s\S]*?)\nUsage:\n/gm)].at(-1)?.[1]

/** What Kaniko ends with at once. In its colours: a program in RUN may write of its own failures the same way without. */
const fatalError = (log: string) =>
  lastOf(plain(log.replaceAll('FATA\u001b[0m', 'FATA, coloured')), /FATA, coloured\[\d+\] (.+)$/gm)

/** What Kaniko leaves out or does in its own way, and goes on. */
export const IGNORED = /^WARN\[\d+\] ((?:#\d+ )?[Kk]aniko does not support .*|Skipping .*|.* is deprecated, skipping)$/

/** What a program in RUN wrote to its stdout can follow on Kaniko's word, which goes to stderr, and is no part of it. */
const PROCESS_ENDED = /^[^\n]*waiting for process to exit: [^\n]*/

/** Kaniko's reason without the frames that say nothing to an author. */
function concise(reason: string): string {
  return (PROCESS_ENDED.exec(reason)?.[0] ?? reason)
    .trim()
    .replace(/^(?:error building stage|pushing image|checking push permissions): /, '')
    .replace(/^unable to complete operation after \d+ attempts, last error: /, '')
}

const INSTRUCTION = /^INFO\[\d+\] ((?:ADD|COPY|RUN|USER|WORKDIR|VOLUME|ENV|EXPOSE|LABEL|ARG|SHELL|ONBUILD)\b.*)$/gm
const FETCHING = /^INFO\[\d+\] Retrieving image (?:manifest )?(\S+)/gm

const lastInstruction = (log: string) => lastOf(log, INSTRUCTION)
const lastBaseImage = (log: string) => lastOf(log, FETCHING)
