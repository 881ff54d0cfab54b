/** The little of a Kubernetes API server that the hook asks before it creates anything, for tests of its refusals. */
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export interface ApiServer {
  /** Path of the kubeconfig that leads here. */
  readonly kubeconfig: string
  /** `POST /api/v1/...` of every request that would have changed the cluster; none of them succeeds. */
  readonly changes: readonly string[]
  close(): Promise<void>
}

const NAMESPACE = 'ci'

/** Knows one pod, `runnerPod`, with an emptyDir at /home/runner/_work; a kubeconfig for it is written into `directory`. */
export async function startApiServer(directory: string, runnerPod: string): Promise<ApiServer> {
  const changes: string[] = []
  const pod = {
    metadata: { name: runnerPod, namespace: NAMESPACE, uid: 'uid-1' },
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'runner', image: 'runner:1', volumeMounts: [{ name: 'work', mountPath: directory }] }],
      volumes: [{ name: 'work', emptyDir: {} }]
    }
  }
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    const say = (status: number, body: object) => response.writeHead(status).end(JSON.stringify(body))
    if (request.method !== 'GET') {
      changes.push(`${request.method} ${path}`)
      say(422, { message: 'nothing may be changed here' })
    } else if (path.endsWith(`/pods/${runnerPod}`)) say(200, pod)
    else if (/\/(pods|secrets)$/.test(path)) say(200, { items: [] })
    else say(404, { message: `${path} not found` })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const kubeconfig = join(directory, 'kubeconfig')
  await writeFile(kubeconfig, JSON.stringify(kubeconfigOf(address)))
  return {
    kubeconfig,
    changes,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

/** Of a server that asks nobody who he is. */
export const kubeconfigOf = (server: string) => ({
  clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
  users: [{ name: 'test', user: {} }],
  contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: NAMESPACE } }],
  'current-context': 'test'
})
