/** The promises of Builder and Pusher, for every backend. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { TryEvent } from '../../src/machines/inputs.ts'
import { toBuild, toCleanUp, toPush } from '../support/port-inputs.ts'
import {
  type Backend,
  codeOf,
  never,
  type OpenBackend,
  type Planned,
  planFor,
  withBackend,
  withFiles
} from './backend.ts'

/** A whole line that the Dockerfile's own code printed; BuildKit puts the step and the seconds in front. */
const printed = (text: string) => new RegExp(`^(?:#\\d+ [\\d.]+ )?${text.replaceAll('.', '\\.')}$`, 'gm')

/** Runs `work` with a backend and what it plans for these files; cleans up after it. */
function planned<T>(
  backend: Backend,
  files: Readonly<Record<string, string>>,
  work: (open: OpenBackend, planned: Planned) => Promise<T>,
  dockerfile = 'Dockerfile'
): Promise<T> {
  return withFiles(files, (directory) =>
    withBackend(backend, async (open) => {
      const plan = await planFor(open, join(directory, dockerfile))
      try {
        return await work(open, plan)
      } finally {
        await open.ports.janitor.cleanUp(toCleanUp(plan.ledger), never)
      }
    })
  )
}

export function describeBuilder(backend: Backend): void {
  const FROM = `FROM ${backend.from.base}\n`

  describe(`builder: ${backend.name}`, () => {
    test('builds a Dockerfile of any name, shows its output and pushes nothing', () => {
      const files = {
        'my.dockerfile': `${FROM}COPY . /context\nRUN echo seen by the author; ls -A /context\n`,
        'kept.txt': 'kept',
        'left-out.txt': 'left out',
        '.dockerignore': 'left-out.txt\n'
      }
      return planned(
        backend,
        files,
        async ({ ports, log, client }, { plan, nonce }) => {
          const { digest } = await ports.builder.build(toBuild({ plan, nonce }), never)
          expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/)
          expect(log()).toMatch(printed('seen by the author'))
          expect(log()).toMatch(printed('kept.txt'))
          expect(log()).not.toMatch(printed('left-out.txt'))
          expect(await client.digestOf(plan.pushReference, never)).toBeUndefined()
        },
        'my.dockerfile'
      )
    })

    test('a failing RUN is dockerfile-failed, with its output visible', () =>
      planned(
        backend,
        { Dockerfile: `${FROM}RUN echo dial tcp: connection refused; exit 3\n` },
        async ({ ports, log }, planned) => {
          expect(await codeOf(ports.builder.build(toBuild(planned), never))).toBe('dockerfile-failed')
          expect(log()).toMatch(printed('dial tcp: connection refused'))
        }
      ))

    test('a COPY of a file that is not there is dockerfile-failed', () =>
      planned(backend, { Dockerfile: `${FROM}COPY nowhere /\n` }, async ({ ports }, planned) => {
        expect(await codeOf(ports.builder.build(toBuild(planned), never))).toBe('dockerfile-failed')
      }))

    test('a base image that does not exist is base-image-not-found', () =>
      planned(backend, { Dockerfile: `FROM ${backend.from.missing}\n` }, async ({ ports }, planned) => {
        expect(await codeOf(ports.builder.build(toBuild(planned), never))).toBe('base-image-not-found')
      }))

    test('stops when it is aborted, and cleanup leaves nothing', () =>
      planned(backend, { Dockerfile: `${FROM}RUN echo started; sleep 600\n` }, async ({ ports, log }, planned) => {
        const stopping = new AbortController()
        const building = codeOf(ports.builder.build(toBuild(planned), stopping.signal))
        await expect.poll(log, { timeout: 30_000 }).toMatch(printed('started'))
        stopping.abort()
        expect(await building).toBe('cancelled')
        await ports.janitor.cleanUp(toCleanUp(planned.ledger, true), never)
      }))
  })
}

/** A push that goes well at once has nothing to tell. */
const unexpected = (event: TryEvent): never => {
  throw new Error(`told of ${event.type}`)
}

export function describePusher(backend: Backend): void {
  const files = { Dockerfile: `FROM ${backend.from.base}\nRUN echo built-by-the-contract\n` }

  describe(`pusher: ${backend.name}`, () => {
    test('returns a digest that the registry has, and may be asked again without building', () =>
      planned(backend, files, async ({ ports, client, log }, { plan, nonce }) => {
        const built = await ports.builder.build(toBuild({ plan, nonce }), never)
        const image = await ports.pusher.push(toPush(plan, built), unexpected, never)
        const [repository, digest] = image.split('@')
        expect(repository).toBe(plan.pullRepository)
        expect(await client.digestOf(plan.pushReference, never)).toBe(digest)

        expect(await ports.pusher.push(toPush(plan, built), unexpected, never)).toBe(image)
        expect(await client.digestOf(plan.pushReference, never)).toBe(digest)
        expect(log().match(printed('built-by-the-contract'))).toHaveLength(1)
      }))

    test('a registry that is gone is told of, tried again, and registry-unreachable at last', () =>
      planned(backend, files, async ({ ports }, { plan, nonce }) => {
        // The discard port: nothing listens there.
        const elsewhere = { ...plan, pushReference: '127.0.0.1:9/gone:1', pullRepository: '127.0.0.1:9/gone' }
        const built = await ports.builder.build({ ...toBuild({ plan: elsewhere, nonce }), pushTriesMax: 2 }, never)
        const told: string[] = []
        const tell = (event: TryEvent) => void told.push(event.type === 'TRY_FAILED' ? event.error.code : event.type)
        const tries = { triesMax: 2, backOffMs: 10, backOffMsMax: 10 }
        const pushing = ports.pusher.push({ ...toPush(elsewhere, built), tries }, tell, never)
        expect(await codeOf(pushing)).toBe('registry-unreachable')
        expect(told).toEqual(['registry-unreachable', 'TRY_STARTED'])
        await ports.janitor.cleanUp(toCleanUp([{ kind: 'image', name: elsewhere.pushReference }]), never)
      }))
  })
}
