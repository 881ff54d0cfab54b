/** A proxy in the runner pod that stands between the hook and the API server, and drops connections when it is told to. */
import { readFile } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import { eventually } from './kubectl.ts'
import { HOME, NODE, PROXIED_API_SERVER, type RunnerPod } from './runner-pod.ts'

const PORT = 18_443
const ORDER_TIMEOUT_MS = 10_000
/** Longer than the tests of one runner pod. */
const LIFE_MS_MAX = 30 * 60_000

export interface TcpProxy {
  /** Leads the hook through the proxy. */
  readonly env: Readonly<Record<string, string>>
  /** Gives orders, which cutting-proxy.cjs describes; resolves when they hold. */
  order(...lines: readonly string[]): Promise<void>
  /** How often connections were dropped until now. */
  cuts(): number
  stop(): Promise<void>
}

export async function startProxy(pod: RunnerPod): Promise<TcpProxy> {
  const program = await readFile(new URL('./cutting-proxy.cjs', import.meta.url), 'utf8')
  await pod.write(HOME, { 'cutting-proxy.cjs': program })
  const said: string[] = []
  const orders = new PassThrough()
  const running = pod.exec([NODE, `${HOME}/cutting-proxy.cjs`, String(PORT)], {
    input: orders,
    timeoutMs: LIFE_MS_MAX,
    onLine: ({ text }) => said.push(text)
  })
  await eventually('the proxy', ORDER_TIMEOUT_MS, async () => said.includes('listening'))
  return {
    env: { KUBERNETES_SERVICE_HOST: PROXIED_API_SERVER, KUBERNETES_SERVICE_PORT: String(PORT) },
    async order(...lines) {
      const done = () => said.filter((line) => line.startsWith('did ')).length
      const before = done()
      orders.write(lines.map((line) => `${line}\n`).join(''))
      await eventually(`the proxy's ${lines.join(', ')}`, ORDER_TIMEOUT_MS, async () => done() >= before + lines.length)
    },
    cuts: () => said.filter((line) => line.startsWith('cut ')).length,
    async stop() {
      orders.end()
      await running
    }
  }
}
