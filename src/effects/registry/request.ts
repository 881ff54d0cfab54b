/** One HTTP request to a registry or its token service, bounded in time and size, for the registry client. */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { rootCertificates } from 'node:tls'
import { timeoutSignal } from '../system.ts'

export interface Request {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** An answer that has been read to its end. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Resolves with whatever the status is; rejects with what broke the connection. Redirects of GET and HEAD are followed. */
export type Send = (request: Request, signal: AbortSignal) => Promise<Answer>

/** How long one request may take, milliseconds. The registry is near, and no call moves a layer. */
const REQUEST_MS_MAX = 10_000
/** A list of some ten thousand tags; manifests have at most 4 MiB. */
const BODY_BYTES_MAX = 4 * 1024 * 1024
/** Registries send us on to where they keep blobs. */
const REDIRECTS_MAX = 3
/** A connection that idles longer may have been closed by the other side without our knowing. */
const IDLE_MS_MAX = 3_000

/** `ca`: certificates, PEM, that are trusted besides those that Node trusts. */
export function createSend(ca: string | undefined, requestMsMax: number = REQUEST_MS_MAX): Send {
  const kept = { keepAlive: true, timeout: IDLE_MS_MAX }
  const plain = new HttpAgent(kept)
  const secure = new HttpsAgent({ ...kept, ...(ca !== undefined && { ca: [...rootCertificates, ca] }) })
  const sendOnce: Send = async ({ method, url, headers }, signal) => {
    const deadline = timeoutSignal(requestMsMax)
    const [request, agent] = url.startsWith('https:') ? [httpsRequest, secure] : [httpRequest, plain]
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request(url, { method, headers, agent, signal: AbortSignal.any([signal, deadline]) }, resolve)
          .once('error', reject)
          .end()
      })
      return { status: response.statusCode ?? 0, headers: response.headers, body: await bodyOf(response) }
    } catch (thrown) {
      throw deadline.aborted ? new Error(`no answer within ${requestMsMax / 1_000} s`) : thrown
    }
  }
  return async (request, signal) => {
    let current = request
    for (let redirects = 0; ; redirects += 1) {
      const answer = await sendOnce(current, signal)
      const next = redirects < REDIRECTS_MAX ? redirected(current, answer) : undefined
      if (next === undefined) return answer
      current = next
    }
  }
}

/** Where an answer leads to, if anywhere; whom we log in to stays the only one to learn how. */
function redirected({ method, url, headers }: Request, { status, headers: { location } }: Answer): Request | undefined {
  const isSafe = method === 'GET' || method === 'HEAD'
  if (!isSafe || status < 300 || status >= 400 || location === undefined || !URL.canParse(location, url))
    return undefined
  const next = new URL(location, url)
  if (next.origin === new URL(url).origin) return { method, url: next.href, headers }
  if (next.protocol === 'http:' && url.startsWith('https:')) return undefined
  const { authorization: _, ...others } = headers
  return { method, url: next.href, headers: others }
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length
    if (bytes > BODY_BYTES_MAX) throw new Error(`the answer has more than ${BODY_BYTES_MAX} bytes`)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}
