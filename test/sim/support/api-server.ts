/** The HTTP side of a simulated cluster: pods, secrets and logs of the API server, and the registry, with faults in between. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serveLog } from './log-answers.ts'
import { serveRegistry } from './registry-answers.ts'
import type { CallName, Fault, Outage, Trouble } from './story.ts'
import { NAMESPACE, type World } from './world.ts'

/** Where one process of the hook reaches the cluster. */
export interface Door {
  /** `127.0.0.1:port`, of the API server and of the registry. */
  readonly host: string
  /** Method and path of every request, for those who look for secrets in them. */
  readonly requests: readonly string[]
  /** Grows with everything that happens on a connection. */
  activity(): number
  /** Cuts every connection, and takes no new one. */
  close(): Promise<void>
}

/** What a request gets. */
export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export async function openDoor(world: World, faults: readonly Fault[], outage?: Outage): Promise<Door> {
  const requests: string[] = []
  const counts = new Map<CallName, number>()
  let activity = 0
  const isAway = () => {
    const passedMs = world.clock.now() - (outage?.fromMs ?? Number.POSITIVE_INFINITY)
    return passedMs >= 0 && passedMs < (outage?.forMs ?? 0)
  }
  const troubleOf = (call: CallName): Trouble | undefined => {
    const count = counts.get(call) ?? 0
    counts.set(call, count + 1)
    if (call !== 'registry' && isAway()) return { does: 'reset', after: false }
    return faults.find((fault) => fault.call === call && count >= fault.nth && count < fault.nth + fault.times)?.trouble
  }
  const server = createServer((request, response) => {
    activity += 1
    response.on('close', () => {
      activity += 1
    })
    void serve(world, request, response, requests, troubleOf)
  })
  server.on('connection', () => {
    activity += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  if (outage !== undefined) {
    void world.clock.sleep(outage.fromMs, new AbortController().signal).then(() => server.closeAllConnections())
  }
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    activity: () => activity,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

async function serve(
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
  requests: string[],
  troubleOf: (call: CallName) => Trouble | undefined
): Promise<void> {
  const body = await readAll(request)
  const url = new URL(request.url ?? '/', 'http://cluster')
  const method = request.method ?? 'GET'
  requests.push(`${method} ${request.url}`)
  const call = callOf(method, url)
  const trouble = call === undefined ? undefined : troubleOf(call)
  if (trouble !== undefined && trouble.does !== 'cut' && !trouble.after) return misbehave(response, trouble)
  if (call === 'get pods/log') return serveLog(world, url, response, trouble)
  const answer = call === 'registry' ? serveRegistry(world, method, url) : serveApi(world, method, url, body)
  if (trouble !== undefined && trouble.does !== 'cut') return misbehave(response, trouble)
  send(response, answer, trouble?.does === 'cut')
}

function misbehave(response: ServerResponse, trouble: Exclude<Trouble, { does: 'cut' }>): void {
  if (trouble.does === 'reset') {
    response.socket?.destroy()
    return
  }
  const { status, retryAfterSeconds } = trouble
  send(response, {
    status,
    body: { kind: 'Status', code: status, message: 'simulated trouble' },
    ...(retryAfterSeconds !== undefined && { headers: { 'retry-after': String(retryAfterSeconds) } })
  })
}

function send(response: ServerResponse, { status, body, headers }: Answer, isCut = false): void {
  const text = Buffer.from(body === undefined ? '' : JSON.stringify(body))
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': text.length, ...headers })
  if (!isCut) response.end(text)
  else response.write(text.subarray(0, text.length / 2), () => response.socket?.destroy())
}

const BELOW = new RegExp(`^/api/v1/namespaces/${NAMESPACE}/(pods|secrets)(?:/([^/]+))?(?:/(log|exec))?$`)
/** Verbs of ARC's stock Role, by resource; everything else is forbidden. */
const VERBS: Readonly<Record<string, string>> = { GET: 'get', POST: 'create', DELETE: 'delete' }

function callOf(method: string, url: URL): CallName | undefined {
  if (url.pathname.startsWith('/v2/')) return 'registry'
  const [, resource, , sub] = BELOW.exec(url.pathname) ?? []
  if (resource === undefined) return undefined
  return `${VERBS[method]} ${resource}${sub === undefined ? '' : `/${sub}`}` as CallName
}

function serveApi(world: World, method: string, url: URL, body: string): Answer {
  const [, resource, name, sub] = BELOW.exec(url.pathname) ?? []
  if (resource === undefined || sub === 'exec') return refusal(403, `forbidden: ${method} ${url.pathname}`)
  const isPods = resource === 'pods'
  const gone = refusal(404, `${resource} "${name}" not found`)
  if (method === 'POST') {
    const object = JSON.parse(body)
    const isMade = isPods ? world.createPod(object) : world.createSecret(object)
    if (isMade) return { status: 201, body: object }
    return refusal(409, `${resource} "${object.metadata.name}" already exists`, 'AlreadyExists')
  }
  if (method === 'DELETE') {
    const grace = Number(url.searchParams.get('gracePeriodSeconds') ?? '30')
    const isGone = isPods ? world.deletePod(name ?? '', grace) : world.deleteSecret(name ?? '')
    return isGone ? { status: 200, body: { kind: 'Status', status: 'Success' } } : gone
  }
  const all = isPods ? [...world.pods.values()].map(({ pod }) => pod) : [...world.secrets.values()]
  if (name === undefined) {
    const [key = '', value] = (url.searchParams.get('labelSelector') ?? '').split('=')
    return { status: 200, body: { items: all.filter(({ metadata }) => metadata?.labels?.[key] === value) } }
  }
  const found = all.find(({ metadata }) => metadata?.name === name)
  return found === undefined ? gone : { status: 200, body: found }
}

export const refusal = (status: number, message: string, reason?: string): Answer => ({
  status,
  body: { kind: 'Status', status: 'Failure', code: status, message, reason }
})

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
