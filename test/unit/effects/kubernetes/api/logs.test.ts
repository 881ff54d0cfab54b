/** A followed log over connections that are cut anywhere: every byte once, in order. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KubeConfig } from '@kubernetes/client-node'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { createLogReader, logTail } from '../../../../../src/effects/kubernetes/api/logs.ts'

interface Line {
  readonly timestamp: string
  readonly text: string
}

let server: Server | undefined
afterEach(() => server?.close())

const never = new AbortController().signal

/** Serves a log as the kubelet does; `cuts` says after how many bytes of a body each connection is torn down. */
async function serve(lines: readonly Line[], cuts: readonly number[]): Promise<KubeConfig> {
  let connection = 0
  server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams
    // Whole seconds only, as metav1.Time has them.
    const since = (query.get('sinceTime') ?? '').slice(0, 19)
    const body = lines
      .filter(({ timestamp }) => timestamp.slice(0, 19) >= since)
      .map(({ timestamp, text }) => `${timestamp} ${text}`)
      .join('')
    const cut = cuts[connection]
    connection += 1
    response.writeHead(200)
    if (cut === undefined || cut >= body.length) response.end(body)
    else response.write(body.slice(0, cut), () => response.destroy())
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const config = new KubeConfig()
  const { port } = server.address() as AddressInfo
  config.loadFromClusterAndUser({ name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }, { name: 'u' })
  return config
}

const source = (config: KubeConfig) => ({ access: config, namespace: 'n', pod: 'p', container: 'c' })

async function readAll(config: KubeConfig, connections: number): Promise<string> {
  let text = ''
  const reader = createLogReader(source(config), (chunk) => {
    text += chunk.toString('latin1')
  })
  for (let attempt = 0; attempt < connections; attempt += 1)
    if ((await reader.read(true, never)) === 'whole') return text
  throw new Error('the log never came to its end')
}

const at = (second: number, nano: number) => `2026-01-01T00:00:0${second}.${String(nano).padStart(9, '0')}Z`

const parts = fc.array(fc.record({ second: fc.nat(3), nano: fc.nat(2), text: fc.stringMatching(/^[a-z ]{0,12}$/) }), {
  maxLength: 12
})
const asWritten = (lines: readonly { second: number; nano: number; text: string }[]): Line[] =>
  lines.map(({ second, nano, text }) => ({ timestamp: at(second, nano), text: `${text}\n` }))
/** Some lines share a timestamp, some are empty, the last one may have no newline. */
const logs = parts.map((lines) =>
  asWritten(lines).sort((a, b) => (a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0))
)
/** Stamped by two writers, before they take turns in writing. */
const unordered = parts.map((lines) => asWritten(lines.map((line) => ({ ...line, second: 1 }))))

test.each([
  ['', logs],
  [' in a log whose lines are not in the order of their timestamps', unordered]
])('nothing is lost and nothing is doubled, wherever connections are cut%s', async (_, written) => {
  await fc.assert(
    fc.asyncProperty(
      written,
      fc.array(fc.nat(200), { maxLength: 4 }),
      fc.boolean(),
      async (lines, cuts, isOpenEnded) => {
        const last = lines.at(-1)
        const served = isOpenEnded && last ? [...lines.slice(0, -1), { ...last, text: last.text.trimEnd() }] : lines
        const config = await serve(served, cuts)
        try {
          expect(await readAll(config, cuts.length + 1)).toBe(served.map(({ text }) => text).join(''))
        } finally {
          server?.close()
        }
      }
    ),
    { numRuns: 60 }
  )
})

// A server that is asked again starts at a whole second, so that all of these lines come again.
test.each([
  ['moment', () => 7],
  ['second', (line: number) => line]
])('more lines of one %s than are remembered one by one pass once each', async (_, nano) => {
  const lines = Array.from({ length: 350 }, (_, line) => ({ timestamp: at(1, nano(line)), text: `${line}\n` }))
  const config = await serve(lines, [9_000, 2_000])
  expect(await readAll(config, 3)).toBe(lines.map(({ text }) => text).join(''))
})

test('a line longer than any buffer passes whole', async () => {
  const text = `${'x'.repeat(3_000_000)}\n`
  const config = await serve([{ timestamp: at(0, 1), text }], [1_500_000])
  expect(await readAll(config, 2)).toBe(text)
})

test('the end of a long line that comes without its beginning is not taken for something new', async () => {
  const long = `${'x'.repeat(20_000)}${'y'.repeat(200)}\n`
  const bodies = [
    `${at(0, 1)} ${long}${at(3, 5)} la`,
    // As a kubelet answers when it is asked from second 3 on, and the rest of the long line was written then.
    `${long.slice(16_384)}${at(3, 5)} last\n`
  ]
  let connection = 0
  server = createServer((_request, response) => {
    const body = bodies[connection] ?? ''
    connection += 1
    if (connection === bodies.length) response.end(body)
    else response.write(body, () => setTimeout(() => response.destroy(), 20))
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const config = new KubeConfig()
  const { port } = server.address() as AddressInfo
  config.loadFromClusterAndUser({ name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }, { name: 'u' })
  expect(await readAll(config, 2)).toBe(`${long}last\n`)
})

test('a server that refuses is not the end of the log', async () => {
  const config = new KubeConfig()
  config.loadFromClusterAndUser({ name: 'c', server: 'http://127.0.0.1:9', skipTLSVerify: true }, { name: 'u' })
  const reader = createLogReader(source(config), () => {})
  expect(await reader.read(true, never)).toBe('cut')
  expect(await logTail(source(config), { lines: 5, previous: false }, never)).toBe('')
})
