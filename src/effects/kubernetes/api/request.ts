/**
 * One HTTP request to the API server, for the calls, logs and nothing else.
 *
 * The generated client of @kubernetes/client-node does the same in a megabyte of code that every call of the hook would
 * compile first (docs/adr/0004-kubernetes-client.md); its types and its kubeconfig handling are used.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import { keepFirst } from '../../capture.ts'

/** Where the API server is and how to authenticate: a KubeConfig, or less. */
export type ApiAccess = Pick<KubeConfig, 'getCurrentCluster' | 'applyToHTTPSOptions'>

export interface Access {
  readonly access: ApiAccess
  readonly namespace: string
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below the server's address. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>> | undefined
  readonly body?: object | undefined
}

/** The server answered with something else than 2xx. */
export class ApiStatusError extends Error {
  override readonly name = 'ApiStatusError'

  constructor(
    readonly status: number,
    /** The answer's body, cut. */
    readonly body: string,
    /** As the server asked for in Retry-After; undefined when it did not. */
    readonly retryAfterMs: number | undefined
  ) {
    super(`status ${status}: ${body}`)
  }
}

/** How long the server may take to begin its answer. */
const ANSWER_MS_MAX = 15_000
/** A connection that died without a word is noticed by TCP after this long. */
const KEEP_ALIVE_MS = 10_000
const ERROR_BODY_BYTES_MAX = 16 * 1024
const ANSWER_BYTES_MAX = 32 * 1024 * 1024

/** Connections are kept, one set for each way to authenticate. */
const agents = new WeakMap<ApiAccess, HttpAgent | HttpsAgent>()

/** Resolves with the answer as soon as it begins; rejects with ApiStatusError, or with what broke the connection. */
export async function openRequest(
  access: ApiAccess,
  request: ApiRequest,
  signal: AbortSignal
): Promise<IncomingMessage> {
  const server = access.getCurrentCluster()?.server ?? ''
  const query = new URLSearchParams({ ...request.query }).toString()
  const url = new URL(`${server.replace(/\/$/, '')}${request.path}${query && `?${query}`}`)
  const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body))
  const options: RequestOptions = { method: request.method, signal }
  await access.applyToHTTPSOptions(options)
  options.agent = agentFor(access, url, options)
  options.headers = {
    ...options.headers,
    accept: 'application/json',
    ...(body && { 'content-type': 'application/json', 'content-length': body.length })
  }
  const send = url.protocol === 'http:' ? httpRequest : httpsRequest
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = send(url, options, (answer) => {
      sent.setTimeout(0)
      // An aborted request must end the answer quietly.
      answer.on('error', () => {})
      resolve(answer)
    })
    sent.setTimeout(ANSWER_MS_MAX, () => sent.destroy(new Error(`no answer within ${ANSWER_MS_MAX / 1_000} s`)))
    sent.setSocketKeepAlive(true, KEEP_ALIVE_MS)
    sent.once('error', reject)
    sent.end(body)
  })
  const { statusCode = 0 } = response
  if (statusCode >= 200 && statusCode < 300) return response
  const text = (await readBody(response, ERROR_BODY_BYTES_MAX)).toString('utf8')
  const seconds = Number(response.headers['retry-after'] ?? Number.NaN)
  throw new ApiStatusError(statusCode, text, Number.isFinite(seconds) ? seconds * 1_000 : undefined)
}

/** The whole answer, as JSON. */
export async function requestJson<T>(access: ApiAccess, request: ApiRequest, signal: AbortSignal): Promise<T> {
  const response = await openRequest(access, request, signal)
  const body = await readBody(response, ANSWER_BYTES_MAX)
  if (!response.complete) throw new Error('the answer was cut short')
  return JSON.parse(body.toString('utf8')) as T
}

/** The first bytes of a body; what comes after them is not kept. */
export async function readBody(response: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const body = keepFirst(bytesMax)
  try {
    for await (const chunk of response) body.add(chunk as Buffer)
  } catch {
    // Callers look at `complete`.
  }
  return body.bytes()
}

/** One agent with kept connections for each cluster; the kubeconfig's own when it leads through a proxy. */
function agentFor(access: ApiAccess, url: URL, options: RequestOptions): RequestOptions['agent'] {
  if (access.getCurrentCluster()?.proxyUrl !== undefined) return options.agent
  const known = agents.get(access)
  if (known !== undefined) return known
  const agent = url.protocol === 'http:' ? new HttpAgent({ keepAlive: true }) : new HttpsAgent({ keepAlive: true })
  agents.set(access, agent)
  return agent
}
