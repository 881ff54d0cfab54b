/** Goal: a program that runs is followed to its end however often nobody answers. Method: a clock that is fast, a log that is cut. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KubeConfig, type V1Pod } from '@kubernetes/client-node'
import { afterEach, describe, expect, test } from 'vitest'
import type { Cluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import { followToEnd, waitForPod } from '../../../../../src/effects/kubernetes/pods/wait.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { systemClock } from '../../../../../src/effects/system.ts'
import { StepError } from '../../../../../src/errors.ts'
import type { Clock } from '../../../../../src/machines/ports.ts'

/** So many times as fast as real time. */
const clockOf = (speed: number): Clock => ({
  now: () => systemClock.now() * speed,
  sleep: (ms, signal) => systemClock.sleep(Math.max(1, ms / speed), signal),
  jitter: (ms) => ms
})
const never = new AbortController().signal
const unreachable = () => new StepError('cluster-unreachable', 'the Kubernetes API did not answer get pods')

const podWith = (state: object): V1Pod => ({
  status: { containerStatuses: [{ name: 'job', image: 'a', imageID: '', ready: true, restartCount: 0, state }] }
})
const running = podWith({ running: {} })
const ended = podWith({ terminated: { exitCode: 7, reason: 'Error' } })

let server: Server | undefined
afterEach(() => server?.close())

const FIRST_LINE = '2026-01-01T00:00:00.000000001Z one\n'
const WHOLE_LOG = `${FIRST_LINE}2026-01-01T00:00:00.000000002Z two\n`

type Serve = (response: ServerResponse, isFollowed: boolean) => void

/** A server whose log connections are cut in their middle as often as `cuts` says, and then give the log. */
function follow(looks: (at: number) => V1Pod | Error, cuts: number, speed = 1_000) {
  let connections = 0
  const serve: Serve = (response) => {
    connections += 1
    if (connections > cuts) response.end(WHOLE_LOG)
    else response.write('2026-01-01T00:00:00.000000001Z on', () => response.destroy())
  }
  return followServed(serve, looks, speed)
}

