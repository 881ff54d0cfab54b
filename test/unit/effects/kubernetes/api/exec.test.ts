/** Goal: an exec ends when its command has ended or its connection is dead, never before. Method: a real websocket server. */
import type { AddressInfo } from 'node:net'
import { PassThrough, type Readable } from 'node:stream'
import { KubeConfig } from '@kubernetes/client-node'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { exec } from '../../../../../src/effects/kubernetes/api/exec.ts'

const STDERR = 2
const STATUS = 3
const never = new AbortController().signal
let server: WebSocketServer

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
  for (const client of server.clients) client.terminate()
  server.close()
})

/** Starts an exec whose server behaves as `behave` says; `options` are those of the server. */
async function start(behave: (socket: WebSocket) => void, options: object = {}, stdin?: Readable) {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'v5.channel.k8s.io', ...options })
  await new Promise((resolve) => server.once('listening', resolve))
  const opened = new Promise<WebSocket>((resolve) => server.once('connection', resolve))
  const access = new KubeConfig()
  const { port } = server.address() as AddressInfo
  access.loadFromClusterAndUser({ name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }, { name: 'u' })
  const stdout = new PassThrough()
  const request = {
    access,
    namespace: 'n',
    pod: 'p',
    container: 'job',
    command: ['sh'],
    stdout,
    ...(stdin && { stdin })
  }
  let isSettled = false
  const result = exec(request, never).finally(() => {
    isSettled = true
  })
  result.catch(() => {})
  const socket = await opened
  behave(socket)
  // The other side knows a moment later that it is connected, and may have ended already.
  await vi.waitFor(() => expect(isSettled || vi.getTimerCount() > 0).toBe(true))
  return { result, socket, stdout, isSettled: () => isSettled }
}

/** Lets `seconds` pass, with time for the network after each ping. */
async function pass(seconds: number, step: () => void = () => {}): Promise<void> {
  for (let at = 0; at < seconds; at += 5) {
    vi.advanceTimersByTime(5_000)
    step()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const finish = (socket: WebSocket, status: object) =>
  socket.send(Buffer.concat([Buffer.of(STATUS), Buffer.from(JSON.stringify(status))]))

test.each([
  [{ status: 'Success' }, 0],
  [{ status: 'Failure', details: { causes: [{ reason: 'ExitCode', message: '7' }] } }, 7]
])('ends with the exit code of a status: %j', async (status, exitCode) => {
  const { result } = await start((socket) => finish(socket, status))
  expect(await result).toMatchObject({ exitCode })
})

test('keeps the first 4 KiB of what the command says on stderr, and not more', async () => {
  const { result } = await start((socket) => {
    for (const letter of ['a', 'b', 'c'])
      socket.send(Buffer.concat([Buffer.of(STDERR), Buffer.from(letter.repeat(2_500))]))
    finish(socket, { status: 'Success' })
  })
  expect((await result).stderr).toBe('a'.repeat(2_500) + 'b'.repeat(1_596))
})

test('ends when whoever reads its output goes away, with an error or without', async () => {
  for (const error of [undefined, new Error('enough')]) {
    const { result, stdout } = await start((socket) => {
      const writing = setInterval(() => socket.send(Buffer.concat([Buffer.of(1), Buffer.alloc(1_000)])), 5)
      socket.on('close', () => clearInterval(writing))
    })
    await vi.waitFor(() => expect(stdout.writableLength + stdout.readableLength).toBeGreaterThan(0))
    stdout.destroy(error)
    await expect(result).rejects.toThrow(error?.message ?? 'nobody reads')
  }
})

test('is cut off when what it is sent cannot be read, so that the command never takes a part for the whole', async () => {
  const stdin = new PassThrough()
  const received: number[] = []
  const { result, socket } = await start(
    (client) => client.on('message', (data: Buffer) => received.push(data[0] ?? -1)),
    {},
    stdin
  )
  const closed = new Promise((resolve) => socket.once('close', resolve))
  stdin.write('a part')
  await vi.waitFor(() => expect(received).toEqual([0]))
  stdin.destroy(new Error('the file is gone'))
  await closed
  expect(received).toEqual([0])
  await expect(result).rejects.toMatchObject({ code: 'cluster-unreachable' })
})

test('is not done without a status, however politely the connection is closed', async () => {
  const { result, stdout } = await start((socket) => socket.close(1000))
  await expect(result).rejects.toMatchObject({ code: 'cluster-unreachable' })
  expect(stdout.destroyed, 'what has arrived must not be taken for all there is').toBe(true)
})

test('is given up when nothing answers its pings for more than 20 s, but not sooner', async () => {
  const { result, isSettled } = await start(() => {}, { autoPong: false })
  await pass(20)
  expect(isSettled()).toBe(false)
  await pass(5)
  await expect(result).rejects.toMatchObject({ code: 'cluster-unreachable' })
})

test('is given up when pings are answered and nothing else has come for more than a minute', async () => {
  const { result, isSettled } = await start(() => {})
  await pass(60)
  expect(isSettled()).toBe(false)
  await pass(5)
  await expect(result).rejects.toMatchObject({ code: 'cluster-unreachable' })
})

test('goes on for as long as something comes, and pings no more once it has ended', async () => {
  const pings = vi.fn()
  const { result, socket } = await start((opened) => opened.on('ping', pings))
  await pass(300, () => socket.send(Buffer.from([1, 65])))
  finish(socket, { status: 'Success' })
  expect(await result).toMatchObject({ exitCode: 0 })
  const { length } = pings.mock.calls
  expect(length).toBeGreaterThan(50)
  await pass(30)
  expect(pings.mock.calls).toHaveLength(length)
})
