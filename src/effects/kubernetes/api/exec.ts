/**
 * One command in a running container over a websocket, with streams that wait for each other, for files, scripts and questions.
 *
 * The client library's own Exec neither reports a dropped socket, nor slows the sender down, nor takes a signal
 * (docs/adr/0004-kubernetes-client.md), so only its configuration and authentication are used here.
 */
import type { RequestOptions } from 'node:https'
import type { Readable, Writable } from 'node:stream'
import type { V1Status } from '@kubernetes/client-node'
import { WebSocket } from 'ws'
import { StepError } from '../../../errors.ts'
import { keepFirst } from '../../capture.ts'
import { every } from '../../system.ts'
import type { ContainerAddress } from './container.ts'
import { apiPath } from './path.ts'

/** v5 can say that stdin has ended (KEP-4006, Kubernetes 1.30). */
const PROTOCOL = 'v5.channel.k8s.io'
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const
const HANDSHAKE_TIMEOUT_MS = 10_000
const STDERR_BYTES_MAX = 4_096
/** Above this many unsent bytes the source is paused. */
const SEND_BUFFER_BYTES_MAX = 4 * 1024 * 1024
const PING_INTERVAL_MS = 5_000
/** A peer that answers no ping for this long is gone. */
const SILENCE_MS_MAX = 20_000
/** A connection over which nothing has moved for this long is given up, although something answers pings. */
const IDLE_MS_MAX = 60_000

export interface ExecRequest extends ContainerAddress {
  readonly command: readonly string[]
  readonly stdin?: Readable | undefined
  readonly stdout?: Writable | undefined
}

/** Of a program that was killed, mostly with its container. */
export const KILLED_EXIT_CODE = 137

export interface ExecResult {
  readonly exitCode: number
  /** The first bytes of stderr, for the operator. */
  readonly stderr: string
}

/** The container is not there yet, or no more: whoever called may look at the pod and try again. */
export class ExecRefused extends Error {
  override readonly name = 'ExecRefused'

  /** `status`: in the API server's answer; undefined when there was none. */
  constructor(
    message: string,
    readonly status?: number | undefined
  ) {
    super(message)
  }
}

/** What runc, crun and gVisor say of an image without `sh`. They name it; "no such file" alone is said of much that passes. */
const NO_SHELL = /exec: "?sh\b|["`]sh["`].*(not found|no such file or directory)/is

/** True for an image in which no shell can ever have been started, and nothing that needs one. */
export const isWithoutShell = (error: unknown): error is ExecRefused =>
  error instanceof ExecRefused && NO_SHELL.test(error.message)

/** True where there is nothing by the absolute path of a program that was to be started, in the same runtimes' words. */
export const isWithoutProgram = (error: unknown, path: string): error is ExecRefused =>
  error instanceof ExecRefused &&
  error.message.includes(path) &&
  /not found|no such file or directory/i.test(error.message)

export const isExecForbidden = (error: unknown): error is ExecRefused =>
  error instanceof ExecRefused && error.status === 403

/** `cluster-forbidden`: by the Role, or by an admission policy, which exec cannot tell apart. */
export const execForbidden = (cause: ExecRefused, namespace: string): StepError =>
  new StepError(
    'cluster-forbidden',
    `the runner's service account may not create pods/exec in namespace ${namespace}: grant it with a Role (apiGroups [""], resources [pods/exec], verbs [get, create])`,
    { cause }
  )

/**
 * Runs the command to its end. Rejects with ExecRefused when the container cannot be reached, and with
 * `cluster-unreachable` when the connection is lost before the command's status arrived: never counts silence as success.
 */
export async function exec(request: ExecRequest, signal: AbortSignal): Promise<ExecResult> {
  signal.throwIfAborted()
  const { address, options } = await addressOf(request)
  const socket = new WebSocket(address, [PROTOCOL], { ...options, handshakeTimeout: HANDSHAKE_TIMEOUT_MS })
  const abort = () => socket.terminate()
  signal.addEventListener('abort', abort, { once: true })
  try {
    const opening = opened(socket)
    // Listens from the start: the first frames may come in one piece with the answer that opens the connection.
    const finished = receive(socket, request)
    finished.catch(() => {})
    await opening
    const stopHeartbeat = keepAlive(socket)
    try {
      if (request.stdin !== undefined) sendAll(socket, request.stdin)
      return await finished
    } finally {
      stopHeartbeat()
    }
  } catch (error) {
    // Nobody may take what has arrived for all there is, or wait for more.
    request.stdout?.on('error', () => {}).destroy(error as Error)
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
    socket.terminate()
  }
}

