/** The promises of Janitor, for every backend. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { toCleanUp, toResolve, toRun } from '../support/port-inputs.ts'
import {
  type Backend,
  buildAndPush,
  codeOf,
  ledgerOf,
  mountsBelow,
  never,
  planFor,
  request,
  withBackend,
  withFiles
} from './backend.ts'

export function describeJanitor(backend: Backend): void {
  describe(`janitor: ${backend.name}`, () => {
    test('removes what the ledger lists, the image in the registry included; once more is a no-op', () =>
      withFiles({ Dockerfile: `FROM ${backend.from.base}\nCMD ["true"]\n` }, (directory) =>
        withBackend(backend, async (open) => {
          const { ports, client } = open
          const planned = await planFor(open, join(directory, 'Dockerfile'))
          const { plan, ledger, resolution } = planned
          const image = await buildAndPush(ports, planned)
          const input = toRun(image, request({}), resolution)
          await ports.runner.pull(input, never)
          await ports.runner.run(input, never)
          expect(await client.digestOf(plan.pushReference, never)).toBeDefined()

          await ports.janitor.cleanUp(toCleanUp(ledger), never)
          expect(await client.digestOf(plan.pushReference, never)).toBeUndefined()
          expect(await client.digestOf(image, never)).toBeUndefined()
          await ports.janitor.cleanUp(toCleanUp(ledger), never)
        })
      ))

    test('cleans up a step of which nothing was made', () =>
      withFiles({ Dockerfile: `FROM ${backend.from.base}\n` }, (directory) =>
        withBackend(backend, async (open) => {
          const { ledger } = await planFor(open, join(directory, 'Dockerfile'))
          expect(ledger.map(({ kind }) => kind)).toContain('image')
          await open.ports.janitor.cleanUp(toCleanUp(ledger, true), never)
        })
      ))

    test.runIf(backend.endsAtOnce)('ends an action that was aborted while it ran', () =>
      withFiles({}, (directory) =>
        withBackend(backend, async ({ ports, log }) => {
          await mkdir(join(directory, 'workspace'))
          const mounts = mountsBelow(directory).slice(0, 1)
          const script = 'trap "" TERM; echo started; while true; do date >> /github/workspace/beat; sleep 0.1; done'
          const step = request({ image: backend.run.base, entryPoint: 'sh', args: ['-c', script], mounts })
          const resolution = await ports.resolver.resolve(toResolve(step), never)
          const input = toRun(backend.run.base, step, resolution)
          await ports.runner.pull(input, never)
          const stopping = new AbortController()
          const running = codeOf(ports.runner.run(input, stopping.signal))
          await expect.poll(log, { timeout: 30_000 }).toMatch(/^started$/m)
          stopping.abort()
          expect(await running).toBe('cancelled')
          await ports.janitor.cleanUp(toCleanUp(ledgerOf(resolution), true), never)

          const beats = () => readFile(join(directory, 'workspace', 'beat'), 'utf8')
          const atTheEnd = await beats()
          await delay(500)
          expect(await beats()).toBe(atTheEnd)
        })
      )
    )
  })
}
