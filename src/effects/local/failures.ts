/** Tables that turn what engines print into the closed error codes, for the three engine files. */
import { type ErrorCode, StepError } from '../../errors.ts'
import { lastLine } from './engine.ts'

interface Rule {
  readonly pattern: RegExp
  readonly code: ErrorCode
  readonly message: (subject: string) => string
}

const NOT_FOUND =
  /manifest unknown|name unknown|repository does not exist|manifest for .* not found|: not found\b|did not resolve to an alias|image not known|no such image/i
const DENIED = /access (to the resource is )?denied|unauthorized|authentication required|no basic auth credentials/i
const UNREACHABLE =
  /dial tcp|no such host|connection refused|connection reset|i\/o timeout|TLS handshake timeout|network is unreachable|name resolution|unexpected EOF|HTTP response to HTTPS client|: EOF\b|\b50[0234]\b/i
// A failing instruction is looked for first: the program it ran may print anything, `connection refused` included.
const INSTRUCTION =
  /returned a non-zero code|did not complete successfully|(COPY|ADD) failed|compute cache key|building at STEP "(?!FROM)/
const NO_SPACE = /no space left on device/i

const BUILD_RULES: readonly Rule[] = [
  {
    pattern: INSTRUCTION,
    code: 'dockerfile-failed',
    message: (dockerfile) => `${dockerfile} failed; the failing instruction is at the end of the build log above`
  },
  {
    pattern: NOT_FOUND,
    code: 'base-image-not-found',
    message: (dockerfile) => `An image that ${dockerfile} names in FROM does not exist; check its name and tag`
  },
  {
    pattern: DENIED,
    code: 'base-image-denied',
    message: (dockerfile) => `An image that ${dockerfile} names in FROM needs a login, or does not exist`
  },
  {
    pattern: UNREACHABLE,
    code: 'base-registry-unreachable',
    message: (dockerfile) => `The registry of an image that ${dockerfile} names in FROM cannot be reached`
  },
  {
    pattern: /(?:)/,
    code: 'dockerfile-failed',
    message: (dockerfile) => `${dockerfile} cannot be built; the reason is at the end of the build log above`
  }
]

const PUSH_RULES: readonly Rule[] = [
  { pattern: DENIED, code: 'push-denied', message: (reference) => `${reference} may not be pushed` },
  { pattern: NO_SPACE, code: 'push-failed', message: (reference) => `No space is left for pushing ${reference}` },
  {
    pattern: UNREACHABLE,
    code: 'registry-unreachable',
    message: (reference) => `The registry cannot be reached for pushing ${reference}`
  },
  { pattern: /(?:)/, code: 'push-failed', message: (reference) => `${reference} was not pushed` }
]

const PULL_RULES: readonly Rule[] = [
  { pattern: NOT_FOUND, code: 'image-not-found', message: (image) => `The image ${image} does not exist` },
  { pattern: DENIED, code: 'image-denied', message: (image) => `The image ${image} needs a login, or does not exist` },
  { pattern: /invalid reference/i, code: 'image-invalid', message: (image) => `${image} is not an image name` },
  {
    pattern: UNREACHABLE,
    code: 'registry-unreachable',
    message: (image) => `The registry of the image ${image} cannot be reached`
  },
  { pattern: /(?:)/, code: 'image-pull-failed', message: (image) => `The image ${image} was not pulled` }
]

const byTable = (rules: readonly Rule[]) => (subject: string) => (output: string) => {
  const rule = rules.find(({ pattern }) => pattern.test(output))
  if (rule === undefined) return new StepError('internal', `No rule fits: ${lastLine(output)}`)
  return new StepError(rule.code, `${rule.message(subject)} (${lastLine(output)})`, { detail: output })
}

/** Each takes what the command was about, then the command's output. */
export const buildFailure = byTable(BUILD_RULES)
export const pushFailure = byTable(PUSH_RULES)
export const pullFailure = byTable(PULL_RULES)

/** The container cannot be made or its program cannot be started; another attempt would end the same. */
export const startFailure = (image: string) => (output: string) =>
  new StepError('start-failed', `The image ${image} cannot be started: ${lastLine(output)}`, { detail: output })

/** A thing that is still there after the engine was told to remove it. */
export const undoFailure = (name: string) => (output: string) =>
  new StepError('cleanup-failed', `${name} was not removed (${lastLine(output)})`, { detail: output })

/** What engines say about a thing that is gone already, which is as good as removed. */
export const isGone = (output: string): boolean => /no such (container|image|object)|not known|not found/i.test(output)
