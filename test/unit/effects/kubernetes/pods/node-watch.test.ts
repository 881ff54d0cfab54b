/** Goal: a node that does not answer is told once, and once that it is back. Method: a server that answers for it or not, a clock that costs no time. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createNodeWatch } from '../../../../../src/effects/kubernetes/pods/node-watch.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'

/** What the API server answers when it is asked for a log: what the kubelet says, its own failure, nothing; or it is gone itself. */
type Answer = number | 'hangs' | 'gone'

/** What is said in one call after the other, for as many questions as there are answers in each. */
async function watch(...calls: readonly (readonly Answer[])[]): Promise<readonly string[]> {
  const left = calls.map((answers) => [...answers])
  const said: string[] = []
  const limits = new Set<() => void>()
  let [nowMs, isGone] = [0, false]
  const server = createServer(({ url = '', socket }, response) => {
    if (!url.includes('/log?')) {
      if (isGone) socket.destroy()
      else response.end(JSON.stringify({ spec: { nodeName: 'n2' } }))
      return
    }
    const answer = left[0]?.shift() ?? 200
    isGone = answer === 'gone'
    if (answer === 'gone') socket.destroy()
    else if (answer === 'hangs') for (const end of limits) end()
    else response.writeHead(answer).end(answer === 200 ? 'x' : '{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const access = {
    getCurrentCluster: () => {
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      return { name: 'test', server: address, skipTLSVerify: true }
    },
    async applyToHTTPSOptions() {}
  }
  let stop = new AbortController()
  const clock = {
    now: () => nowMs,
    jitter: (ms: number) => ms,
    async sleep(ms: number, signal: AbortSignal) {
      // The pause between two questions has the caller's own signal. What limits a question ends only where that hangs.
      if (signal !== stop.signal) {
        await new Promise<void>((resolve, reject) => {
          limits.add(resolve)
          signal.addEventListener('abort', () => {
            limits.delete(resolve)
            reject(signal.reason)
          })
        })
      } else if (left[0]?.length === 0) stop.abort()
      signal.throwIfAborted()
      nowMs += ms
    }
  }
  const reporter = {
    ...createReporter(() => {}),
    aside: (text: string) => void said.push(`${nowMs / 1_000} s: ${text}`)
  }
  const run = createNodeWatch({ clock, reporter }, { access, namespace: 'ci', pod: 'p', container: 'job' })
  while (left.length > 0) {
    stop = new AbortController()
    await run(stop.signal)
    left.shift()
  }
  return said
}

const AWAY = 'Node n2 does not answer: what runs there in pod p may go on, and is waited for'

test('nothing is said of a node that answers, and a refusal is an answer', async () => {
  expect(await watch([200, 200, 403, 400, 404, 200])).toEqual([])
})

test.each<[string, Answer, string]>([
  ['the API server cannot reach it', 502, '8 s'],
  ['the API server says that it failed', 500, '8 s'],
  ['nothing comes back', 'hangs', '16 s']
])('a node is told once to be away, and once to be back, when %s', async (_how, answer, at) => {
  const said = await watch([answer, answer, answer, answer, 200, 200])
  expect(said).toEqual([`${at}: ${AWAY}`, expect.stringMatching(/: The node of pod p answers again, after \d+ s$/)])
})

test('each outage has its two lines', async () => {
  expect(await watch([502, 200, 200, 'hangs', 502, 200])).toHaveLength(4)
})

test('one outage over several connections has two lines', async () => {
  expect(await watch([200, 502], [502], [502, 200])).toHaveLength(2)
})

test('an API server that does not answer says nothing of the node', async () => {
  expect(await watch(['gone', 'gone', 200])).toEqual([])
})
