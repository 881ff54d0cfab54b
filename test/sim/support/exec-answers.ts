/** How the simulated API server runs a command in a container: over a websocket, as kubelets do (v5.channel.k8s.io), with faults in between. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Program } from './container.ts'
import type { Trouble } from './story.ts'
import type { World } from './world.ts'

const PROTOCOL = 'v5.channel.k8s.io'
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const
const EXEC = /\/pods\/([^/]+)\/exec$/

export const isExec = (url: URL): boolean => EXEC.test(url.pathname)

const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => PROTOCOL })

/** Only who reaches a container meets trouble: how often hooks knock before it is up is nobody's story. */
export function serveExec(
  world: World,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  meet: () => Trouble | undefined
): void {
  const url = new URL(request.url ?? '/', 'http://cluster')
  const [, pod = ''] = EXEC.exec(url.pathname) ?? []
  const container = url.searchParams.get('container') ?? ''
  const life = world.pods.get(pod)
  const trouble = life?.containers.has(container) ? meet() : undefined
  const program = isRefused(trouble) ? undefined : life?.run(container, url.searchParams.getAll('command'))
  if (program === undefined) {
    if (trouble?.does === 'reset') socket.destroy()
    else if (trouble?.does === 'status') refuse(socket, trouble.status, 'simulated trouble')
    else if (life === undefined) refuse(socket, 404, `pods "${pod}" not found`)
    else refuse(socket, 500, `container not found ("${container}")`)
    return
  }
  if (url.searchParams.get('stdin') !== 'true') program.stdin.end()
  sockets.handleUpgrade(request, socket, head, (connection) => {
    connect(connection, socket, program, trouble)
  })
}

const isRefused = (trouble: Trouble | undefined): boolean =>
  trouble?.does === 'status' || (trouble?.does === 'reset' && !trouble.after)

function refuse(socket: Duplex, status: number, message: string): void {
  const body = JSON.stringify({ kind: 'Status', code: status, message })
  socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`)
}

function connect(connection: WebSocket, socket: Duplex, program: Program, trouble: Trouble | undefined): void {
  const gate = createGate(trouble, {
    cut: () => connection.terminate(),
    silence: () => socket.pause(),
    loseInput: () => void program.stdin.end()
  })
  connection.on('error', () => {})
  const show = (channel: number) => (chunk: Buffer) => {
    const part = gate.pass('stdout', chunk)
    if (part.length > 0) send(connection, channel, part)
    gate.check()
  }
  program.stdout.on('data', show(CHANNEL.stdout))
  program.stderr.on('data', show(CHANNEL.stderr))
  connection.on('message', (data: Buffer) => {
    if (data[0] === CHANNEL.close) program.stdin.end()
    if (data[0] !== CHANNEL.stdin) return
    const part = gate.pass('stdin', data.subarray(1))
    if (part.length > 0 && !program.stdin.writableEnded) program.stdin.write(part)
    gate.check()
  })
  // What it writes from here on goes nowhere.
  connection.on('close', () => program.stdin.end())
  if (trouble?.does === 'reset') connection.terminate()
  gate.check()
  void program.ended.then((exitCode) => {
    if (gate.isSilent()) return
    send(connection, CHANNEL.status, Buffer.from(JSON.stringify(statusOf(exitCode))))
    connection.close()
  })
}

function send(connection: WebSocket, channel: number, payload: Buffer): void {
  if (connection.readyState === connection.OPEN) connection.send(Buffer.concat([Buffer.of(channel), payload]))
}

const statusOf = (exitCode: number): object =>
  exitCode === 0
    ? { status: 'Success' }
    : {
        status: 'Failure',
        reason: 'NonZeroExitCode',
        message: `command terminated with non-zero exit code: ${exitCode}`,
        details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] }
      }

/** Counts what goes through a connection, and does to it what a fault says. */
function createGate(trouble: Trouble | undefined, does: Readonly<Record<'cut' | 'silence' | 'loseInput', () => void>>) {
  let left = trouble !== undefined && 'afterBytes' in trouble ? trouble.afterBytes : Number.POSITIVE_INFINITY
  const counts = (way: 'stdin' | 'stdout') => trouble?.does !== 'lose' || trouble.what === way
  return {
    /** What of it gets through. */
    pass(way: 'stdin' | 'stdout', chunk: Buffer): Buffer {
      if (!counts(way)) return chunk
      const part = chunk.subarray(0, left)
      left -= part.length
      return part
    },
    check() {
      if (left > 0) return
      if (trouble?.does === 'cut') does.cut()
      if (trouble?.does === 'silent') does.silence()
      if (trouble?.does === 'lose' && trouble.what === 'stdin') does.loseInput()
    },
    isSilent: () => trouble?.does === 'silent' && left <= 0
  }
}
