/** What the calls to the API server make of its refusals: told apart by reason, repeated where that can help. Method: a real HTTP server. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { connectCluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import { systemClock } from '../../../../../src/effects/system.ts'

const clock = { ...systemClock, sleep: async () => {} }
const never = new AbortController().signal
const pod = { metadata: { name: 'p' } }
const conflict = (reason: string, message: string) => ({ status: 409, body: { kind: 'Status', reason, message } })
// As quota admission answers when two pods are created at one moment (kubernetes/kubernetes#67761).
const QUOTA = conflict('Conflict', 'Operation cannot be fulfilled on resourcequotas "q": the object has been modified')
const THERE = conflict('AlreadyExists', 'pods "p" already exists')
const MADE = { status: 201, body: pod }

let directory = ''
let server: Server | undefined
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-client-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  server?.close()
  await rm(directory, { recursive: true })
})

/** A cluster that answers each call with the next of `answers`, and the last one again and again. */
async function clusterThat(answers: readonly { readonly status: number; readonly body: object }[]) {
  const methods: string[] = []
  server = createServer((request, response) => {
    const { status, body } = answers[Math.min(methods.length, answers.length - 1)] ?? MADE
    methods.push(request.method ?? '')
    request.resume().once('end', () => response.writeHead(status).end(JSON.stringify(body)))
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const kubeconfig = {
    clusters: [{ name: 't', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 't', user: {} }],
    contexts: [{ name: 't', context: { cluster: 't', user: 't', namespace: 'ci' } }],
    'current-context': 't'
  }
  await writeFile(join(directory, 'kubeconfig'), JSON.stringify(kubeconfig))
  vi.stubEnv('KUBECONFIG', join(directory, 'kubeconfig'))
  const said: string[] = []
  const cluster = await connectCluster({ clock, onRetry: (line) => said.push(line) })
  return { cluster, said, methods, calls: () => methods.length }
}

test('a pod whose quota was just being written is created by another try, and never counts as there', async () => {
  const { cluster, said, calls } = await clusterThat([QUOTA, QUOTA, MADE])
  await cluster.createPod(pod, never)
  expect(calls()).toBe(3)
  expect(said).toEqual([expect.stringContaining('create pods failed (Operation cannot be fulfilled')])
})

test('a quota that is always being written ends in its own words', async () => {
  const { cluster } = await clusterThat([QUOTA])
  await expect(cluster.createPod(pod, never)).rejects.toMatchObject({
    code: 'cluster-unreachable',
    message: expect.stringContaining('resourcequotas')
  })
})

test('a pod that an earlier try has made is there', async () => {
  const { cluster, calls } = await clusterThat([{ status: 503, body: {} }, THERE])
  await cluster.createPod(pod, never)
  expect(calls()).toBe(2)
})

const owned = (uid: string) => ({
  metadata: { name: 'p', ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'runner', uid }] }
})

test("a pod of the same owner is there, as an earlier try's whose answer was lost", async () => {
  const { cluster, calls } = await clusterThat([THERE, { status: 200, body: owned('uid-1') }])
  await cluster.createPod(owned('uid-1'), never)
  expect(calls()).toBe(2)
})

test.each([
  ['of another owner', owned('uid-2')],
  ['without an owner', pod]
])(
  'a pod %s that has the name is not taken for the one that was to be made, and not deleted',
  async (_title, there) => {
    const { cluster, methods } = await clusterThat([THERE, { status: 200, body: there }])
    await expect(cluster.createPod(owned('uid-1'), never)).rejects.toMatchObject({ code: 'cluster-rejected' })
    await cluster.deletePod('p', never)
    expect(methods).toEqual(['POST', 'GET', 'GET'])
  }
)

test.each([
  ["somebody else's stays", owned('uid-2'), ['POST', 'GET']],
  ["the runner's own goes", owned('uid-1'), ['POST', 'GET', 'DELETE']]
])('of two pods that may have been made before the order to stop, %s', async (_title, there, expected) => {
  const { cluster, methods } = await clusterThat([THERE, { status: 200, body: there }])
  const stop = new AbortController()
  const created = cluster.createPod(owned('uid-1'), stop.signal)
  created.catch(() => {})
  stop.abort()
  await cluster.deletePod('p', never)
  await expect(created).rejects.toThrow()
  expect(methods).toEqual(expected)
})

test('a pod that was made is deleted without another look', async () => {
  const { cluster, methods } = await clusterThat([MADE])
  await cluster.createPod(owned('uid-1'), never)
  await cluster.deletePod('p', never)
  expect(methods).toEqual(['POST', 'DELETE'])
})