async function followServed(serve: Serve, looks: (at: number) => V1Pod | Error, speed: number) {
  server = createServer((request, response) => {
    response.writeHead(200)
    serve(response, request.url?.includes('follow=true') ?? false)
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const access = new KubeConfig()
  const { port } = server.address() as AddressInfo
  access.loadFromClusterAndUser({ name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }, { name: 'u' })
  let asked = 0
  const getPod = async () => {
    asked += 1
    const found = looks(asked)
    if (found instanceof Error) throw found
    return found
  }
  const cluster = { namespace: 'n', access, getPod } as unknown as Cluster
  let said = ''
  let log = ''
  const reporter = createReporter((text) => {
    said += text
  })
  const write = (chunk: Buffer) => {
    log += chunk
  }
  const lost = () => new StepError('run-lost', 'gone')
  const result = await followToEnd(
    { cluster, clock: clockOf(speed), reporter },
    { pod: 'p', container: 'job', write, lost },
    never
  ).catch((error: StepError) => error)
  return { result, log, said, asked }
}

describe('a container that is followed', () => {
  test('ends with its own exit code, although nobody answered for a while', async () => {
    const { result, log } = await follow((at) => (at === 1 ? running : at < 20 ? unreachable() : ended), 3)
    expect(result).toMatchObject({ terminated: { exitCode: 7 } })
    expect(log).toBe('one\ntwo\n')
  })

  test('is given up when nobody has answered for ten minutes, but not sooner', async () => {
    const { result, asked } = await follow((at) => (at === 1 ? running : unreachable()), 0)
    expect(result).toMatchObject({ code: 'cluster-unreachable' })
    expect(asked).toBeGreaterThan(20)
  })

  test.each([
    ['it is gone', new StepError('cluster-forbidden', 'no'), 'cluster-forbidden'],
    ['it may not be looked at', new StepError('run-lost', 'gone'), 'run-lost']
  ])('is given up at once when %s', async (_title, error, code) => {
    const { result, asked } = await follow((at) => (at === 1 ? running : error), 0)
    expect(result).toMatchObject({ code })
    expect(asked).toBe(2)
  })

  test('has its whole log, however often it is cut off after the end', async () => {
    const { log, said } = await follow(() => ended, 8, 20)
    expect([log, said]).toEqual(['one\ntwo\n', ''])
  })

  test('whose log never comes says that something is missing', async () => {
    const { log, said } = await follow(() => ended, 1_000_000)
    expect(log).toBe('on')
    expect(said).toBe('::warning::The end of the log is missing: the Kubernetes API did not give it\n')
  })

  test('is done when its status says so, however long the kubelet keeps its log open', async () => {
    const serve: Serve = (response, isFollowed) => (isFollowed ? response.write(FIRST_LINE) : response.end(WHOLE_LOG))
    const startedAtMs = systemClock.now()
    const { result, log } = await followServed(serve, (at) => (at < 4 ? running : ended), 1)
    expect(result).toMatchObject({ terminated: { exitCode: 7 } })
    expect(log).toBe('one\ntwo\n')
    // Three pauses of 150 ms; two that wait for the end of the log, which never comes, are four seconds.
    expect(systemClock.now() - startedAtMs).toBeLessThan(2_000)
  })

  test('has the rest of its log, although the connection that was asked for it first says nothing and stays open', async () => {
    let silent = 1
    const serve: Serve = (response, isFollowed) => {
      if (isFollowed || silent > 0) response.flushHeaders()
      else response.end(WHOLE_LOG)
      if (!isFollowed) silent -= 1
    }
    const { result, log, said } = await followServed(serve, () => ended, 50)
    expect(result).toMatchObject({ terminated: { exitCode: 7 } })
    expect([log, said]).toEqual(['one\ntwo\n', ''])
  })

  test('is looked at often only for a while after each line, however many there are', async () => {
    const lines = (response: ServerResponse) => {
      for (let at = 0; at < 40; at += 1) setTimeout(() => response.write(FIRST_LINE), at * 5)
    }
    const serve: Serve = (response, isFollowed) => (isFollowed ? lines(response) : response.end(WHOLE_LOG))
    const startedAtMs = systemClock.now()
    const { asked } = await followServed(serve, () => (systemClock.now() - startedAtMs < 1_500 ? running : ended), 10)
    // Fifteen seconds: in the first 1.2 one look each 20 ms, up to 3.2 one each 150 ms, and one each 2 s in the rest.
    expect(asked).toBeGreaterThan(12)
    expect(asked).toBeLessThan(85)
  })
})

describe('a pod that no node takes', () => {
  const LOOKS_MAX = 10_000
  const REASON = '0/1 nodes are available: Insufficient cpu.'
  const pending: V1Pod = { status: { conditions: [{ type: 'PodScheduled', status: 'False', message: REASON }] } }

  /** Waits until the pod runs, or for as long as it may; sleeps cost no time. */
  async function wait(looks: (at: number) => V1Pod) {
    let [nowMs, asked, said] = [0, 0, '']
    const clock: Clock = {
      now: () => nowMs,
      jitter: (ms) => ms,
      async sleep(ms) {
        nowMs += ms
      }
    }
    const getPod = async () => {
      asked += 1
      if (asked > LOOKS_MAX) throw new Error('it is waited for without an end')
      return looks(asked)
    }
    const reporter = createReporter((text) => {
      said += text
    })
    const pods = { cluster: { getPod } as unknown as Cluster, clock, reporter, schedulingMsMax: 30_000 }
    const hasStatus = ({ status }: V1Pod) => (status?.containerStatuses === undefined ? undefined : 'has started')
    const lost = () => new StepError('run-lost', 'gone')
    const result = await waitForPod(pods, 'p', hasStatus, lost, never).catch((error: StepError) => error)
    return { result, said, nowMs }
  }

  test('is waited for, and the reason is said once', async () => {
    const { result, said } = await wait((at) => (at < 50 ? pending : running))
    expect(result).toBe('has started')
    expect(said).toBe(`Waiting for a node for pod p: ${REASON}\n`)
  })

  test('is given up with the reason when a node has had its time, and not sooner', async () => {
    const { result, nowMs } = await wait(() => pending)
    expect(result).toMatchObject({ code: 'unschedulable', message: `no node took pod p within 30 s: ${REASON}` })
    expect(nowMs).toBeGreaterThan(30_000)
    expect(nowMs).toBeLessThan(31_000)
  })
})
