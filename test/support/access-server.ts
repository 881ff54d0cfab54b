/** What the requests of the effects go to in tests: an HTTP server that answers as a test says, until that test has ended. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Access } from '../../src/effects/kubernetes/api/request.ts'

export async function serveAccess(listener: RequestListener): Promise<Access> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const access = {
    getCurrentCluster: () => ({ name: 'test', server: address, skipTLSVerify: true }),
    async applyToHTTPSOptions() {}
  }
  return { access, namespace: 'ci' }
}
