/** The HTTP side of a simulated cluster: pods, secrets and logs of the API server, and the registry, with faults in between. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Answer, refusal } from './answer.ts'
import { isExec, serveExec } from './exec-answers.ts'
import { serveLog } from './log-answers.ts'
import { serveRegistry } from './registry-answers.ts'
import type { CallName, Trouble } from './story.ts'
import type { Weather } from './weather.ts'
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

export async function openDoor(world: World, { troubleOf, outage }: Weather): Promise<Door> {
  const requests: string[] = []
  let activity = 0
  const server = createServer((request, response) => {
    activity += 1
    response.on('close', () => {
      activity += 1
    })
    void serve(world, request, response, requests, troubleOf)
  })
  const connections = new Set<Socket>()
  server.on('connection', (socket) => {
    activity += 1
    connections.add(socket)
    const move = () => {
      activity += 1
    }
    socket.on('close', () => {
      move()
      connections.delete(socket)
    })
  })
  server.on('upgrade', (request, socket: Socket, head) => {
    activity += 1
    requests.push(`${request.method} ${request.url}`)
    socket.on('data', () => {
      activity += 1
    })
    socket.on('error', () => {})
    if (!isExec(new URL(request.url ?? '/', 'http://cluster'))) return void socket.destroy()
    serveExec(world, request, socket, head, () => troubleOf('get pods/exec'))
  })
  const cutAll = () => {
    for (const socket of connections) socket.destroy()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  if (outage !== undefined) {
    void world.clock.sleep(outage.fromMs, new AbortController().signal).then(cutAll)
  }
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    activity: () => activity,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        cutAll()
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
  const refusal = trouble?.does === 'reset' || trouble?.does === 'status' ? trouble : undefined
  if (refusal?.after === false) return misbehave(response, refusal)
  if (call === 'get pods/log') return serveLog(world, url, response, trouble)
  const answer = call === 'registry' ? serveRegistry(world, method, url) : serveApi(world, method, url, body)
  if (refusal !== undefined) return misbehave(response, refusal)
  // The client gives a silent connection up.
  if (trouble?.does !== 'silent') send(response, answer, trouble?.does === 'cut')
}

function misbehave(response: ServerResponse, trouble: Extract<Trouble, { does: 'reset' | 'status' }>): void {
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
  if (url.pathname === `/api/v1/namespaces/${NAMESPACE}`) return { status: 200, body: {} }
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
    const selector = url.searchParams.get('labelSelector') ?? ''
    return { status: 200, body: { items: all.filter(({ metadata }) => isSelected(metadata?.labels ?? {}, selector)) } }
  }
  const found = all.find(({ metadata }) => metadata?.name === name)
  return found === undefined ? gone : { status: 200, body: found }
}

/** `key=value` or `key`, with commas between. */
const isSelected = (labels: Readonly<Record<string, string>>, selector: string): boolean =>
  selector.split(',').every((one) => {
    const [key = '', value] = one.split('=')
    return one === '' || (value === undefined ? key in labels : labels[key] === value)
  })

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
