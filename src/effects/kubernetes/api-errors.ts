/** Turns whatever a Kubernetes API call rejects with into a StepError, for the one place that makes the calls. */
import { ApiException } from '@kubernetes/client-node'
import { StepError, type StepErrorOptions } from '../../errors.ts'

/** What a call is about, in words of RBAC: `create pods`, `get pods/log`. */
export interface ApiCall {
  readonly verb: 'get' | 'list' | 'create' | 'delete'
  readonly resource: 'pods' | 'pods/exec' | 'pods/log' | 'secrets'
  readonly name: string
  readonly namespace: string
}

const TOO_MANY_REQUESTS = 429
const SERVER_ERRORS_FROM = 500

/** HTTP status of an API error, or undefined when the request never got an answer. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof ApiException) return error.code
  const status = (error as { statusCode?: unknown } | null)?.statusCode
  return typeof status === 'number' ? status : undefined
}

export const isNotFound = (error: unknown): boolean => statusOf(error) === 404
export const isConflict = (error: unknown): boolean => statusOf(error) === 409

/** May the same call succeed when it is simply made again: no answer, 429, or a server error. */
export function isTransient(error: unknown): boolean {
  const status = statusOf(error)
  return status === undefined || status === TOO_MANY_REQUESTS || status >= SERVER_ERRORS_FROM
}

/** Seconds the server asked us to wait (429 and 503), if it did. */
export function retryAfterMs(error: unknown): number | undefined {
  if (!(error instanceof ApiException)) return undefined
  const seconds = Number((error.headers as Record<string, string>)['retry-after'])
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined
}

/** The API server's own words, out of a Status object if there is one. */
export function serverMessage(error: unknown): string {
  const body = error instanceof ApiException ? error.body : undefined
  const status = typeof body === 'string' ? parseStatus(body) : (body as { message?: unknown } | undefined)
  if (typeof status?.message === 'string') return status.message
  if (typeof body === 'string' && body !== '') return body.slice(0, 500)
  return error instanceof Error ? error.message : String(error)
}

function parseStatus(body: string): { message?: unknown } | undefined {
  try {
    const parsed: unknown = JSON.parse(body)
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined
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
  if (status === 403 && !/exceeded quota|violates PodSecurity|admission/i.test(serverMessage(error))) {
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
