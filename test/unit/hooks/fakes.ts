/** A backend of ports that does nothing but note what it is asked, for the tests of the hook. */
import type { Backends } from '../../../src/hooks/context.ts'
import type { Janitor, JobCleaner, JobHost, JobPorts, StepPorts } from '../../../src/machines/ports.ts'
import { portsOf } from '../../support/history.ts'

const nothing = { building: [], pulling: [{ kind: 'pod', name: 'step-1' }] } as const

type Backend<Name extends keyof Backends> = Awaited<ReturnType<Backends[Name]>>

export interface FakeBackend extends Backend<'steps'>, Backend<'jobs'>, Backend<'cleanup'> {
  /** What was asked, in order. */
  readonly calls: string[]
}

interface Parts extends Partial<StepPorts['runner']> {
  readonly job?: Partial<JobHost>
  readonly cleaner?: Partial<JobCleaner>
  readonly cleanUp?: StepPorts['janitor']['cleanUp']
}

/** Ports whose `run` is given; everything else succeeds at once. */
export function fakeBackend(parts: Parts = {}) {
  const calls: string[] = []
  const backend: FakeBackend = {
    calls,
    createKubernetesPorts(options, { clock }) {
      calls.push(`ports for ${options.runnerPod}`)
      return {
        clock,
        resolver: {
          resolve: async ({ request: { image = '' } }) => ({ kind: 'prebuilt', nonce: '0', image, creates: nothing })
        },
        joiner: { join: async () => ({}) },
        builder: { build: async () => ({ digest: 'sha256:0' }) },
        pusher: { push: async () => '' },
        inPlace: {
          take: async () => ({}),
          buildInPlace: async () => ({ pod: 'build-1', marker: '' }),
          handOver: async ({ built }) => ({ copiedIn: {}, inPlace: { ...built, since: '' } })
        },
        runner: {
          async pull({ image }) {
            calls.push(`pull ${image}`)
            return {}
          },
          async run({ request }) {
            calls.push(`run ${JSON.stringify(request.args)}`)
            return { exitCode: 0 }
          },
          ...parts
        },
        workspace: {
          async collect() {
            calls.push('collect')
          }
        },
        janitor: {
          async cleanUp(work, ...rest) {
            calls.push(`clean up ${work.ledger.map(({ name }) => name).join(' ')}`)
            await parts.cleanUp?.(work, ...rest)
          }
        }
      }
    },
    createJobPorts(options, { clock }) {
      const host: Partial<JobHost> = {
        async plan(request) {
          calls.push(`plan ${request.container?.image} for ${options.startTimeoutMs} ms`)
          return { nonce: '0', creates: [{ kind: 'pod', name: 'job-1' }], leftovers: [] }
        },
        async start() {
          calls.push('start')
          return {}
        },
        inspect: async () => ({ pod: 'job-1', storage: 'copy', isAlpine: true }),
        ...parts.job
      }
      const janitor: Janitor = {
        async cleanUp({ ledger }) {
          calls.push(`clean up ${ledger.map(({ name }) => name).join(' ')}`)
        }
      }
      const own: Readonly<Record<string, object>> = { host, janitor }
      // What nobody has written down here is noted, and done.
      return portsOf<JobPorts>('job-start', clock, (method) => async ({ args }) => {
        const [port = '', name = ''] = method.split('.')
        const answer = (own[port] as Readonly<Record<string, (...given: readonly unknown[]) => unknown>>)[name]
        return answer === undefined ? void calls.push(name) : await answer(...args)
      })
    },
    createCleanupPorts: (_options, { clock }) => ({
      clock,
      cleaner: {
        async list({ runnerPod }) {
          calls.push(`list what is left of ${runnerPod}`)
          return {
            objects: [
              { kind: 'secret', name: 'secret-1' },
              { kind: 'pod', name: `${runnerPod}-workflow` }
            ],
            images: { repository: 'f00d', digests: [] }
          }
        },
        async removeObjects(objects) {
          calls.push(`remove ${objects.map(({ name }) => name).join(' ')}`)
        },
        async confirm() {
          calls.push('confirm')
        },
        async removeImages({ repository }) {
          calls.push(`remove images of ${repository}`)
          return [{ kind: 'image', name: `${repository}:1` }]
        },
        ...parts.cleaner
      }
    })
  }
  return backend
}
