/** An API server with pods, Secrets and ConfigMaps that can be looked at, listed, made and deleted, and shells in the pods, for tests of what is done to which of them. */
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { V1ConfigMap, V1Pod, V1Secret } from '@kubernetes/client-node'
import { type WebSocket, WebSocketServer } from 'ws'
import { kubeconfigOf } from './api-server.ts'

const BELOW = /^\/api\/v1\/namespaces\/ci\/(pods|secrets|configmaps)(?:\/([^/]+))?(?:\/exec)?$/
const LOG = /^\/api\/v1\/namespaces\/ci\/pods\/([^/]+)\/log$/
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const

/** What runs in a container. */
export interface Program {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Its exit code, once all that it says has been read; rejects where it could not be started. */
  readonly ended: Promise<number>
}

export interface PodServer {
  readonly kubeconfig: string
  /** By their names; may be changed at any time. */
  readonly pods: Map<string, V1Pod>
  readonly secrets: Map<string, V1Secret>
  readonly configMaps: Map<string, V1ConfigMap>
  /** What a pod's containers have written, with times. */
  readonly logs: Map<string, string>
  /** All that was typed into shells of a pod. */
  typed(pod: string): string
  /** How many shells of a pod were opened, and how many of them are open. */
  shells(pod: string): { readonly opened: number; readonly open: number }
  /** `POST pods/x`, `DELETE secrets/y` of every request that changes something. */
  readonly changes: readonly string[]
  /** What is awaited before a look at a pod is answered; gives the status of a failure, if there is to be one. */
  beforeGet: (pod: string) => Promise<number | undefined>
  /** The status with which a shell in a pod is refused, if it is to be. */
  refuses: (pod: string) => number | undefined
  /** Starts a command in a container; undefined: a shell that only listens. */
  run: (pod: string, container: string, command: readonly string[]) => Program | undefined
  /** Cuts every connection of a shell. */
  cut(): void
  close(): Promise<void>
}

/** A kubeconfig for it is written into `directory`. */
export async function startPodServer(directory: string, pods: readonly V1Pod[]): Promise<PodServer> {
  const known = {
    pods: new Map(pods.map((pod) => [pod.metadata?.name ?? '', pod])),
    secrets: new Map<string, V1Secret>(),
    configMaps: new Map<string, V1ConfigMap>()
  }
  const changes: string[] = []
  const typed = new Map<string, string>()
  const opened = new Map<string, number>()
  const open = new Map<string, number>()
  const count = (counts: Map<string, number>, pod: string, by: number) => counts.set(pod, (counts.get(pod) ?? 0) + by)

  const answer = async (request: IncomingMessage): Promise<readonly [number, object]> => {
    const url = new URL(request.url ?? '', 'http://server')
    const [, resource, name = ''] = BELOW.exec(url.pathname) ?? []
    const objects = resource === 'secrets' ? known.secrets : resource === 'configmaps' ? known.configMaps : known.pods
    if (request.method === 'POST') {
      const body = JSON.parse(await textOf(request))
      changes.push(`POST ${resource}/${body.metadata.name}`)
      if (objects.has(body.metadata.name))
        return [409, { kind: 'Status', reason: 'AlreadyExists', message: 'is there' }]
      objects.set(body.metadata.name, body)
      return [201, body]
    }
    if (request.method === 'DELETE') {
      changes.push(`DELETE ${resource}/${name}`)
      return objects.delete(name) ? [200, {}] : [404, {}]
    }
    if (resource !== undefined && name === '') {
      const [key = '', value] = (url.searchParams.get('labelSelector') ?? '').split('=')
      return [
        200,
        { items: [...objects.values()].filter(({ metadata }) => key === '' || metadata?.labels?.[key] === value) }
      ]
    }
    const failure = await server.beforeGet(name)
    if (failure !== undefined) return [failure, { message: 'trouble' }]
    const found = objects.get(name)
    return found === undefined ? [404, { message: 'not found' }] : [200, found]
  }
  const logs = new Map<string, string>()
  const http = createServer((request, response) => {
    const [, pod = ''] = LOG.exec(new URL(request.url ?? '', 'http://server').pathname) ?? []
    const log = logs.get(pod)
    if (log !== undefined) return void response.end(log)
    void answer(request).then(([status, body]) => response.writeHead(status).end(JSON.stringify(body)))
  })
  const sockets = new WebSocketServer({
    server: http,
    handleProtocols: () => 'v5.channel.k8s.io',
    verifyClient: ({ req }, answer) => {
      const [, , pod = ''] = BELOW.exec(new URL(req.url ?? '', 'http://server').pathname) ?? []
      const status = server.refuses(pod)
      answer(status === undefined, status)
    }
  })
  sockets.on('connection', (socket, request) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://server')
    const [, , pod = ''] = BELOW.exec(pathname) ?? []
    count(opened, pod, 1)
    count(open, pod, 1)
    socket.on('message', (data: Buffer) => {
      if (data[0] === CHANNEL.stdin) typed.set(pod, (typed.get(pod) ?? '') + data.subarray(1).toString('utf8'))
    })
    const program = server.run(pod, searchParams.get('container') ?? '', searchParams.getAll('command'))
    if (program !== undefined) connect(socket, program)
    socket.on('close', () => count(open, pod, -1))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const kubeconfig = join(directory, 'kubeconfig')
  const { port } = http.address() as AddressInfo
  await writeFile(kubeconfig, JSON.stringify(kubeconfigOf(`http://127.0.0.1:${port}`)))
  const server: PodServer = {
    kubeconfig,
    ...known,
    logs,
    typed: (pod) => typed.get(pod) ?? '',
    shells: (pod) => ({ opened: opened.get(pod) ?? 0, open: open.get(pod) ?? 0 }),
    changes,
    beforeGet: async () => undefined,
    refuses: () => undefined,
    run: () => undefined,
    cut() {
      for (const socket of sockets.clients) socket.terminate()
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    }
  }
  return server
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** As a kubelet does it (v5.channel.k8s.io). */
function connect(socket: WebSocket, { stdin, stdout, stderr, ended }: Program): void {
  const say = (channel: number) => (chunk: Buffer) => socket.send(Buffer.concat([Buffer.of(channel), chunk]))
  stdout.on('data', say(CHANNEL.stdout))
  stderr.on('data', say(CHANNEL.stderr))
  // It may end before it has read everything.
  stdin.on('error', () => {})
  socket.on('message', (data: Buffer) => {
    if (data[0] === CHANNEL.stdin) stdin.write(data.subarray(1))
    if (data[0] === CHANNEL.close) stdin.end()
  })
  socket.on('close', () => stdin.end())
  const end = (status: object) => say(CHANNEL.status)(Buffer.from(JSON.stringify(status)))
  const started = ended.catch(({ message }: Error) => end({ status: 'Failure', reason: 'InternalError', message }))
  void started.then((exitCode) => {
    if (typeof exitCode !== 'number') return
    const causes = [{ reason: 'ExitCode', message: String(exitCode) }]
    const status = exitCode === 0 ? { status: 'Success' } : { status: 'Failure', details: { causes } }
    end(status)
  })
}
