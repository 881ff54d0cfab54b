/** What can go wrong between Slipway and a registry, as StepErrors, for the registry client and its authentication. */
import { StepError } from '../../errors.ts'
import { failureFrom, type Table } from '../failure-table.ts'

interface Report {
  readonly host: string
  readonly reason: string
}

const cannotReach = ({ host, reason }: Report) => `The image registry ${host} cannot be reached: ${reason}`

/** Node's words for a certificate that it does not trust, and for a server that does not speak TLS. */
const UNREACHABLE: Table<Report> = {
  rules: [
    {
      pattern: /SELF_SIGNED_CERT|UNABLE_TO_(VERIFY_LEAF|GET_ISSUER)|DEPTH_ZERO/,
      code: 'registry-unreachable',
      message: (report) =>
        `${cannotReach(report)}; set ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_CA_SECRET to a Secret with the certificate of its authority`
    },
    {
      pattern: /WRONG_VERSION_NUMBER|wrong version number/,
      code: 'registry-unreachable',
      message: (report) =>
        `${cannotReach(report)}; if it speaks plain HTTP, set ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PLAIN_HTTP to true`
    }
  ],
  otherwise: { code: 'registry-unreachable', message: cannotReach }
}

/** `thrown`: what broke the connection, or the reason in words. */
export function unreachable(host: string, what: string, thrown: unknown): StepError {
  const reason = typeof thrown === 'string' ? thrown : reasonOf(thrown)
  const options = { detail: `${what}: ${reason}`, ...(typeof thrown !== 'string' && { cause: thrown }) }
  return failureFrom(UNREACHABLE, `${codeOf(thrown)} ${reason}`, { host, reason }, options)
}

/** `account`: whose credentials were used, `Secret push-it`; undefined: nobody's. */
export function denied(host: string, what: string, account: string | undefined, isKnown: boolean): StepError {
  const message =
    account === undefined
      ? `The image registry ${host} asks for credentials: set ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PUSH_SECRET to a Secret that holds them`
      : isKnown
        ? `The image registry ${host} knows the user of ${account}, but does not allow what Slipway needs: pull, push and delete`
        : `The image registry ${host} refuses the user name or the password of ${account}: correct them there`
  return new StepError('push-denied', message, { detail: what })
}

/** OCI distribution specification, "Deleting Manifests": what a registry answers that does not allow it. */
export const DELETION_OFF = 405

export function notRemoved(reference: string, status: number): StepError {
  const hint =
    status === DELETION_OFF
      ? 'deletion is switched off in the registry; set REGISTRY_STORAGE_DELETE_ENABLED=true there, or let images stay (ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_RETENTION)'
      : `the registry answered with status ${status}`
  return new StepError('cleanup-failed', `The image ${reference} could not be removed: ${hint}`, {
    remaining: [`image ${reference}`]
  })
}

const codeOf = (thrown: unknown): string =>
  typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : ''

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  // An AggregateError, of several addresses tried, has no message of its own.
  return thrown.message || codeOf(thrown) || thrown.name
}
