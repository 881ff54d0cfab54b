/** Turns whatever a Kubernetes API call rejects with into a StepError, for the one place that makes the calls. */
import { StepError, type StepErrorOptions } from '../../../errors.ts'
import { ApiStatusError } from './request.ts'

/** What a call is about, in words of RBAC: `create pods`, `get pods/log`. */
export interface ApiCall {
  readonly verb: 'get' | 'list' | 'create' | 'delete'
  readonly resource: 'pods' | 'pods/exec' | 'pods/log' | 'secrets'
  readonly name: string
  readonly namespace: string
}

const CONFLICT = 409
const TOO_MANY_REQUESTS = 429
const SERVER_ERRORS_FROM = 500
const MESSAGE_LENGTH_MAX = 500
/** A 403 of quotas, limits, pod security and policies; one of authorization is about a user. */
const ADMISSION = /admission webhook|is forbidden: (?!User )/

/** HTTP status of an API error, or undefined when the request never got an answer. */
const statusOf = (error: unknown): number | undefined => (error instanceof ApiStatusError ? error.status : undefined)

export const isNotFound = (error: unknown): boolean => statusOf(error) === 404
/** Something of that name is there. A 409 may also mean that a quota was being written by somebody else at that moment. */
export const isAlreadyThere = (error: unknown): boolean =>
  error instanceof ApiStatusError && error.status === CONFLICT && statusField(error.body, 'reason') === 'AlreadyExists'

/** May the same call succeed when it is simply made again: no answer, 429, a server error, or two writers at one moment. */
export function isTransient(error: unknown): boolean {
  const status = statusOf(error)
  if (status === CONFLICT) return !isAlreadyThere(error)
  return status === undefined || status === TOO_MANY_REQUESTS || status >= SERVER_ERRORS_FROM
}

/** The API server's own words, out of a Status object if there is one. */
export function serverMessage(error: unknown): string {
  if (!(error instanceof ApiStatusError)) return error instanceof Error ? error.message || error.name : String(error)
  return statusField(error.body, 'message') ?? (error.body.slice(0, MESSAGE_LENGTH_MAX) || `status ${error.status}`)
}

/** Out of a Status object; undefined when the body is none. */
function statusField(body: string, field: 'message' | 'reason'): string | undefined {
  try {
    const { [field]: value } = JSON.parse(body) as Record<string, unknown>
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

/** `cluster-forbidden` names the missing verb; `cluster-rejected` quotes admission; the rest is `cluster-unreachable`. */
export function apiError(error: unknown, call: ApiCall): StepError {
  if (error instanceof StepError) return error
  const what = `${call.verb} ${call.resource}`
  const options: StepErrorOptions = {
    detail: `${what} ${call.namespace}/${call.name}: ${serverMessage(error)}`,
    cause: error
  }
  const status = statusOf(error)
  if (status === 403 && !ADMISSION.test(serverMessage(error))) {
    return new StepError(
      'cluster-forbidden',
      `the runner's service account may not ${what} in namespace ${call.namespace}: grant it with a Role (apiGroups [""], resources [${call.resource}], verbs [${call.verb}])`,
      options
    )
  }
  if (isTransient(error)) {
    return new StepError(
      'cluster-unreachable',
      `the Kubernetes API did not answer ${what}: ${serverMessage(error)}`,
      options
    )
  }
  return new StepError('cluster-rejected', `the cluster refused to ${what}: ${serverMessage(error)}`, options)
}
