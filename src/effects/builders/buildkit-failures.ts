/** What buildctl's real error output means, as a table: its last error decides the code and the author's message. */
import { StepError } from '../../errors.ts'
import { failureFrom, type Rule, type Table } from '../failure-table.ts'
import { lastLines, lastOf, NETWORK, plain } from './log.ts'

interface Report {
  /** BuildKit's own words, without the `error: failed to solve:` in front. */
  readonly reason: string
  /** The line of the Dockerfile that BuildKit points at. */
  readonly instruction: string | undefined
  /** Whether its program is one that the daemon's node cannot run. */
  readonly isForeign: boolean
}

/** In the output of the step that failed, which is repeated after it; the line is of what BuildKit runs programs with. */
const FOREIGN = /^[\d.]+ exec \S+: exec format error$/m
const FOREIGN_STATUS = '255'

/** Between a reference and what went wrong with it. */
const SOURCE = /^(?:(\S+): )?failed to resolve source metadata for (\S+): /

const at = ({ instruction }: Report) => (instruction === undefined ? 'The Dockerfile' : `'${instruction}'`)
/** As the author wrote it, if BuildKit says it; what `# syntax=` names is an image as well. */
const base = ({ reason }: Report) => {
  const [, written, full] = SOURCE.exec(reason) ?? []
  return `The base image ${written ?? full}`
}
const cause = ({ reason }: Report) => reason.replace(SOURCE, '')

/** A rule about fetching a base image. */
const ofBase = (pattern: RegExp) => new RegExp(`${SOURCE.source}[\\s\\S]*(?:${pattern.source})`, pattern.flags)

const DENIED = /: 40[13]\b|pull access denied|authorization failed|insufficient_scope/
const ABSENT = /: not found$|no match for platform/
const UNHEALTHY = new RegExp(`${NETWORK.source}|: (?:429|5\\d\\d)\\b|server misbehaving`, 'i')

/** What the daemon says of itself comes first; then what an instruction did, and only then what its base image did. */
const BUILD_RULES: readonly Rule<Report>[] = [
  {
    pattern: /failed to list workers: Unavailable: .*tls: (.*)/,
    code: 'not-configured',
    message: (_report, [, why = '']) =>
      `The BuildKit daemon's certificate and ours do not fit: ${why.replace(/"$/, '')}; correct the Secret that ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_TLS_SECRET names`
  },
  {
    pattern: /failed to list workers: Unavailable: .*error reading server preface/,
    code: 'not-configured',
    message: () =>
      'The BuildKit daemon does not speak the way we do: check ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_HOST, and whether it wants TLS (ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_TLS_SECRET)'
  },
  {
    pattern: /failed to list workers: Unavailable: (?:connection error: desc = )?"?(.*?)"?$/,
    code: 'builder-lost',
    message: (_report, [, why]) => `The BuildKit daemon could not be reached: ${why}`
  },
  {
    pattern: /no space left on device/,
    code: 'builder-lost',
    message: () => 'The builder ran out of disk space'
  },
  {
    pattern: /^buildkitd cannot start: (.*)/,
    code: 'not-configured',
    message: (_report, [, why]) =>
      `BuildKit cannot start in the build pod (${why}): the node, or the profile of ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_SECCOMP_PROFILE, does not let it (docs/buildkit.md)`
  },
  {
    pattern: /^buildkitd ended with exit code 137/,
    code: 'builder-out-of-memory',
    message: () => 'BuildKit was killed, most likely because the build ran out of memory'
  },
  {
    pattern: /^buildkitd (?:did not start in time|ended with exit code)[\s\S]*/,
    code: 'builder-lost',
    message: (_report, [why]) => `BuildKit in the build pod: ${why}`
  },
  {
    pattern: /code = Unavailable|code = Canceled/,
    code: 'builder-lost',
    message: () => 'The connection to the BuildKit daemon was lost'
  },
  {
    pattern: /^process [\s\S]* did not complete successfully: (?:exit code: 137|cannot allocate memory)/,
    code: 'builder-out-of-memory',
    message: (report) => `${at(report)} was killed, most likely because the build ran out of memory`
  },
  {
    pattern: /^process [\s\S]* did not complete successfully: exit code: (\d+)/,
    code: 'dockerfile-failed',
    message: (report, [, status]) =>
      report.isForeign && status === FOREIGN_STATUS
        ? `${at(report)} cannot run where the BuildKit daemon is (exec format error): it has to be on nodes of the job's architecture, or to have an emulator for it`
        : `${at(report)} failed with exit code ${status}; its output is in the build log`
  },
  {
    pattern: /^process [\s\S]* did not complete successfully: ([\s\S]*)/,
    code: 'dockerfile-failed',
    message: (report, [, why]) => `${at(report)} failed: ${why}`
  },
  {
    pattern: /failed to calculate checksum of ref \S+: "\/?([^"]*)": not found/,
    code: 'dockerfile-failed',
    message: (_report, [, path]) =>
      `COPY or ADD: ${path} is not in the build context (the Dockerfile's directory without what .dockerignore leaves out)`
  },
  {
    pattern: /^dockerfile parse error on line (\d+): ([\s\S]*)/,
    code: 'dockerfile-failed',
    message: (_report, [, line, why]) => `The Dockerfile cannot be read, line ${line}: ${why}`
  },
  {
    pattern: ofBase(ABSENT),
    code: 'base-image-not-found',
    message: (report) => `${base(report)} does not exist for this platform; check its name and tag in the Dockerfile`
  },
  {
    pattern: ofBase(DENIED),
    code: 'base-image-denied',
    message: (report) => `${base(report)} does not exist or may not be pulled`
  },
  {
    pattern: ofBase(/server gave HTTP response/),
    code: 'base-registry-unreachable',
    message: (report) =>
      `${base(report)} could not be fetched: its registry speaks plain HTTP: a daemon is told so in its buildkitd.toml, and in the build pod only the registry that is pushed to may`
  },
  {
    pattern: ofBase(UNHEALTHY),
    code: 'base-registry-unreachable',
    message: (report) => `${base(report)} could not be fetched: ${cause(report)}`
  }
]

const BUILD_FAILURES: Table<Report> = {
  rules: BUILD_RULES,
  otherwise: { code: 'dockerfile-failed', message: ({ reason }) => `The image cannot be built: ${reason}` }
}

/** Its last words: all that a build writes comes by one pipe. */
export const TELLING = /^error: /

/** Why `buildctl build` failed. A log without its last word means that it was ended from outside: `builder-lost`. */
export function classifyBuildFailure(logTail: string): StepError {
  const log = plain(logTail)
  const reason = lastOf(log, /^error: (?:failed to solve: )?([\s\S]*?)(?=^#\d|^error: |$(?![\s\S]))/gm)
  if (reason === undefined) {
    return new StepError('builder-lost', 'The builder ended without saying why', { detail: lastLines(log) })
  }
  const instruction = lastOf(log, /^ {1,4}\d+ \| >>> (.*)$/gm)
  return failureFrom(BUILD_FAILURES, reason, { reason, instruction, isForeign: FOREIGN.test(log) })
}
