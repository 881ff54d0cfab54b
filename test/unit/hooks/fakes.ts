/** A family of ports that does nothing but note what it is asked, for the tests of the hook. */
import type { KubernetesFamily } from '../../../src/hooks/command.ts'
import type { StepPorts } from '../../../src/machines/ports.ts'

const nothing = { building: [], pulling: [{ kind: 'pod', name: 'step-1' }] } as const

export interface FakeFamily extends KubernetesFamily {
  /** What was asked, in order. */
  readonly calls: string[]
}

/** Ports whose `run` is given; everything else succeeds at once. */
export function fakeFamily(parts: Partial<StepPorts['runner']> & { cleanUpJob?: KubernetesFamily['cleanUpJob'] } = {}) {
  const calls: string[] = []
  const family: FakeFamily = {
    calls,
    createKubernetesPorts(options, { clock }) {
      calls.push(`ports for ${options.runnerPod}`)
      return {
        clock,
        resolver: { resolve: async ({ image = '' }) => ({ kind: 'prebuilt', image, creates: nothing }) },
        builder: { build: async () => ({ digest: 'sha256:0' }) },
        pusher: { push: async () => '' },
        runner: {
          async pull(image) {
            calls.push(`pull ${image}`)
          },
          async run(_image, request) {
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
          async cleanUp(ledger) {
            calls.push(`clean up ${ledger.map(({ name }) => name).join(' ')}`)
          }
        }
      }
    },
    cleanUpJob:
      parts.cleanUpJob ??
      (async (options) => {
        calls.push(`clean up job of ${options.runnerPod}`)
      })
  }
  return family
}
