/** Goal: what is not known to be Alpine, or not to be, is asked again. Method: a websocket server that answers as a kubelet does. */
import type { AddressInfo } from 'node:net'
import { KubeConfig } from '@kubernetes/client-node'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import type { Site } from '../../../../../src/effects/kubernetes/context/site.ts'
import { isAlpine, isAlpineOnceUp } from '../../../../../src/effects/kubernetes/job/inspect.ts'

const [STDOUT, STATUS] = [1, 3]
const never = new AbortController().signal
const ref = { pod: 'p', nonce: 'n' }
const SUCCESS = { status: 'Success' }
let server: WebSocketServer
afterEach(() => server.close())

interface Answer {
  /** What a release file says; undefined: all output is lost. */
  readonly release?: string
  readonly status: object
}

/** Answers so, one exec after the other; the last answer is that of all further ones, too. */
async function siteWith(...answers: readonly Answer[]): Promise<{ site: Site; asked: () => number }> {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'v5.channel.k8s.io' })
  await new Promise((resolve) => server.once('listening', resolve))
  let asked = 0
  server.on('connection', (socket, request) => {
    const { release, status } = answers[Math.min(asked, answers.length - 1)] as Answer
    asked += 1
    const send = (channel: number, text: string) => socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(text)]))
    // What the script prints at the end is in the script itself.
    const script = new URL(request.url ?? '', 'http://kubelet').searchParams.getAll('command')[2] ?? ''
    const lastWord = /echo '([^']+)'$/.exec(script)?.[1]
    if (release !== undefined) send(STDOUT, `${release}\n${lastWord}\n`)
    send(STATUS, JSON.stringify(status))
  })
  const access = new KubeConfig()
  const { port } = server.address() as AddressInfo
  access.loadFromClusterAndUser({ name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }, { name: 'u' })
  const site = { cluster: { access, namespace: 'n' }, clock: { sleep: async () => {} } } as unknown as Site
  return { site, asked: () => asked }
}

describe('whether a job container is Alpine', () => {
  test.each([
    ['NAME="Alpine Linux"\nID=alpine\n', true],
    ["ID='alpine'\n", true],
    ['ID=debian\nID_LIKE=alpine\n', false],
    ['', false]
  ])('is read from its release files: %j', async (release, expected) => {
    const { site } = await siteWith({ release, status: SUCCESS })
    expect(await isAlpine(site, ref, never)).toBe(expected)
  })

  test.each([
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": executable file not found in $PATH: unknown',
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": stat sh: no such file or directory: unknown',
    'exec failed: executable file `sh` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found',
    'error finding executable "sh" in PATH [/usr/bin /bin]: no such file or directory'
  ])('is no where there is no shell: %s', async (message) => {
    const { site } = await siteWith({ status: { status: 'Failure', message } })
    expect(await isAlpine(site, ref, never)).toBe(false)
  })

  test.each([
    { status: SUCCESS },
    {
      status: {
        status: 'Failure',
        message: 'failed to create shim task: open /run/containerd/x: no such file or directory'
      }
    }
  ])('is not known, and may be asked again, after %j', async (answer) => {
    const { site } = await siteWith(answer)
    await expect(isAlpine(site, ref, never)).rejects.toMatchObject({ code: 'cluster-unreachable', retryable: true })
  })

  test('is asked until it is known, while the container comes up', async () => {
    const lost = { status: SUCCESS }
    const { site, asked } = await siteWith(lost, lost, { release: 'ID=alpine', status: SUCCESS })
    expect(await isAlpineOnceUp(site, ref, never)).toBe(true)
    expect(asked()).toBe(3)
  })
})
