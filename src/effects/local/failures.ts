/** Tables that turn what engines print into the closed error codes, for the three engine files. */
import { type ErrorCode, StepError } from '../../errors.ts'
import { failureFrom, lastLine, type Rule, type Table } from '../failure-table.ts'

/** `subject`: what the command was about; `said`: its last line. */
interface Report {
  readonly subject: string
  readonly said: string
}

const means = (code: ErrorCode, what: (subject: string) => string) => ({
  code,
  message: ({ subject, said }: Report) => `${what(subject)} (${said})`
})
const rule = (pattern: RegExp, code: ErrorCode, what: (subject: string) => string): Rule<Report> => ({
  pattern,
  ...means(code, what)
})

const NOT_FOUND =
  /manifest unknown|name unknown|repository does not exist|manifest for .* not found|: not found\b|did not resolve to an alias|image not known|no such image/i
const DENIED = /access (to the resource is )?denied|unauthorized|authentication required|no basic auth credentials/i
const UNREACHABLE =
  /dial tcp|no such host|connection refused|connection reset|i\/o timeout|TLS handshake timeout|network is unreachable|name resolution|unexpected EOF|HTTP response to HTTPS client|: EOF\b|\b50[0234]\b/i
// A failing instruction is looked for first: the program it ran may print anything, `connection refused` included.
const INSTRUCTION =
  /returned a non-zero code|did not complete successfully|(COPY|ADD) failed|compute cache key|building at STEP "(?!FROM)/
const NO_SPACE = /no space left on device/i

const BUILD_FAILURES: Table<Report> = {
  rules: [
    rule(
      INSTRUCTION,
      'dockerfile-failed',
      (dockerfile) => `${dockerfile} failed; the failing instruction is at the end of the build log above`
    ),
    rule(
      NOT_FOUND,
      'base-image-not-found',
      (dockerfile) => `An image that ${dockerfile} names in FROM does not exist; check its name and tag`
    ),
    rule(
      DENIED,
      'base-image-denied',
      (dockerfile) => `An image that ${dockerfile} names in FROM needs a login, or does not exist`
    ),
    rule(
      UNREACHABLE,
      'base-registry-unreachable',
      (dockerfile) => `The registry of an image that ${dockerfile} names in FROM cannot be reached`
    )
  ],
  otherwise: means(
    'dockerfile-failed',
    (dockerfile) => `${dockerfile} cannot be built; the reason is at the end of the build log above`
  )
}

const PUSH_FAILURES: Table<Report> = {
  rules: [
    rule(DENIED, 'push-denied', (reference) => `${reference} may not be pushed`),
    rule(NO_SPACE, 'push-failed', (reference) => `No space is left for pushing ${reference}`),
    rule(UNREACHABLE, 'registry-unreachable', (reference) => `The registry cannot be reached for pushing ${reference}`)
  ],
  otherwise: means('push-failed', (reference) => `${reference} was not pushed`)
}

const PULL_FAILURES: Table<Report> = {
  rules: [
    rule(NOT_FOUND, 'image-not-found', (image) => `The image ${image} does not exist`),
    rule(DENIED, 'image-denied', (image) => `The image ${image} needs a login, or does not exist`),
    rule(/invalid reference/i, 'image-invalid', (image) => `${image} is not an image name`),
    rule(UNREACHABLE, 'registry-unreachable', (image) => `The registry of the image ${image} cannot be reached`)
  ],
  otherwise: means('image-pull-failed', (image) => `The image ${image} was not pulled`)
}

const byTable = (table: Table<Report>) => (subject: string) => (output: string) =>
  failureFrom(table, output, { subject, said: lastLine(output) })

/** Each takes what the command was about, then the command's output. */
export const buildFailure = byTable(BUILD_FAILURES)
export const pushFailure = byTable(PUSH_FAILURES)
export const pullFailure = byTable(PULL_FAILURES)

/** The container cannot be made or its program cannot be started; another attempt would end the same. */
export const startFailure = (image: string) => (output: string) =>
  new StepError('start-failed', `The image ${image} cannot be started: ${lastLine(output)}`, { detail: output })

/** A thing that is still there after the engine was told to remove it. */
export const undoFailure = (name: string) => (output: string) =>
  new StepError('cleanup-failed', `${name} was not removed (${lastLine(output)})`, { detail: output })

/** What engines say about a thing that is gone already, which is as good as removed. */
export const isGone = (output: string): boolean => /no such (container|image|object)|not known|not found/i.test(output)
