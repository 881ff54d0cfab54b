/** Goal: files that cannot be delivered are said so at once and in words; files that change meanwhile are no failure. */
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Cluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import { WORK_ROOT } from '../../../../../src/effects/kubernetes/files/containers.ts'
import { copyIn } from '../../../../../src/effects/kubernetes/files/copy-in.ts'
import { fromRunner, packPaths } from '../../../../../src/effects/kubernetes/files/sources.ts'
import { StepError } from '../../../../../src/errors.ts'
import { siteOf } from '../context-fixture.ts'

const never = new AbortController().signal
let directory = ''
let server: Server | undefined
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-deliver-'))
})
afterEach(async () => {
  server?.closeAllConnections()
  server?.close()
  await rm(directory, { recursive: true })
})

test('an exec that is forbidden is asked for once, and its verb named', async () => {
  let asked = 0
  server = createServer().on('upgrade', (_request, socket) => {
    asked += 1
    socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const access = new KubeConfig()
  const { port } = server.address() as AddressInfo
  access.loadFromClusterAndUser({ name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }, { name: 'u' })
  const site = siteOf('copy', { cluster: { namespace: 'arc', access } as unknown as Cluster })
  const lost = () => new StepError('run-lost', 'gone')
  const sources = [fromRunner({ root: directory, paths: [''] })]
  const delivery = { pod: 'p', container: 'files', sources, watched: [], lost } as const
  await expect(copyIn(site, { ...delivery, failure: 'workspace-delivery-failed' }, never)).rejects.toMatchObject({
    code: 'cluster-forbidden',
    message: expect.stringContaining('pods/exec in namespace arc')
  })
  expect(asked).toBe(1)
})

describe('packing the files of a pod', () => {
  /** Runs the pod's script here, with a `tar` that ends as GNU tar may. */
  async function packWith(tarExitCode: number): Promise<number> {
    await writeFile(join(directory, 'tar'), `#!/bin/sh\nexit ${tarExitCode}\n`)
    await chmod(join(directory, 'tar'), 0o755)
    const [shell = '', option = '', script = '', ...rest] = packPaths(['a'], [])
    const args = [option, script.replaceAll(WORK_ROOT, directory), ...rest]
    const env = { PATH: `${directory}:${process.env.PATH}` }
    return await new Promise((resolve) => {
      execFile(shell, args, { env }, (error) => resolve(error === null ? 0 : Number(error.code)))
    })
  }

  test('goes well although a file changed while it was read', async () => expect(await packWith(1)).toBe(0))

  test('fails when a file could not be read', async () => expect(await packWith(2)).not.toBe(0))
})