async function addressOf(request: ExecRequest): Promise<{ address: string; options: RequestOptions }> {
  const server = request.access.getCurrentCluster()?.server ?? ''
  const query = new URLSearchParams({
    container: request.container,
    stdin: String(request.stdin !== undefined),
    stdout: String(request.stdout !== undefined),
    stderr: 'true'
  })
  for (const word of request.command) query.append('command', word)
  const options: RequestOptions = {}
  await request.access.applyToHTTPSOptions(options)
  const path = apiPath({ namespace: request.namespace, resource: 'pods', name: request.pod, part: 'exec' })
  return { address: `${server.replace(/^http/, 'ws').replace(/\/$/, '')}${path}?${query}`, options }
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('unexpected-response', (_request, response) => {
      const { statusCode } = response
      reject(new ExecRefused(`the API server answered exec with status ${statusCode}`, statusCode))
      response.resume()
      socket.terminate()
    })
    // Stays attached: an error after the first one must not become an uncaught exception.
    socket.on('error', (error) => reject(new ExecRefused(error.message)))
  })
}

/** Pings, and ends the connection when nothing comes back or nothing moves; returns how to stop. */
function keepAlive(socket: WebSocket): () => void {
  let silentMs = 0
  let idleMs = 0
  let unsentBytes = 0
  socket.on('message', () => {
    silentMs = 0
    idleMs = 0
  })
  socket.on('pong', () => {
    silentMs = 0
  })
  return every(PING_INTERVAL_MS, () => {
    silentMs += PING_INTERVAL_MS
    idleMs = socket.bufferedAmount === unsentBytes ? idleMs + PING_INTERVAL_MS : 0
    unsentBytes = socket.bufferedAmount
    if (silentMs > SILENCE_MS_MAX || idleMs > IDLE_MS_MAX) socket.terminate()
    else socket.ping()
  })
}

function receive(socket: WebSocket, request: ExecRequest): Promise<ExecResult> {
  const { stdout } = request
  const stderr = keepFirst(STDERR_BYTES_MAX)
  let status: V1Status | undefined
  return new Promise((resolve, reject) => {
    stdout?.on('error', reject)
    // Whoever reads may stop without an error of its own, and a stream that is gone never asks for more.
    stdout?.once('close', () => reject(new Error(`nobody reads what the command in ${request.pod} writes`)))
    socket.on('message', (data: Buffer) => {
      const payload = data.subarray(1)
      if (data[0] === CHANNEL.stdout && stdout !== undefined) {
        if (!stdout.write(payload)) {
          socket.pause()
          stdout.once('drain', () => socket.resume())
        }
      } else if (data[0] === CHANNEL.stderr) {
        stderr.add(payload)
      } else if (data[0] === CHANNEL.status) {
        status = JSON.parse(payload.toString('utf8')) as V1Status
        socket.close()
      }
    })
    socket.on('close', (code) => {
      const text = stderr.text().trim()
      if (status === undefined) {
        reject(
          new StepError('cluster-unreachable', `the connection to ${request.pod} was lost (code ${code})`, {
            detail: text
          })
        )
        return
      }
      const exitCode = exitCodeOf(status)
      if (exitCode === undefined) {
        reject(new ExecRefused(status.message ?? 'exec failed', status.code))
        return
      }
      const settle = () => resolve({ exitCode, stderr: text })
      if (stdout === undefined) settle()
      else stdout.end(settle)
    })
  })
}

/** The exit code in the status of a finished command; undefined when there is none, because no command was run. */
function exitCodeOf(status: V1Status): number | undefined {
  if (status.status === 'Success') return 0
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')
  return cause === undefined ? undefined : Number(cause.message)
}

/** Sends a stream to the command's stdin and closes it, pausing the stream while the network is slower. */
function sendAll(socket: WebSocket, stdin: Readable): void {
  stdin.on('data', (chunk: Buffer) => {
    if (socket.readyState !== WebSocket.OPEN) return
    const resume = () => {
      if (stdin.isPaused() && socket.bufferedAmount <= SEND_BUFFER_BYTES_MAX) stdin.resume()
    }
    socket.send(Buffer.concat([Buffer.of(CHANNEL.stdin), chunk]), resume)
    if (socket.bufferedAmount > SEND_BUFFER_BYTES_MAX) stdin.pause()
  })
  stdin.once('end', () => {
    if (socket.readyState === WebSocket.OPEN) socket.send(Buffer.of(CHANNEL.close, CHANNEL.stdin))
  })
  // The archive could not be read: cut the connection, so that the receiver never sees a complete stream.
  stdin.once('error', () => socket.terminate())
}
