/** What cleanup_job does when the registry is away: most jobs have nothing in it, and the runner asks only once. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { cleanUpJob } from '../../../../src/effects/kubernetes/clean-up-job.ts'
import { createReporter } from '../../../../src/effects/reporter.ts'
import { randomHex, systemClock } from '../../../../src/effects/system.ts'
import { type ApiServer, startApiServer } from '../../../support/api-server.ts'
import { PATHS } from './site-fixture.ts'

let directory = ''
let api: ApiServer
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-clean-up-'))
  api = await startApiServer(directory, 'runner-1')
  vi.stubEnv('KUBECONFIG', api.kubeconfig)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await api.close()
  await rm(directory, { recursive: true })
})

test('a registry that nobody reaches is a warning, and the job ends well', async () => {
  let said = ''
  const reporter = createReporter((text) => {
    said += text
  })
  const clock = { ...systemClock, sleep: async () => {} }
  const registry = { pushHost: '127.0.0.1:9', pullHost: '127.0.0.1:9', plainHttp: true }
  const options = { runnerPod: 'runner-1', paths: PATHS, registry }
  const removed = await cleanUpJob(options, { clock, reporter, randomHex }, new AbortController().signal)
  expect(removed).toEqual([])
  expect(said).toMatch(/^::warning::Images of this job, if it built any, stay in the registry.*127\.0\.0\.1:9/m)
  expect(api.changes).toEqual([])
})
